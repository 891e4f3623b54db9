/* SPDX-License-Identifier: Apache-2.0 */

/* The embedded store: one SQLite database in WAL mode. Its SQL stands in bgu_sql.[ch].
 *
 * Readers never wait. Changes of one process are made together where they come together
 * (bgu_sqlite_group.h); processes wait for each other inside SQLite, for BGU_SQLITE_BUSY_TIMEOUT at
 * most.
 *
 * A commit appends to the write-ahead log without syncing (synchronous=NORMAL): it survives the
 * death of all processes, and a power cut can only take back the latest ones, in order. Changes
 * that are asked to be durable are synced (FULL), and all earlier ones with them. */

#include "bgu_store.h"

#include <string.h>
#include <apr_strings.h>
#include "bgu_error.h"
#include "bgu_guid.h"
#include "bgu_sql.h"
#include "bgu_sqlite.h"
#include "bgu_sqlite_adopt.h"
#include "bgu_sqlite_group.h"

struct bgu_store_t {
    bgu_sqlite_t *sqlite; /* for reading */
    bgu_group_t *group;   /* for changes */
};

static const bgu_group_setup_t group_setup = {
    .begin = BGU_SQL_BEGIN,
    .commit = BGU_SQL_COMMIT,
    .rollback = BGU_SQL_ROLLBACK,
    .full_sync = BGU_SQL_DURABLE,
    .no_full_sync = BGU_SQL_NOT_DURABLE,
};

/* What the statements that change a row need beside it. */
typedef struct row_change_t {
    const bgu_session_t *session;
    bgu_state_e expected;
    apr_off_t quota;
    bgu_limits_t limits;
} row_change_t;

/* Whether as many of the sessions that a statement counts are open as there may be. */
static int reaches(sqlite3_stmt *count, const bgu_session_t *session, int limit)
{
    int reached = 0;

    if (limit > 0) {
        bgu_sqlite_bind_text(count, BGU_P_USER, session->user);
        bgu_sqlite_bind_text(count, BGU_P_CLIENT, session->client);
        (void)sqlite3_bind_int(count, BGU_P_LIMIT, limit);
        reached = sqlite3_step(count) == SQLITE_ROW && sqlite3_column_int(count, 0) >= limit;
        (void)sqlite3_reset(count);
        (void)sqlite3_clear_bindings(count);
    }
    return reached;
}

/* The columns that update() writes, and the key. */
static void bind_changing(sqlite3_stmt *stmt, const bgu_session_t *session)
{
    bgu_sqlite_bind_text(stmt, BGU_P_ID, session->id);
    (void)sqlite3_bind_int(stmt, BGU_P_STATE, session->state);
    if (session->total != BGU_TOTAL_UNKNOWN) {
        (void)sqlite3_bind_int64(stmt, BGU_P_TOTAL, session->total);
    }
    (void)sqlite3_bind_int64(stmt, BGU_P_UPDATED, session->updated);
    (void)sqlite3_bind_int(stmt, BGU_P_OVERWRITE, session->plan.overwrite);
    (void)sqlite3_bind_int(stmt, BGU_P_KEEP_SESSION, session->plan.keep_session);
    (void)sqlite3_bind_int(stmt, BGU_P_SYNC, session->plan.sync);
    (void)sqlite3_bind_int64(stmt, BGU_P_MODE, session->plan.mode);
    (void)sqlite3_bind_int(stmt, BGU_P_ROOT, session->plan.root);
    (void)sqlite3_bind_int(stmt, BGU_P_REPLY, session->reply.kind);
    bgu_sqlite_bind_text(stmt, BGU_P_REPLY_URL, session->reply.url ? session->reply.url : "");
    (void)sqlite3_bind_int(stmt, BGU_P_TAKEN, session->reply.taken);
    (void)sqlite3_bind_int(stmt, BGU_P_ASKED, session->reply.asked);
    (void)sqlite3_bind_int(stmt, BGU_P_REFUSED, session->reply.refused);
    (void)sqlite3_bind_int64(stmt, BGU_P_REPLIED, session->reply.made);
}

