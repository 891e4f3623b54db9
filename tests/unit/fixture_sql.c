/* SPDX-License-Identifier: Apache-2.0 */

/* A database as another program sees it. */

#include "fixture.h"

#include <sqlite3.h>

#include <apr_strings.h>

void fixture_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    REQUIRE(sqlite3_close(db) == SQLITE_OK);
}

const char *fixture_query(const char *path, const char *sql, apr_pool_t *pool)
{
    sqlite3_stmt *statement = NULL;
    const char *value = NULL;
    sqlite3 *db = NULL;

    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        value = apr_pstrdup(pool, (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}
