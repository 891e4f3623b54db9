/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_sqlite_group.h"

#include <errno.h>
#include <apr_thread_mutex.h>

struct bgu_group_t {
    bgu_sqlite_t *sqlite;
    const bgu_group_setup_t *setup;
    apr_thread_mutex_t *lock; /* guards all below */
    int busy;                 /* somebody sees to the queue */
    bgu_change_t *first;      /* waiting, oldest first */
    bgu_change_t **end;       /* where the next one goes */
};

apr_status_t bgu_group_make(bgu_group_t **group, bgu_sqlite_t *sqlite,
                            const bgu_group_setup_t *setup, apr_pool_t *pool)
{
    bgu_group_t *g = apr_pcalloc(pool, sizeof(*g));
    apr_status_t rv = apr_thread_mutex_create(&g->lock, APR_THREAD_MUTEX_DEFAULT, pool);

    g->sqlite = sqlite;
    g->setup = setup;
    g->end = &g->first;
    *group = g;
    return rv;
}

/* Whether a result code tells of more than one change. */
static int is_failure(int rc)
{
    return rc != SQLITE_DONE && (rc & 0xff) != SQLITE_CONSTRAINT;
}

/* Make one change. Returns its result code. */
static int make(bgu_connection_t *conn, bgu_change_t *change)
{
    sqlite3_stmt *stmt = conn->stmt[change->which];

    change->bind(stmt, change);
    int rc = bgu_sqlite_run(stmt);
    change->status = (rc & 0xff) == SQLITE_CONSTRAINT ? APR_EEXIST : bgu_sqlite_status(rc);
    change->rows = rc == SQLITE_DONE ? sqlite3_changes(conn->db) : 0;
    return rc;
}

/* Make several in one transaction. What keeps one from being made keeps all from it: it is the disk
 * or the database itself, not the change. A row that is there already is no such failure. */
static int make_all(const bgu_group_t *group, bgu_connection_t *conn, bgu_change_t *changes)
{
    int rc = bgu_sqlite_run(conn->stmt[group->setup->begin]);

    for (bgu_change_t *c = changes; c && !is_failure(rc); c = c->next) {
        rc = make(conn, c);
    }
    if (!is_failure(rc)) {
        rc = bgu_sqlite_run(conn->stmt[group->setup->commit]);
    }
    if (is_failure(rc)) {
        (void)bgu_sqlite_run(conn->stmt[group->setup->rollback]);
    }
    return rc;
}

/* Sync from now on, or not, unless the connection does so already. */
static int set_durable(const bgu_group_t *group, bgu_connection_t *conn, int durable)
{
    int rc = SQLITE_OK;

    if (conn->durable != durable) {
        rc = sqlite3_exec(conn->db, durable ? group->setup->full_sync : group->setup->no_full_sync,
                          NULL, NULL, NULL);
        conn->durable = durable;
    }
    return rc;
}

static int is_any_durable(const bgu_change_t *changes)
{
    int durable = 0;

    for (const bgu_change_t *c = changes; c; c = c->next) {
        durable |= c->durable;
    }
    return durable;
}

/* Make all changes of a list, and tell each what came of it. */
static void serve(const bgu_group_t *group, bgu_change_t *changes)
{
    bgu_connection_t *conn;
    apr_status_t rv = bgu_sqlite_borrow(group->sqlite, &conn);

    if (rv == APR_SUCCESS) {
        int rc = set_durable(group, conn, is_any_durable(changes));
        if (rc == SQLITE_OK) {
            rc = changes->next ? make_all(group, conn, changes) : make(conn, changes);
        }
        rv = bgu_sqlite_give_back(group->sqlite, conn, rc);
        if (!is_failure(rc)) {
            return;
        }
    }
    for (bgu_change_t *c = changes; c; c = c->next) {
        c->status = rv;
        c->rows = 0;
    }
}

/* Join the queue. Returns whether the caller has to see to it. */
static int join(bgu_group_t *group, bgu_change_t *change)
{
    apr_thread_mutex_lock(group->lock);
    int first = !group->busy;
    group->busy = 1;
    change->next = NULL;
    *group->end = change;
    group->end = &change->next;
    apr_thread_mutex_unlock(group->lock);
    return first;
}

/* Take all that wait. */
static bgu_change_t *take(bgu_group_t *group)
{
    apr_thread_mutex_lock(group->lock);
    bgu_change_t *changes = group->first;
    group->first = NULL;
    group->end = &group->first;
    apr_thread_mutex_unlock(group->lock);
    return changes;
}

/* Leave the queue to the first of those who came meanwhile, if there is one. */
static void hand_over(bgu_group_t *group)
{
    apr_thread_mutex_lock(group->lock);
    bgu_change_t *next = group->first;
    group->busy = next != NULL;
    apr_thread_mutex_unlock(group->lock);
    if (next) {
        (void)sem_post(&next->woken);
    }
}

apr_status_t bgu_group_run(bgu_group_t *group, bgu_change_t *change)
{
    change->done = 0;
    (void)sem_init(&change->woken, 0, 0);
    if (!join(group, change)) {
        while (sem_wait(&change->woken) != 0 && errno == EINTR) {
        }
    }
    if (!change->done) {
        bgu_change_t *changes = take(group);
        serve(group, changes);
        hand_over(group);
        while (changes) {
            /* Its owner may be gone as soon as it is woken. */
            bgu_change_t *each = changes;
            changes = changes->next;
            each->done = 1;
            if (each != change) {
                (void)sem_post(&each->woken);
            }
        }
    }
    (void)sem_destroy(&change->woken);
    return change->status;
}
