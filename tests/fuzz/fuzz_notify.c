/* SPDX-License-Identifier: Apache-2.0 */

/* The answer of a server application, as libcurl delivers its lines, and what it is taken for. */

#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "bgu_notify_answer.h"

static void check_verdict(const bgu_verdict_t *verdict, const bgu_notification_t *ask)
{
    const char *url = verdict->static_url;

    HOLDS(verdict->detail != NULL);
    HOLDS(verdict->result == BGU_OK || verdict->result == BGU_APP_REFUSED ||
          verdict->result == BGU_APP_BROKEN || verdict->result == BGU_APP_BAD_URL);
    if (verdict->result == BGU_APP_REFUSED) {
        HOLDS(verdict->status >= 400 && verdict->status <= 599);
    }
    if (verdict->result != BGU_OK) {
        HOLDS(!verdict->has_reply);
        return;
    }
    HOLDS(verdict->status >= 200 && verdict->status <= 204);
    HOLDS(verdict->has_reply == (url == NULL && ask->max_reply != 1));
    /* It stands in a header of the answer to the client. */
    HOLDS(url == NULL || (strlen(url) <= BGU_STATIC_URL_MAX && fuzz_is_plain(url) &&
                          strchr(url, ' ') == NULL && strstr(url, "://") != NULL));
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    bgu_notification_t ask = {
        .url = "http://localhost/",
        .by = BGU_NOTIFY_REFERENCE,
        .reply_path = fuzz_path("reply", pool),
        .max_reply = (apr_off_t)size % 3,
    };
    bgu_verdict_t verdict = {.result = BGU_OK};
    const char *line;
    size_t length;

    fuzz_write(ask.reply_path, "ab", 2);
    while ((line = fuzz_line(&data, &size, &length, pool)) != NULL) {
        bgu_notify_header(&verdict, line, length, pool);
        if (length > 12 && memcmp(line, "HTTP/1.1 ", 9) == 0) {
            verdict.status = (int)strtol(fuzz_text(line + 9, 3, pool), NULL, 10);
        }
    }
    bgu_notify_judge(&verdict, &ask, pool);
    check_verdict(&verdict, &ask);
}
