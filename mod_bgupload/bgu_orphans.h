/* SPDX-License-Identifier: Apache-2.0 */

/* Orphans: what lies in a spool folder without an open session in the store.
 *
 * A row is there before its files are, and a session that is over never opens again, so a look at
 * the row decides. Only files of a certain age are looked at: a spool that two servers share by
 * mistake loses nothing that is in use. */

#ifndef BGU_ORPHANS_H
#define BGU_ORPHANS_H

#include "bgu_store.h"

/** How to go about it, and whom to tell. */
typedef struct bgu_orphans_t {
    const bgu_sessions_t *sessions;
    apr_interval_time_t min_age; /**< microseconds since the last change of a file to look at */
    int dry_run;                 /**< only tell, change nothing */
    /** Called once for each orphan, by its path; status says why one could not be removed. */
    void (*report)(void *baton, const char *path, apr_status_t status);
    /** Asked between files; non-zero ends the walk early. NULL: never */
    int (*stop)(void *baton);
    void *baton; /**< for report and stop */
} bgu_orphans_t;

/** Walk a spool folder once. Names that are none of ours are left alone.
 * @return APR_SUCCESS, or why the folder or the store could not be read */
apr_status_t bgu_orphans(const bgu_orphans_t *orphans, const char *folder, apr_pool_t *pool);

#endif
