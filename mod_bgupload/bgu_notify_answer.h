/* SPDX-License-Identifier: Apache-2.0 */

/* The rules of a notification that are no transfer: which URL is asked, and what a whole answer
 * means (protocol: upload-reply, the table of the application's answers). */

#ifndef BGU_NOTIFY_ANSWER_H
#define BGU_NOTIFY_ANSWER_H

#include "bgu_notify.h"

/** Judge an answer that came whole, and look for the reply where one was accepted.
 * @param verdict status, static_url and copy as they came; result and has_reply are filled in */
void bgu_notify_judge(bgu_verdict_t *verdict, const bgu_notification_t *notification,
                      apr_pool_t *pool);

/** The URL to notify: relative ones are relative to the destination, and the destination's query is
 * appended.
 * @param base absolute URL of the destination, without a query
 * @return the URL in pool, or NULL if it cannot be made into an absolute http or https URL */
const char *bgu_notify_url(const char *url, const char *base, const char *query, apr_pool_t *pool);

#endif
