/* SPDX-License-Identifier: Apache-2.0 */

/* The notifier over HTTP, by libcurl. */

#ifndef BGU_NOTIFY_CURL_H
#define BGU_NOTIFY_CURL_H

#include "bgu_notify.h"

/** Make a notifier. Not to be used across a fork.
 * @param pool owns it; its connections are closed when the pool is destroyed */
apr_status_t bgu_notify_curl_make(bgu_notifier_t **notifier, apr_pool_t *pool);

#endif