/* The current row as a session; NULL if it cannot be one of ours. */
static bgu_session_t *read_row(sqlite3_stmt *stmt, apr_pool_t *pool)
{
    bgu_session_t *session = apr_pcalloc(pool, sizeof(*session));
    int state = sqlite3_column_int(stmt, BGU_P_STATE - 1);
    char id[BGU_ID_LEN + 1];

    if (state < BGU_STATE_RECEIVING || state > BGU_STATE_CANCELLED) {
        return NULL;
    }
    session->id = bgu_sqlite_text(stmt, BGU_P_ID - 1, pool);
    /* Paths are made of it, and the administrator's program may run as root. */
    if (!bgu_guid_parse(id, session->id, strlen(session->id)) || strcmp(id, session->id) != 0) {
        return NULL;
    }
    session->state = (bgu_state_e)state;
    session->user = bgu_sqlite_text(stmt, BGU_P_USER - 1, pool);
    session->client = bgu_sqlite_text(stmt, BGU_P_CLIENT - 1, pool);
    session->path = bgu_sqlite_text(stmt, BGU_P_PATH - 1, pool);
    session->query = bgu_sqlite_text(stmt, BGU_P_QUERY - 1, pool);
    session->dest = bgu_sqlite_text(stmt, BGU_P_DEST - 1, pool);
    session->spool = bgu_sqlite_text(stmt, BGU_P_SPOOL - 1, pool);
    session->total = sqlite3_column_type(stmt, BGU_P_TOTAL - 1) == SQLITE_NULL
                         ? BGU_TOTAL_UNKNOWN
                         : sqlite3_column_int64(stmt, BGU_P_TOTAL - 1);
    session->created = sqlite3_column_int64(stmt, BGU_P_CREATED - 1);
    session->updated = sqlite3_column_int64(stmt, BGU_P_UPDATED - 1);
    session->timeout = sqlite3_column_int64(stmt, BGU_P_TIMEOUT - 1);
    session->plan.overwrite = sqlite3_column_int(stmt, BGU_P_OVERWRITE - 1);
    session->plan.keep_session = sqlite3_column_int(stmt, BGU_P_KEEP_SESSION - 1);
    session->plan.sync = (bgu_sync_e)sqlite3_column_int(stmt, BGU_P_SYNC - 1);
    session->plan.mode = (apr_uint32_t)sqlite3_column_int64(stmt, BGU_P_MODE - 1) & 0777u;
    session->plan.root = sqlite3_column_int(stmt, BGU_P_ROOT - 1);
    session->reply.kind = (bgu_reply_e)sqlite3_column_int(stmt, BGU_P_REPLY - 1);
    session->reply.url = bgu_sqlite_text(stmt, BGU_P_REPLY_URL - 1, pool);
    session->reply.taken = sqlite3_column_int(stmt, BGU_P_TAKEN - 1);
    session->reply.asked = sqlite3_column_int(stmt, BGU_P_ASKED - 1);
    session->reply.refused = sqlite3_column_int(stmt, BGU_P_REFUSED - 1);
    session->reply.made = sqlite3_column_int64(stmt, BGU_P_REPLIED - 1);
    return session;
}

/* Why an insertion did not insert. */
static apr_status_t limit_of(bgu_store_t *store, const bgu_session_t *session,
                             const bgu_limits_t *limits)
{
    bgu_connection_t *conn;
    apr_status_t rv = bgu_sqlite_borrow(store->sqlite, &conn);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    int reached = reaches(conn->stmt[BGU_SQL_COUNT_ALL], session, limits->total);
    (void)bgu_sqlite_give_back(store->sqlite, conn, SQLITE_DONE);
    return reached || limits->per_user == 0 ? BGU_STATUS_TOTAL_LIMIT : BGU_STATUS_USER_LIMIT;
}

static void bind_create(sqlite3_stmt *stmt, const bgu_change_t *change)
{
    const row_change_t *row = change->baton;
    const bgu_session_t *session = row->session;

    bind_changing(stmt, session);
    bgu_sqlite_bind_text(stmt, BGU_P_USER, session->user);
    bgu_sqlite_bind_text(stmt, BGU_P_CLIENT, session->client);
    bgu_sqlite_bind_text(stmt, BGU_P_PATH, session->path);
    bgu_sqlite_bind_text(stmt, BGU_P_QUERY, session->query);
    bgu_sqlite_bind_text(stmt, BGU_P_DEST, session->dest);
    bgu_sqlite_bind_text(stmt, BGU_P_SPOOL, session->spool);
    (void)sqlite3_bind_int64(stmt, BGU_P_CREATED, session->created);
    (void)sqlite3_bind_int64(stmt, BGU_P_TIMEOUT, session->timeout);
    (void)sqlite3_bind_int(stmt, BGU_P_PER_USER, row->limits.per_user);
    (void)sqlite3_bind_int(stmt, BGU_P_TOTAL_LIMIT, row->limits.total);
}

static void bind_forget(sqlite3_stmt *stmt, const bgu_change_t *change)
{
    const row_change_t *row = change->baton;

    (void)sqlite3_bind_int64(stmt, BGU_P_UPDATED, row->session->updated);
}

