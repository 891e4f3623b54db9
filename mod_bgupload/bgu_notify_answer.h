/* SPDX-License-Identifier: Apache-2.0 */

/* The rules of a notification that are no transfer: which URL is asked, what the headers of an
 * answer say, and what a whole one means (protocol: upload-reply, the table of the application's
 * answers). */

#ifndef BGU_NOTIFY_ANSWER_H
#define BGU_NOTIFY_ANSWER_H

#include "bgu_notify.h"

/** Take a line of the answer's headers: a status line (which starts a new answer) or a header.
 * @param verdict receives static_url (in pool) and copy
 * @param line len bytes, with or without line end, not ended by a NUL */
void bgu_notify_header(bgu_verdict_t *verdict, const char *line, apr_size_t len, apr_pool_t *pool);

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
