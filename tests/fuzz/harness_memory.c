/* SPDX-License-Identifier: Apache-2.0 */

#include "harness_memory.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <apr_pools.h>

static void **pieces;
static size_t count, room;
static int active;

void harness_memory_begin(void)
{
    active = 1;
}

void harness_memory_end(void)
{
    active = 0;
    while (count > 0) {
        free(pieces[--count]);
    }
}

/** libapr's own. */
static void *pool_memory(apr_pool_t *pool, apr_size_t size)
{
    static void *(*real)(apr_pool_t * pool, apr_size_t size);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "apr_palloc");
    }
    return real(pool, size);
}

/* A macro where APR is built for debugging pools, which finds the same. */
#ifndef apr_palloc
void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    void *piece;

    if (!active) {
        return pool_memory(pool, size);
    }
    if (count == room) {
        room = room ? 2 * room : 1024;
        pieces = realloc(pieces, room * sizeof(*pieces));
    }
    piece = malloc(size);
    if (pieces == NULL || piece == NULL) {
        abort();
    }
    pieces[count++] = piece;
    return piece;
}
#endif