/* When the youngest of the tombstones that are too many was made; 0 if there are not so many. */
static apr_time_t surplus(bgu_store_t *store, int limit)
{
    bgu_connection_t *conn;
    apr_time_t youngest = 0;

    if (bgu_sqlite_borrow(store->sqlite, &conn) != APR_SUCCESS) {
        return 0;
    }
    sqlite3_stmt *stmt = conn->stmt[BGU_SQL_SURPLUS];
    (void)sqlite3_bind_int(stmt, BGU_P_LIMIT, limit);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        youngest = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_reset(stmt);
    (void)bgu_sqlite_give_back(store->sqlite, conn, rc);
    return youngest;
}

/* Keep the number of tombstones within its limit, at about one creation in 65,536, as the random id
 * of the session has it: counting takes time. Where it fails the next one makes up for it. */
static void forget_oldest(bgu_store_t *store, const bgu_session_t *session, int limit)
{
    if (limit > 0 && strcmp(session->id + BGU_ID_LEN - 4, "0000") == 0) {
        bgu_session_t youngest = {.updated = surplus(store, limit)};
        row_change_t row = {.session = &youngest};
        bgu_change_t change = {BGU_SQL_FORGET, bind_forget, &row, .durable = 0};
        if (youngest.updated > 0) {
            (void)bgu_group_run(store->group, &change);
        }
    }
}

static apr_status_t store_create(bgu_store_t *store, const bgu_session_t *session,
                                 const bgu_limits_t *limits, int durable)
{
    row_change_t row = {.session = session};
    bgu_change_t change = {BGU_SQL_CREATE, bind_create, &row, .durable = durable};

    if (limits) {
        row.limits = *limits;
    }
    apr_status_t rv = bgu_group_run(store->group, &change);
    if (rv == APR_SUCCESS && change.rows == 0) {
        return limit_of(store, session, &row.limits);
    }
    if (rv == APR_SUCCESS) {
        forget_oldest(store, session, row.limits.tombstones);
    }
    return rv;
}

static apr_status_t store_find(bgu_store_t *store, bgu_session_t **session, const char *id,
                               apr_pool_t *pool)
{
    bgu_connection_t *conn;
    apr_status_t rv = bgu_sqlite_borrow(store->sqlite, &conn);

    *session = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    sqlite3_stmt *stmt = conn->stmt[BGU_SQL_FIND];
    bgu_sqlite_bind_text(stmt, BGU_P_ID, id);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *session = read_row(stmt, pool);
        rc = *session ? rc : SQLITE_CORRUPT;
    }
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    rv = bgu_sqlite_give_back(store->sqlite, conn, rc);
    return rc == SQLITE_DONE ? APR_NOTFOUND : rv;
}

/* Make a change that is allowed to find its row moved on: APR_EAGAIN then. */
static apr_status_t swap(bgu_store_t *store, bgu_change_t *change)
{
    apr_status_t rv = bgu_group_run(store->group, change);

    return rv == APR_SUCCESS && change->rows == 0 ? APR_EAGAIN : rv;
}

static void bind_update(sqlite3_stmt *stmt, const bgu_change_t *change)
{
    const row_change_t *row = change->baton;

    bind_changing(stmt, row->session);
    (void)sqlite3_bind_int(stmt, BGU_P_EXPECTED, row->expected);
}

static apr_status_t store_update(bgu_store_t *store, const bgu_session_t *session,
                                 bgu_state_e expected, int durable)
{
    row_change_t row = {.session = session, .expected = expected};
    int which = bgu_state_is_tombstone(session->state) ? BGU_SQL_END : BGU_SQL_UPDATE;
    bgu_change_t change = {which, bind_update, &row, .durable = durable};

    return swap(store, &change);
}

/* Whether a row that did not take its promise still could: then it was the quota. */
static int is_unpromised(bgu_store_t *store, const bgu_session_t *session, bgu_state_e expected)
{
    bgu_session_t *now;
    apr_pool_t *pool;
    int unpromised = 0;

    if (apr_pool_create(&pool, NULL) == APR_SUCCESS) {
        unpromised = store_find(store, &now, session->id, pool) == APR_SUCCESS &&
                     now->state == expected && now->total == BGU_TOTAL_UNKNOWN;
        apr_pool_destroy(pool);
    }
    return unpromised;
}

static void bind_promise(sqlite3_stmt *stmt, const bgu_change_t *change)
{
    const row_change_t *row = change->baton;

    bind_update(stmt, change);
    bgu_sqlite_bind_text(stmt, BGU_P_USER, row->session->user);
    bgu_sqlite_bind_text(stmt, BGU_P_CLIENT, row->session->client);
    (void)sqlite3_bind_int64(stmt, BGU_P_QUOTA, row->quota);
}

static apr_status_t store_promise(bgu_store_t *store, const bgu_session_t *session,
                                  bgu_state_e expected, apr_off_t quota, int durable)
{
    row_change_t row = {.session = session, .expected = expected, .quota = quota};
    bgu_change_t change = {BGU_SQL_PROMISE, bind_promise, &row, .durable = durable};
    apr_status_t rv = swap(store, &change);

    return APR_STATUS_IS_EAGAIN(rv) && is_unpromised(store, session, expected) ? BGU_STATUS_QUOTA
                                                                               : rv;
}

