/* SPDX-License-Identifier: Apache-2.0 */

/* Connections to an SQLite database for many threads: a free list of connections, each with the
 * same statements prepared, each used by one thread at a time. Knows no SQL of its own.
 *
 * (Not apr_reslist: its clean-up insists that nothing is borrowed any more, which a server that is
 * told to stop cannot promise.) */

#ifndef BGU_SQLITE_H
#define BGU_SQLITE_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <sqlite3.h>

/** Milliseconds to wait for another writer before a call fails. */
#define BGU_SQLITE_BUSY_TIMEOUT 10000

/** The free list of a database. */
typedef struct bgu_sqlite_t bgu_sqlite_t;

/** A connection, borrowed or in the free list. */
typedef struct bgu_connection_t {
    sqlite3 *db;         /**< used by one thread at a time */
    sqlite3_stmt **stmt; /**< the prepared statements, in the order of the list they came from */
    int durable;         /**< whether its commits are synced; pragmas leave that off */
    struct bgu_connection_t *next; /**< in the free list */
} bgu_connection_t;

/** How every connection is made. Strings and arrays must live as long as the free list. */
typedef struct bgu_sqlite_setup_t {
    const char *path;              /**< of the database, which must exist */
    int busy_timeout;              /**< milliseconds to wait for other writers */
    const char *pragmas;           /**< run once when a connection is made */
    const char *const *statements; /**< SQL to prepare */
    int count;                     /**< number of statements */
} bgu_sqlite_setup_t;

/** Whether the SQLite library that runs with us can do what we need: it may be another one than the
 * one we were built with.
 * @param error receives one line for the administrator if not
 * @return APR_SUCCESS or APR_ENOTIMPL */
apr_status_t bgu_sqlite_unfit(const char **error, apr_pool_t *pool);

/** Make sure that a database's file is there, readable for its owner alone; SQLite gives its log
 * the same mode.
 * @param make whether to make one that does not exist; else APR_ENOENT
 * @return APR_SUCCESS or the system's error */
apr_status_t bgu_sqlite_make_file(const char *path, int make);

/** Make an empty free list. The pool closes the connections in it when it is destroyed. */
apr_status_t bgu_sqlite_make(bgu_sqlite_t **sqlite, const bgu_sqlite_setup_t *setup,
                             apr_pool_t *pool);

/** Make a connection without its statements, for a database that may not have its tables yet. */
apr_status_t bgu_sqlite_connect(bgu_sqlite_t *sqlite, bgu_connection_t **conn);

/** Prepare the statements of such a connection. Returns SQLite's result code. */
int bgu_sqlite_prepare(const bgu_sqlite_t *sqlite, bgu_connection_t *conn);

/** Take a connection from the free list, or make one. One whose file has been removed or replaced
 * is closed instead: what it would write nobody would find again. */
apr_status_t bgu_sqlite_borrow(bgu_sqlite_t *sqlite, bgu_connection_t **conn);

/** Put a connection back; one that saw a failure is closed, so that the next borrower starts
 * afresh.
 * @param rc result code of what was done with it
 * @return rc as a status, or the system's error behind it */
apr_status_t bgu_sqlite_give_back(bgu_sqlite_t *sqlite, bgu_connection_t *conn, int rc);

/** SQLite's result code as a status: APR_SUCCESS, APR_ENOMEM, or BGU_SQLITE_STATUS plus the code.
 */
apr_status_t bgu_sqlite_status(int rc);

/** Run a statement that returns no rows; it is ready for the next use afterwards.
 * @return SQLite's result code, SQLITE_DONE for success */
int bgu_sqlite_run(sqlite3_stmt *stmt);

/** Bind a string that lives until the statement is reset. Binding fails only for want of memory or
 * a wrong number; both show when the statement is run. */
void bgu_sqlite_bind_text(sqlite3_stmt *stmt, int param, const char *text);

/** A column of the current row as a string in pool; "" for NULL.
 * @param column counted from 0 */
const char *bgu_sqlite_text(sqlite3_stmt *stmt, int column, apr_pool_t *pool);

/** The single number that a query returns. Returns SQLite's result code. */
int bgu_sqlite_query_int(sqlite3 *db, const char *sql, int *value);

#endif
