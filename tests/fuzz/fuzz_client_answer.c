/* SPDX-License-Identifier: Apache-2.0 */

/* A server's answer as the client gets it from libcurl, line by line. */

#include "harness.h"

#include <string.h>

#include "../../tools/client_answer.h"
#include "../../tools/client_url.h"
#include "bgu_guid.h"

/** Whether a text ends within its array and no byte of it is left out. */
#define IS_WHOLE(array) (memchr((array), '\0', sizeof(array)) != NULL)

static void check_values(const client_answer_t *answer, apr_pool_t *pool)
{
    char id[BGU_ID_LEN + 1];
    const char *url = "http://localhost/a";

    HOLDS(IS_WHOLE(answer->session_id) && IS_WHOLE(answer->host_id) &&
          IS_WHOLE(answer->reply_url) && IS_WHOLE(answer->trouble));
    HOLDS(answer->status >= 0 && answer->status <= 999 && answer->next >= -1);
    HOLDS(answer->host_fallback >= 0);
    HOLDS(fuzz_is_plain(answer->host_id) && strpbrk(answer->host_id, " /?#@\\%") == NULL);
    if (answer->session_id[0]) {
        HOLDS(bgu_guid_parse(id, answer->session_id, strlen(answer->session_id)));
        HOLDS(strcmp(id, answer->session_id) == 0);
    }
    if (answer->host_id[0]) {
        url = client_url_at_host(url, answer->host_id, pool);
        HOLDS(url == NULL || strncmp(url, "http://", 7) == 0);
    }
    if (client_url_reply(&url, answer->reply_url, "https://localhost/b", pool) == NULL) {
        HOLDS(strncmp(url, "https://", 8) == 0 && fuzz_is_plain(url));
    }
}

static void check_verdict(const client_answer_t *answer, apr_pool_t *pool)
{
    const char *text = client_answer_text(answer, pool);

    HOLDS(text != NULL && fuzz_is_plain(text));
    HOLDS(client_answer_advice(answer) != NULL);
    for (int type = BGU_PING; type < BGU_PACKET_UNKNOWN; type++) {
        client_verdict_e verdict = client_answer_verdict(answer, (bgu_packet_e)type);

        HOLDS(verdict <= CLIENT_INTERRUPTED);
        if (verdict == CLIENT_OK) {
            HOLDS(answer->ended && answer->status == 200 && answer->ack);
        }
    }
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    client_answer_t *answer = apr_palloc(pool, sizeof(*answer));
    const char *line;
    size_t length;

    client_answer_clear(answer);
    while ((line = fuzz_line(&data, &size, &length, pool)) != NULL) {
        client_answer_line(answer, line, length);
        check_values(answer, pool);
    }
    check_verdict(answer, pool);
}