static void bind_remove(sqlite3_stmt *stmt, const bgu_change_t *change)
{
    const row_change_t *row = change->baton;

    bgu_sqlite_bind_text(stmt, BGU_P_ID, row->session->id);
    (void)sqlite3_bind_int(stmt, BGU_P_EXPECTED, row->expected);
}

static apr_status_t store_remove(bgu_store_t *store, const char *id, bgu_state_e expected)
{
    const bgu_session_t session = {.id = id};
    row_change_t row = {.session = &session, .expected = expected};
    bgu_change_t change = {BGU_SQL_REMOVE, bind_remove, &row, .durable = 0};

    return swap(store, &change);
}

static apr_status_t store_list(bgu_store_t *store, apr_array_header_t *sessions, const char *after,
                               int max, apr_pool_t *pool)
{
    bgu_connection_t *conn;
    int rc;
    apr_status_t rv = bgu_sqlite_borrow(store->sqlite, &conn);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    sqlite3_stmt *stmt = conn->stmt[BGU_SQL_LIST];
    bgu_sqlite_bind_text(stmt, BGU_P_ID, after);
    (void)sqlite3_bind_int(stmt, BGU_P_LIMIT, max);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        bgu_session_t *session = read_row(stmt, pool);
        /* In a damaged database rows may come in any order, and a walk would never end. */
        if (session == NULL || strcmp(session->id, after) <= 0) {
            rc = SQLITE_CORRUPT;
            break;
        }
        APR_ARRAY_PUSH(sessions, bgu_session_t *) = session;
        after = session->id;
    }
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return bgu_sqlite_give_back(store->sqlite, conn, rc);
}

static apr_status_t store_check(bgu_store_t *store, const char **fault, apr_pool_t *pool)
{
    bgu_connection_t *conn;
    sqlite3_stmt *stmt;
    apr_status_t rv = bgu_sqlite_borrow(store->sqlite, &conn);

    *fault = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    int rc = sqlite3_prepare_v2(conn->db, BGU_SQL_CHECK, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
            const char *said = bgu_sqlite_text(stmt, 0, pool);
            *fault = strcmp(said, "ok") == 0 ? NULL : said;
        }
        (void)sqlite3_finalize(stmt);
    }
    return bgu_sqlite_give_back(store->sqlite, conn, rc);
}

static apr_status_t store_open(bgu_store_t **result, const char *where, int make,
                               const char **error, apr_pool_t *pool)
{
    bgu_sqlite_setup_t setup = {
        .path = apr_pstrdup(pool, where),
        .busy_timeout = BGU_SQLITE_BUSY_TIMEOUT,
        .pragmas = BGU_SQL_SETUP,
        .statements = bgu_sql_statements,
        .count = BGU_SQL_COUNT,
    };
    bgu_connection_t *conn;
    bgu_store_t *store = apr_pcalloc(pool, sizeof(*store));
    apr_status_t rv = bgu_sqlite_unfit(error, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = bgu_sqlite_make_file(where, make);
    if (rv != APR_SUCCESS) {
        char reason[120];
        *error = apr_psprintf(pool,
                              "cannot open the session database %s: %s; the file and its "
                              "folder must exist and be writable by the server's user",
                              where, apr_strerror(rv, reason, sizeof(reason)));
        return rv;
    }
    *error = NULL;
    rv = bgu_sqlite_make(&store->sqlite, &setup, pool);
    if (rv == APR_SUCCESS) {
        rv = bgu_group_make(&store->group, store->sqlite, &group_setup, pool);
    }
    if (rv != APR_SUCCESS) {
        *error = "cannot make a mutex";
        return rv;
    }
    rv = bgu_sqlite_connect(store->sqlite, &conn);
    if (rv == APR_SUCCESS) {
        int rc = bgu_sqlite_adopt(conn->db, where, make, error, pool);
        if (rc == SQLITE_OK) {
            rc = bgu_sqlite_prepare(store->sqlite, conn);
        }
        rv = bgu_sqlite_give_back(store->sqlite, conn, rc);
    }
    if (rv != APR_SUCCESS && *error == NULL) {
        char reason[BGU_STRERROR_MAX];
        *error = apr_pstrcat(pool, "cannot use the session database ", where, ": ",
                             bgu_strerror(rv, reason, sizeof(reason)), NULL);
    }
    *result = store;
    return rv;
}

const bgu_store_provider_t bgu_store_sqlite = {
    .open = store_open,
    .create = store_create,
    .find = store_find,
    .update = store_update,
    .promise = store_promise,
    .remove = store_remove,
    .list = store_list,
    .check = store_check,
};
