/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions as bgupload-admin shows them on standard output. What comes from users is escaped. */

#ifndef ADMIN_PRINT_H
#define ADMIN_PRINT_H

#include "../mod_bgupload/bgu.h"

/** A point in time in UTC, as text in pool. */
const char *admin_time_text(apr_time_t when, apr_pool_t *pool);

/** All that is known of a session, a line for each field. */
void admin_print_fields(const bgu_session_t *session, apr_pool_t *pool);

/** All that is known of a session, as a JSON object on one line, without a line end. */
void admin_print_json(const bgu_session_t *session, apr_pool_t *pool);

#endif
