/* SPDX-License-Identifier: Apache-2.0 */

/* The head of an answer to the client's download. */

#include "harness.h"

#include <string.h>

#include "../../tools/client_head.h"

static const char etag[] = "\"a-1\"";

static void check_body(const client_head_t *head, apr_off_t have)
{
    client_body_e body = client_head_body(head, have, etag);

    if (body == CLIENT_BODY_WHOLE) {
        HOLDS(head->status == 200 && !head->coded && (head->length >= 0 || head->chunked));
    }
    if (body == CLIENT_BODY_REST) {
        HOLDS(have > 0 && head->status == 206 && head->first == have && head->total > have);
    }
    if (body == CLIENT_BODY_NOTHING) {
        HOLDS(have > 0 && head->total == have);
    }
    if (body == CLIENT_BODY_REST || body == CLIENT_BODY_NOTHING) {
        HOLDS(!head->coded && (head->etag[0] == '\0' || strcmp(head->etag, etag) == 0));
    }
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    client_head_t *head = apr_palloc(pool, sizeof(*head));
    const char *line;
    size_t length;

    client_head_clear(head);
    while ((line = fuzz_line(&data, &size, &length, pool)) != NULL) {
        client_head_line(head, line, length);
        HOLDS(memchr(head->etag, '\0', sizeof(head->etag)) != NULL);
        HOLDS(!head->etag[0] || client_head_is_etag(head->etag, strlen(head->etag)));
        HOLDS(head->status >= 0 && head->status <= 999);
        HOLDS(head->length >= -1 && head->first >= -1 && head->total >= -1);
        HOLDS(client_head_total(head) >= -1);
    }
    for (apr_off_t have = 0; have < 12; have++) {
        check_body(head, have);
    }
}
