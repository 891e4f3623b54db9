/* SPDX-License-Identifier: Apache-2.0 */

/* Handles of libcurl between two notifications. Each keeps its last connection open, so that the
 * next notification need not make one; several may be out at once. */

#ifndef BGU_NOTIFY_IDLE_H
#define BGU_NOTIFY_IDLE_H

#include <apr_pools.h>
#include <curl/curl.h>

/** The handles that nobody uses at the moment. */
typedef struct bgu_notify_idle_t bgu_notify_idle_t;

/** Make an empty set. Safe for many threads, not across a fork.
 * @param pool owns it; its handles and their connections are closed when it is destroyed */
apr_status_t bgu_notify_idle_make(bgu_notify_idle_t **idle, apr_pool_t *pool);

/** Take a handle, or make one. Its user must not let it keep more than one connection
 * (CURLOPT_MAXCONNECTS). NULL for want of memory. */
CURL *bgu_notify_idle_take(bgu_notify_idle_t *idle);

/** Give a handle back, with whatever connection it has. */
void bgu_notify_idle_put(bgu_notify_idle_t *idle, CURL *curl);

#endif
