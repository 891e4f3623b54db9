/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_sqlite_adopt.h"

#include <apr_strings.h>
#include "bgu_sql.h"
#include "bgu_sqlite.h"

/* Milliseconds between two attempts to switch to the log. */
#define WAL_RETRY 20

/* Inside a transaction: bring the schema from version to ours and say whose database it is. */
static int migrate(sqlite3 *db, int version, apr_pool_t *pool)
{
    int rc = SQLITE_OK;

    for (int i = version; i < bgu_sql_version && rc == SQLITE_OK; i++) {
        rc = sqlite3_exec(db, bgu_sql_migrations[i], NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        const char *mark = apr_psprintf(pool, BGU_SQL_MARK, BGU_SQL_APPLICATION, bgu_sql_version);
        rc = sqlite3_exec(db, mark, NULL, NULL, NULL);
    }
    return rc;
}

/* Inside a transaction: make or upgrade the tables, unless the database is not ours to touch. */
static int check_schema(sqlite3 *db, const char *path, int make, const char **error,
                        apr_pool_t *pool)
{
    int application = 0, version = 0, objects = 0;
    int rc = bgu_sqlite_query_int(db, BGU_SQL_GET_APPLICATION, &application);

    if (rc == SQLITE_OK) {
        rc = bgu_sqlite_query_int(db, BGU_SQL_GET_VERSION, &version);
    }
    if (rc == SQLITE_OK) {
        rc = bgu_sqlite_query_int(db, BGU_SQL_COUNT_OBJECTS, &objects);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (application != BGU_SQL_APPLICATION && (objects > 0 || version > 0 || application != 0)) {
        *error = apr_pstrcat(pool, path,
                             " is a database of something else; name another file for "
                             "the sessions",
                             NULL);
        return SQLITE_MISMATCH;
    }
    if (version == 0 && !make) {
        *error = apr_pstrcat(pool, path, " is empty; it is no session database", NULL);
        return SQLITE_MISMATCH;
    }
    if (version < 0 || version > bgu_sql_version) {
        *error = apr_psprintf(pool,
                              "%s has schema version %d, made by a newer mod_bgupload; this "
                              "one knows versions up to %d: upgrade the module or name "
                              "another file",
                              path, version, bgu_sql_version);
        return SQLITE_SCHEMA;
    }
    return version < bgu_sql_version ? migrate(db, version, pool) : SQLITE_OK;
}

/* Switch the database to a write-ahead log. SQLite does not wait here as it does elsewhere when
 * another process does the same at this moment. */
static int use_wal(sqlite3 *db)
{
    int rc = SQLITE_BUSY;

    for (int waited = 0; rc == SQLITE_BUSY && waited < BGU_SQLITE_BUSY_TIMEOUT;
         waited += WAL_RETRY) {
        rc = sqlite3_exec(db, BGU_SQL_WAL, NULL, NULL, NULL);
        if (rc == SQLITE_BUSY) {
            (void)sqlite3_sleep(WAL_RETRY);
        }
    }
    return rc;
}

int bgu_sqlite_adopt(sqlite3 *db, const char *path, int make, const char **error, apr_pool_t *pool)
{
    int rc = sqlite3_exec(db, bgu_sql_statements[BGU_SQL_BEGIN], NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        rc = check_schema(db, path, make, error, pool);
        bgu_sql_e last = rc == SQLITE_OK ? BGU_SQL_COMMIT : BGU_SQL_ROLLBACK;
        int end = sqlite3_exec(db, bgu_sql_statements[last], NULL, NULL, NULL);
        rc = rc == SQLITE_OK ? end : rc;
    }
    /* Only now, so that a foreign database is left as it is. */
    if (rc == SQLITE_OK) {
        rc = use_wal(db);
    }
    return rc;
}
