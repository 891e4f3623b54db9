/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_notify_idle.h"

#include <poll.h>
#include <apr_tables.h>
#include <apr_thread_mutex.h>

/* Handles for which there is room at first. */
#define ROOM 8

struct bgu_notify_idle_t {
    apr_thread_mutex_t *lock;    /* guards handles */
    apr_array_header_t *handles; /* CURL *, the last used last */
};

/* Whether the kept connection of a handle, if it has one, may be used again. What has come on it
 * since the last answer would be taken for the answer to the next notification, which may be one of
 * another user. libcurl only finds the end of a connection, and not always. */
static int is_quiet(CURL *curl)
{
    curl_socket_t kept = CURL_SOCKET_BAD;

    if (curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &kept) != CURLE_OK ||
        kept == CURL_SOCKET_BAD) {
        return 1;
    }
    struct pollfd event = {.fd = kept, .events = POLLIN};
    return poll(&event, 1, 0) == 0;
}

CURL *bgu_notify_idle_take(bgu_notify_idle_t *idle)
{
    apr_thread_mutex_lock(idle->lock);
    CURL **last = apr_array_pop(idle->handles);
    CURL *curl = last ? *last : NULL;
    apr_thread_mutex_unlock(idle->lock);
    if (curl && !is_quiet(curl)) {
        curl_easy_cleanup(curl);
        curl = NULL;
    }
    return curl ? curl : curl_easy_init();
}

void bgu_notify_idle_put(bgu_notify_idle_t *idle, CURL *curl)
{
    apr_thread_mutex_lock(idle->lock);
    APR_ARRAY_PUSH(idle->handles, CURL *) = curl;
    apr_thread_mutex_unlock(idle->lock);
}

static apr_status_t idle_close(void *data)
{
    bgu_notify_idle_t *idle = data;
    CURL **last;

    while ((last = apr_array_pop(idle->handles)) != NULL) {
        curl_easy_cleanup(*last);
    }
    return APR_SUCCESS;
}

apr_status_t bgu_notify_idle_make(bgu_notify_idle_t **result, apr_pool_t *pool)
{
    bgu_notify_idle_t *idle = apr_palloc(pool, sizeof(*idle));
    apr_status_t rv = apr_thread_mutex_create(&idle->lock, APR_THREAD_MUTEX_DEFAULT, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return APR_EGENERAL;
    }
    idle->handles = apr_array_make(pool, ROOM, sizeof(CURL *));
    apr_pool_cleanup_register(pool, idle, idle_close, apr_pool_cleanup_null);
    *result = idle;
    return APR_SUCCESS;
}
