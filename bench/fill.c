/* SPDX-License-Identifier: Apache-2.0 */

/* fill: puts open sessions of many clients into a store, through the store's own code. */

#include <inttypes.h>
#include <stdio.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "bgu_guid.h"
#include "bgu_store.h"
#include "number.h"

/** Days after which they time out. */
#define TIMEOUT 14

/** Sessions of one address. */
#define PER_CLIENT 20

/** Sessions after which the pool of their texts is cleared. */
#define BATCH 1000

static apr_status_t add(bgu_store_t *store, uint64_t number, const char *spool, apr_pool_t *pool)
{
    uint64_t client = number / PER_CLIENT;
    char id[BGU_ID_LEN + 1];
    apr_time_t now = apr_time_now();
    bgu_session_t session = {
        .id = id,
        .state = BGU_STATE_RECEIVING,
        .user = "",
        .client = apr_psprintf(pool, "10.%d.%d.%d", (int)(client >> 16 & 255),
                               (int)(client >> 8 & 255), (int)(client & 255)),
        .path = apr_psprintf(pool, "/upload/fill/%" PRIu64 ".bin", number),
        .query = "",
        .dest = apr_psprintf(pool, "/srv/uploads/fill/%" PRIu64 ".bin", number),
        .spool = spool,
        .total = 100 * 1024 * 1024,
        .created = now,
        .updated = now,
        .timeout = apr_time_from_sec(TIMEOUT * 24 * 3600),
        .reply = {.url = ""},
    };
    apr_status_t rv = bgu_guid_make(id);

    return rv == APR_SUCCESS ? bgu_store_sqlite.create(store, &session, NULL, 0) : rv;
}

static int fill(bgu_store_t *store, uint64_t count, const char *spool, apr_pool_t *pool)
{
    apr_pool_t *texts;
    uint64_t i;

    apr_pool_create(&texts, pool);
    for (i = 0; i < count; i++) {
        apr_status_t rv = add(store, i, spool, texts);

        if (rv != APR_SUCCESS) {
            fprintf(stderr, "fill: session %" PRIu64 ": status %d\n", i, rv);
            return 1;
        }
        if (i % BATCH == BATCH - 1) {
            apr_pool_clear(texts);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *error = NULL;
    bgu_store_t *store;
    apr_pool_t *pool;
    int failed = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: fill STORE SPOOL NUMBER\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (bgu_store_sqlite.open(&store, argv[1], 1, &error, pool) == APR_SUCCESS) {
        failed = fill(store, number_read(argv[3], UINT64_MAX), argv[2], pool);
    } else {
        fprintf(stderr, "fill: %s\n", error);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
