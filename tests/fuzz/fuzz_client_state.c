/* SPDX-License-Identifier: Apache-2.0 */

/* The client's state file: what was read is written the same and read back the same. */

#include "harness.h"

#include <string.h>

#include "../../tools/client_state.h"

static void check_same(const client_state_t *one, const client_state_t *other)
{
    HOLDS(strcmp(one->file, other->file) == 0);
    HOLDS(strcmp(one->url, other->url) == 0);
    HOLDS(strcmp(one->user, other->user) == 0);
    HOLDS(one->size == other->size && one->mtime == other->mtime && one->inode == other->inode);
    HOLDS(strcmp(one->session, other->session) == 0);
    HOLDS(strcmp(one->host, other->host) == 0);
    HOLDS(one->host_fallback == other->host_fallback && one->progress == other->progress);
    HOLDS(one->closing == other->closing && one->reply_inode == other->reply_inode);
    HOLDS(strcmp(one->reply_out, other->reply_out) == 0);
    HOLDS(strcmp(one->reply_url, other->reply_url) == 0);
    HOLDS(strcmp(one->reply_etag, other->reply_etag) == 0);
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    client_state_t state, again;
    const char *text;

    if (client_state_parse(&state, data, size, pool) != NULL) {
        return;
    }
    HOLDS(state.size >= 0 && state.host_fallback >= 0 && state.progress >= 0);
    HOLDS(fuzz_is_plain(state.url) && fuzz_is_plain(state.host) && fuzz_is_plain(state.reply_url));
    text = client_state_format(&state, pool);
    HOLDS(client_state_parse(&again, text, strlen(text), pool) == NULL);
    check_same(&state, &again);
    HOLDS(strcmp(client_state_format(&again, pool), text) == 0);
}
