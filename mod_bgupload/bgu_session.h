/* SPDX-License-Identifier: Apache-2.0 */

/* When a session ends without being closed: by its timeout, or because somebody cancels it. */

#ifndef BGU_SESSION_H
#define BGU_SESSION_H

#include "bgu_store.h"

/** Whether the session had no activity for its timeout. Its last activity is the younger of its row
 * and its spool file. */
int bgu_session_expired(const bgu_session_t *session, apr_pool_t *pool);

/** Whether the machine was started after the session's last activity. Then a power cut may have
 * taken back what was acknowledged: a row that says less than it did, a spool file that is shorter.
 */
int bgu_session_precedes_boot(const bgu_session_t *session, apr_pool_t *pool);

/** Take a session's row, as it was read, to another state (or write it anew in the same).
 * @param session as read and changed otherwise; holds the new state and time after success, the old
 *        state after a failure
 * @param durable whether it must survive a power cut
 * @return as bgu_store_provider_t.update(): APR_EAGAIN if somebody else was first */
apr_status_t bgu_session_move(const bgu_sessions_t *sessions, bgu_session_t *session,
                              bgu_state_e state, int durable);

/** Remove all that the spool holds of a session. */
apr_status_t bgu_session_remove_files(const bgu_session_t *session, apr_pool_t *pool);

/** Discard a session: tombstone (CANCELLED), then its bytes. One that is being committed is left.
 * @param session as found in the store; holds the new state after success
 * @param idle only if it has expired, decided under the spool file's lock
 * @return APR_SUCCESS; APR_EAGAIN if the row was changed by somebody else, the session is over
 *         already or, with idle, alive after all; else the system's error */
apr_status_t bgu_session_discard(const bgu_sessions_t *sessions, bgu_session_t *session, int idle,
                                 apr_pool_t *pool);

#endif
