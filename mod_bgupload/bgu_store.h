/* SPDX-License-Identifier: Apache-2.0 */

/* The store: where the rows of the sessions live.
 *
 * A table of functions, found by name through httpd's ap_provider in the module and by address in
 * tools and tests. A change is a compare-and-swap on the row's state, so of any number of requests
 * exactly one makes a given step. No call leaves a transaction open. */

#ifndef BGU_STORE_H
#define BGU_STORE_H

#include <apr_tables.h>
#include "bgu.h"

/** An opened store; the provider's own. */
typedef struct bgu_store_t bgu_store_t;

/** How many sessions there may be at once; 0: any number. */
typedef struct bgu_limits_t {
    int per_user;   /**< of one user, or of one address without a user */
    int total;      /**< of all */
    int tombstones; /**< that are remembered, whatever their age; see BGU_TOMBSTONES_MAX */
} bgu_limits_t;

/** Most tombstones that a server keeps, whatever BGUploadTombstone says: sessions that are over
 * count against no limit of their owner, but need room all the same. */
#define BGU_TOMBSTONES_MAX 1000000

/** Statuses of create(): a limit is reached. */
#define BGU_STATUS_USER_LIMIT  (APR_OS_START_USERERR + 1)
#define BGU_STATUS_TOTAL_LIMIT (APR_OS_START_USERERR + 2)

/** Status of promise(): the quota does not allow it. */
#define BGU_STATUS_QUOTA (APR_OS_START_USERERR + 3)

/** What a store has to be able to do. Every call is safe from many threads at once. Statuses that
 * are not named are the system's or the store's own (bgu_strerror()). */
typedef struct bgu_store_provider_t {
    /** Open the store, making or upgrading its tables. Not to be used across a fork.
     * @param where the argument of BGUploadStore, a path for sqlite
     * @param make whether to make a store that does not exist; else APR_ENOENT
     * @param error receives one line for the administrator: what is wrong and what to do
     * @param pool closes the store when it is destroyed */
    apr_status_t (*open)(bgu_store_t **store, const char *where, int make, const char **error,
                         apr_pool_t *pool);

    /** Insert a new session. APR_EEXIST if the id is taken; BGU_STATUS_USER_LIMIT or
     * BGU_STATUS_TOTAL_LIMIT if as many are open already, counted and inserted in one step.
     * Now and then it also forgets the oldest of more than limits->tombstones tombstones.
     * @param limits to keep, or NULL
     * @param durable whether it must survive a power cut once this returns */
    apr_status_t (*create)(bgu_store_t *store, const bgu_session_t *session,
                           const bgu_limits_t *limits, int durable);

    /** Look a session up. APR_NOTFOUND if there is none.
     * @param session receives a copy in pool */
    apr_status_t (*find)(bgu_store_t *store, bgu_session_t **session, const char *id,
                         apr_pool_t *pool);

    /** Write session's state, total, plan, reply and updated, if the row is still in state
     * expected, its total is unknown or the same as session's, and it was not asked more often
     * (reply.asked) than session. APR_EAGAIN if not (someone was first), also if the row is gone.
     * @param durable whether it, and all before it, must survive a power cut once this returns */
    apr_status_t (*update)(bgu_store_t *store, const bgu_session_t *session, bgu_state_e expected,
                           int durable);

    /** Like update() for the first fragment of a session, which promises to bring session->total
     * bytes, if those and the totals of the same owner's other open sessions stay within the quota;
     * summed and written in one step. BGU_STATUS_QUOTA if they do not.
     * @param quota bytes */
    apr_status_t (*promise)(bgu_store_t *store, const bgu_session_t *session, bgu_state_e expected,
                            apr_off_t quota, int durable);

    /** Forget a session, if its row is still in state expected; else APR_EAGAIN. */
    apr_status_t (*remove)(bgu_store_t *store, const char *id, bgu_state_e expected);

    /** Append up to max sessions (bgu_session_t *, in pool) with ids above after, in the order of
     * ids, to the array. None appended: there are no more. No lock is held between calls. */
    apr_status_t (*list)(bgu_store_t *store, apr_array_header_t *sessions, const char *after,
                         int max, apr_pool_t *pool);

    /** Read all of the store to see whether it is sound; others can work meanwhile.
     * @param fault receives what is wrong, in pool, or NULL */
    apr_status_t (*check)(bgu_store_t *store, const char **fault, apr_pool_t *pool);
} bgu_store_provider_t;

/** Group and version under which stores are registered with ap_provider. */
#define BGU_STORE_PROVIDER_GROUP   "bgupload-store"
#define BGU_STORE_PROVIDER_VERSION "0"

/** The embedded default: one SQLite database file. */
extern const bgu_store_provider_t bgu_store_sqlite;

/** An opened store together with its functions. */
typedef struct bgu_sessions_t {
    const bgu_store_provider_t *provider; /**< what can be done */
    bgu_store_t *store;                   /**< what it is done to */
} bgu_sessions_t;

#endif
