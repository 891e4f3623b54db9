/* SPDX-License-Identifier: Apache-2.0 */

/* A commit in restartable steps: store and file system together.
 *
 *     row: COMMITTING (with the plan) -> sync the file -> publish it -> sync its folder
 *     -> row: CLOSED or PUBLISHED -> remove the spool file
 *
 * Both rows are durable, unless BGUploadSync is Off: a power cut leaves no destination that no row
 * tells of, and takes no CLOSED back.
 *
 * Whoever finds a row in COMMITTING finishes it. The spool file's lock is held meanwhile: a second
 * one waits for the result of the first, and takes over at once if that one dies. */

#ifndef BGU_COMMIT_H
#define BGU_COMMIT_H

#include "bgu_error.h"
#include "bgu_store.h"

/** Commit a session whose bytes are all there, or finish one found in COMMITTING.
 * @param session as found in the store; for a new commit with plan (and total) set as wanted. Holds
 *        the row's new state after success
 * @param cause receives the system's error behind a failure
 * @param detail receives, for the log, what stood in the way
 * @return BGU_OK: the file is at its destination. BGU_BUSY: the row was changed by somebody else,
 *         look again. Otherwise as bgu_publish(), and BGU_BYTES_LOST; the bytes that are there stay
 */
bgu_result_e bgu_commit(const bgu_sessions_t *sessions, bgu_session_t *session, apr_status_t *cause,
                        const char **detail, apr_pool_t *pool);

#endif
