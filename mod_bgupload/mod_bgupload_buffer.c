/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_buffer.h"

#include <pthread.h>
#include <sys/mman.h>

/* Most bytes of buffers that a process keeps for the next bodies. */
#define IDLE_MAX (4 * 1024 * 1024)

/* A buffer that is not in use, at its own front. */
typedef struct idle_t {
    struct idle_t *next;
    size_t size;
} idle_t;

/* Those of this process. */
static struct {
    pthread_mutex_t lock;
    idle_t *idle; /* last come, first served: it is still in the processor's cache */
    size_t bytes; /* of all idle ones */
    int users;    /* connections that have joined */
} stock = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void unmap_all(idle_t *idle)
{
    while (idle) {
        idle_t *next = idle->next;
        (void)munmap(idle, idle->size);
        idle = next;
    }
}

void mod_bgupload_buffer_join(void)
{
    (void)pthread_mutex_lock(&stock.lock);
    stock.users++;
    (void)pthread_mutex_unlock(&stock.lock);
}

void mod_bgupload_buffer_leave(void)
{
    idle_t *left = NULL;

    (void)pthread_mutex_lock(&stock.lock);
    if (--stock.users == 0) {
        left = stock.idle;
        stock.idle = NULL;
        stock.bytes = 0;
    }
    (void)pthread_mutex_unlock(&stock.lock);
    unmap_all(left);
}

/* Take an idle buffer out of the stock. NULL if there is none of that size. */
static idle_t *take(size_t size)
{
    idle_t **at = &stock.idle;

    (void)pthread_mutex_lock(&stock.lock);
    while (*at && (*at)->size != size) {
        at = &(*at)->next;
    }
    idle_t *found = *at;
    if (found) {
        *at = found->next;
        stock.bytes -= size;
    }
    (void)pthread_mutex_unlock(&stock.lock);
    return found;
}

/* Mapped, not allocated: what is unmapped is the system's at once, and pages that no byte came to
 * cost nothing. */
char *mod_bgupload_buffer_get(size_t size)
{
    void *buffer = take(size);

    if (buffer == NULL) {
        buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    return buffer == MAP_FAILED ? NULL : buffer;
}

void mod_bgupload_buffer_put(char *buffer, size_t size)
{
    idle_t *idle = (idle_t *)(void *)buffer;
    int kept = 0;

    (void)pthread_mutex_lock(&stock.lock);
    if (stock.bytes + size <= IDLE_MAX) {
        idle->next = stock.idle;
        idle->size = size;
        stock.idle = idle;
        stock.bytes += size;
        kept = 1;
    }
    (void)pthread_mutex_unlock(&stock.lock);
    if (!kept) {
        (void)munmap(buffer, size);
    }
}
