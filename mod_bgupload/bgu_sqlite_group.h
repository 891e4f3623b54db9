/* SPDX-License-Identifier: Apache-2.0 */

/* Changes of many threads in one transaction.
 *
 * SQLite has one writer at a time. A thread that wants to change something while another one of its
 * process is at it leaves its change in a queue; who comes first makes all that are waiting in one
 * transaction, with one sync if any of them asks for it. A change that is alone is made at once, as
 * if there was no queue. Each still has its own result, and returns when it is as safe as it asked
 * to be. */

#ifndef BGU_SQLITE_GROUP_H
#define BGU_SQLITE_GROUP_H

#include <semaphore.h>
#include "bgu_sqlite.h"

/** The queue of a database in one process. */
typedef struct bgu_group_t bgu_group_t;

/** A change, and what came of it. The caller's memory, which it keeps until it is done. */
typedef struct bgu_change_t {
    int which; /**< number of the prepared statement that makes it */
    /** Bind the statement's parameters. Called in any thread; what it binds must live until the
     * change is done. */
    void (*bind)(sqlite3_stmt *stmt, const struct bgu_change_t *change);
    const void *baton;         /**< for bind */
    int durable;               /**< it, and all before it, must survive a power cut */
    apr_status_t status;       /**< receives what came of it; APR_EEXIST: a row is there already */
    int rows;                  /**< receives the number of rows that were changed */
    sem_t woken;               /**< from here on the queue's own: wakes its owner once, */
    int done;                  /**< when it is done, or to see to the queue */
    struct bgu_change_t *next; /**< waits behind it */
} bgu_change_t;

/** The statements by which a group is made one: numbers of prepared ones, and SQL. */
typedef struct bgu_group_setup_t {
    int begin, commit, rollback;          /**< prepared: a write transaction */
    const char *full_sync, *no_full_sync; /**< SQL: from now on sync with each commit, or not */
} bgu_group_setup_t;

/** Make an empty queue for the connections of sqlite.
 * @param setup must live as long as the queue
 * @return APR_SUCCESS, or why there is no mutex; pool owns the queue */
apr_status_t bgu_group_make(bgu_group_t **group, bgu_sqlite_t *sqlite,
                            const bgu_group_setup_t *setup, apr_pool_t *pool);

/** Make a change, alone or together with others. Waits until it is done.
 * @return change->status */
apr_status_t bgu_group_run(bgu_group_t *group, bgu_change_t *change);

#endif
