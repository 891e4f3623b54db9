/* SPDX-License-Identifier: Apache-2.0 */

/* What the store needs of the disk stays bounded, whoever comes and however often. */

#include <string.h>

#include <sqlite3.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_sql.h"
#include "../../mod_bgupload/bgu_store.h"
#include "fixture.h"
#include "suites.h"

/** Most tombstones, and how many there are beyond. */
#define TOMBSTONES 2000
#define SURPLUS    300

static const bgu_limits_t limits = {.tombstones = TOMBSTONES};

/** As bgu_sql.h sets it, and a log that is clearly larger. */
#define LOG_MAX   (4 * 1024 * 1024)
#define LOG_GROWN (6 * 1024 * 1024)

/** More sessions than a test ever needs to make the log grow. */
#define SESSIONS_MAX 20000

/** As many tombstones as there may be, and some more; the smaller "updated", the older. */
static void fill_with_tombstones(const fixture_t *f)
{
    const char *sql = apr_psprintf(
        f->pool,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO session(id, state, user, client, path, query, dest, spool, total,"
        " created, updated, timeout, overwrite, keep_session, sync, mode, ended)"
        " SELECT printf('%%08X-0000-0000-0000-000000000000', i), 5 + i %% 2, '',"
        " '127.0.0.1', '/a', '', '/a', '/s', 1, 1, i, 1, 0, 0, 0, 0, 1 FROM n",
        TOMBSTONES + SURPLUS);

    fixture_sql(f->database, sql);
}

static const char *count(const fixture_t *f, const char *where)
{
    return fixture_query(f->database,
                         apr_pstrcat(f->pool, "SELECT count(*) FROM session WHERE ", where, NULL),
                         f->pool);
}

/** A new session whose id has this end. */
static bgu_session_t *create_ending(const fixture_t *f, const char *end)
{
    bgu_session_t *session = fixture_session(f);
    char *id = apr_pstrdup(f->pool, session->id);

    apr_cpystrn(id + BGU_ID_LEN - 4, end, 5);
    session->id = id;
    REQUIRE(bgu_store_sqlite.create(f->sessions.store, session, &limits, 0) == APR_SUCCESS);
    return session;
}

/** The oldest tombstones go, the newest stay, and what is open stays however old it is. */
static void test_tombstones(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *open = create_ending(f, "1111");

    fixture_age_row(f, open->id, 1000000);
    fill_with_tombstones(f);
    create_ending(f, "1111");
    CHECK_STR(count(f, "state >= 5"), apr_itoa(f->pool, TOMBSTONES + SURPLUS));
    create_ending(f, "0000");
    CHECK_STR(count(f, "state >= 5"), apr_itoa(f->pool, TOMBSTONES));
    CHECK_STR(count(f, "state >= 5 AND updated <= " APR_STRINGIFY(SURPLUS)), "0");
    CHECK_STR(count(f, "state < 5"), "3");
    CHECK_INT(fixture_state(f, open->id), BGU_STATE_RECEIVING);
}

/** A long query is kept while it may be needed, and no longer. */
static void test_query(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);

    session->query = "a=1&b=2";
    REQUIRE(bgu_store_sqlite.create(f->sessions.store, session, NULL, 0) == APR_SUCCESS);
    session->state = BGU_STATE_COMPLETE;
    CHECK_INT(bgu_store_sqlite.update(f->sessions.store, session, BGU_STATE_RECEIVING, 0),
              APR_SUCCESS);
    CHECK_STR(fixture_find(f, session->id)->query, "a=1&b=2");
    session->state = BGU_STATE_CANCELLED;
    CHECK_INT(bgu_store_sqlite.update(f->sessions.store, session, BGU_STATE_COMPLETE, 0),
              APR_SUCCESS);
    CHECK_STR(fixture_find(f, session->id)->query, "");
}

/** Create and forget sessions until the log is as large; 0 if that never comes. */
static int grow_log(const fixture_t *f, const char *log, long long size)
{
    int i;

    for (i = 0; i < SESSIONS_MAX && fixture_size(log) < size; i++) {
        bgu_session_t *session = create_ending(f, "1111");

        REQUIRE(bgu_store_sqlite.remove(f->sessions.store, session->id, session->state) ==
                APR_SUCCESS);
    }
    return i < SESSIONS_MAX;
}

/** Whoever reads for long makes the log grow; afterwards it is cut back. */
static void test_log(void)
{
    fixture_t *f = fixture_open();
    const char *log = apr_pstrcat(f->pool, f->database, "-wal", NULL);
    sqlite3 *reader = NULL;
    int i;

    create_ending(f, "1111");
    REQUIRE(sqlite3_open(f->database, &reader) == SQLITE_OK);
    REQUIRE(sqlite3_exec(reader, "BEGIN; SELECT * FROM session", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(grow_log(f, log, LOG_GROWN));
    REQUIRE(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    for (i = 0; i < 10; i++) {
        create_ending(f, "1111");
    }
    CHECK(fixture_size(log) <= LOG_MAX);
    sqlite3_close(reader);
    CHECK(!grow_log(f, log, LOG_MAX + 1));
}

/** Whether SQLite answers a query from an index alone. */
static int is_covered(sqlite3 *db, const char *sql, apr_pool_t *pool)
{
    sqlite3_stmt *plan = NULL;
    int covered = 0;

    REQUIRE(sqlite3_prepare_v2(db, apr_pstrcat(pool, "EXPLAIN QUERY PLAN ", sql, NULL), -1, &plan,
                               NULL) == SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        covered |=
            strstr((const char *)sqlite3_column_text(plan, 3), "COVERING INDEX session_") != NULL;
    }
    sqlite3_finalize(plan);
    return covered;
}

/** Counting, and finding the oldest tombstones, reads no row. */
static void test_indexes(void)
{
    static const bgu_sql_e statements[] = {BGU_SQL_COUNT_USER, BGU_SQL_COUNT_ALL, BGU_SQL_SURPLUS,
                                           BGU_SQL_FORGET};
    fixture_t *f = fixture_open();
    sqlite3 *db = NULL;
    size_t i;

    REQUIRE(sqlite3_open(f->database, &db) == SQLITE_OK);
    for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        CHECK(is_covered(db, bgu_sql_statements[statements[i]], f->pool));
    }
    sqlite3_close(db);
}

static const suite_test_t tests[] = {
    {"number of tombstones", test_tombstones},
    {"a tombstone's query", test_query},
    {"indexes", test_indexes},
    {"the log after a long read", test_log},
};

void suite_store_bounds(void)
{
    SUITE_ADD("store_bounds", tests);
}
