/* SPDX-License-Identifier: Apache-2.0 */

/* Clean-up: what nobody will ask for any more.
 *
 * Walks all rows in small batches; holds no lock and no transaction between two sessions. Sessions
 * idle beyond their timeout are discarded like a Cancel, commits that a crash interrupted are
 * finished, and tombstones older than their age are forgotten. */

#ifndef BGU_CLEANUP_H
#define BGU_CLEANUP_H

#include "bgu_error.h"
#include "bgu_store.h"

/** What a clean-up did to a session. */
typedef enum {
    BGU_CLEANUP_DISCARDED, /**< timed out */
    BGU_CLEANUP_COMMITTED, /**< an interrupted commit was finished */
    BGU_CLEANUP_FORGOTTEN, /**< a tombstone was removed */
    BGU_CLEANUP_FAILED     /**< could not be dealt with; stays for the next time */
} bgu_cleanup_e;

/** How a clean-up goes about it, and whom it tells. */
typedef struct bgu_cleanup_t {
    const bgu_sessions_t *sessions;
    apr_interval_time_t tombstone; /**< microseconds to remember a session that is over */
    int dry_run;                   /**< only tell, change nothing */
    /** Called once for each session that was dealt with; status says why one FAILED. */
    void (*report)(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                   apr_status_t status);
    /** Asked between sessions; non-zero ends the walk early (a server that stops). NULL: never */
    int (*stop)(void *baton);
    void *baton; /**< for report and stop */
} bgu_cleanup_t;

/** Walk all sessions once. Returns the first failure to read the store, else APR_SUCCESS. */
apr_status_t bgu_cleanup(const bgu_cleanup_t *cleanup, apr_pool_t *pool);

#endif
