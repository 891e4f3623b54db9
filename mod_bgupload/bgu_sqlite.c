/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include "bgu_error.h"

/* The first SQLite with all calls that are made here: sqlite3_prepare_v3(). */
#define VERSION_MIN      3020000
#define VERSION_MIN_NAME "3.20.0"

/* While another process writes: microseconds to sleep, so many times, and thereafter. */
#define SHORT_WAIT  100
#define SHORT_WAITS 50
#define LONG_WAIT   1000

struct bgu_sqlite_t {
    bgu_sqlite_setup_t setup;
    apr_thread_mutex_t *lock; /* guards idle */
    bgu_connection_t *idle;
};

apr_status_t bgu_sqlite_status(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return APR_SUCCESS;
    case SQLITE_NOMEM:
        return APR_ENOMEM;
    default:
        return BGU_SQLITE_STATUS + (rc & 0xff);
    }
}

apr_status_t bgu_sqlite_unfit(const char **error, apr_pool_t *pool)
{
    if (sqlite3_libversion_number() < VERSION_MIN) {
        *error = apr_psprintf(pool, "SQLite %s is too old; %s or later is needed",
                              sqlite3_libversion(), VERSION_MIN_NAME);
        return APR_ENOTIMPL;
    }
    if (!sqlite3_threadsafe()) {
        *error = "this SQLite library is built without threads; install another one";
        return APR_ENOTIMPL;
    }
    return APR_SUCCESS;
}

apr_status_t bgu_sqlite_make_file(const char *path, int make)
{
    /* A file that exists is not opened here: closing it would drop the locks that other connections
     * of this process hold on it (POSIX). */
    if (!make) {
        return access(path, F_OK) == 0 ? APR_SUCCESS : errno;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) {
        (void)close(fd);
        return APR_SUCCESS;
    }
    return errno == EEXIST ? APR_SUCCESS : errno;
}

/* What the system last said to a file of a connection; 0: nothing bad so far. */
static int file_errno(const bgu_connection_t *conn, int which)
{
    sqlite3_file *file = NULL;
    int cause = 0;

    if (sqlite3_file_control(conn->db, NULL, which, &file) == SQLITE_OK && file && file->pMethods) {
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &cause);
    }
    return cause;
}

/* The status of a failure. SQLite has only one code for whatever the system said; where it keeps
 * the rest depends on the call that failed. */
static apr_status_t failure(const bgu_connection_t *conn, int rc)
{
    int primary = rc & 0xff;
    int cause = 0;

    /* What could not be read may seem to be damaged. */
    if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_CORRUPT) {
        cause = file_errno(conn, SQLITE_FCNTL_JOURNAL_POINTER);
        cause = cause ? cause : file_errno(conn, SQLITE_FCNTL_FILE_POINTER);
        cause = cause ? cause : sqlite3_system_errno(conn->db);
    }
    switch (cause) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case EIO:
    case EROFS:
    case EACCES:
        return cause;
    default:
        return bgu_sqlite_status(rc);
    }
}

static void disconnect(const bgu_sqlite_t *sqlite, bgu_connection_t *conn)
{
    for (int i = 0; conn->stmt && i < sqlite->setup.count; i++) {
        (void)sqlite3_finalize(conn->stmt[i]);
    }
    (void)sqlite3_close(conn->db);
    free(conn->stmt);
    free(conn);
}

static apr_status_t close_idle(void *data)
{
    bgu_sqlite_t *sqlite = data;

    while (sqlite->idle) {
        bgu_connection_t *conn = sqlite->idle;
        sqlite->idle = conn->next;
        disconnect(sqlite, conn);
    }
    return APR_SUCCESS;
}

apr_status_t bgu_sqlite_make(bgu_sqlite_t **sqlite, const bgu_sqlite_setup_t *setup,
                             apr_pool_t *pool)
{
    *sqlite = apr_pcalloc(pool, sizeof(**sqlite));
    (*sqlite)->setup = *setup;
    apr_status_t rv = apr_thread_mutex_create(&(*sqlite)->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, *sqlite, close_idle, apr_pool_cleanup_null);
    }
    return rv;
}

/* SQLite asks again and again while another process writes: sleep, at first as long as a write
 * takes. (SQLite's own handler begins with a whole millisecond and starves who waits long.)
 * Returns 0 when it has been too long. */
static int wait_for_writer(void *data, int times)
{
    const bgu_sqlite_setup_t *setup = data;
    apr_interval_time_t waited = times < SHORT_WAITS
                                     ? times * SHORT_WAIT
                                     : SHORT_WAITS * SHORT_WAIT + (times - SHORT_WAITS) * LONG_WAIT;

    if (waited >= apr_time_from_msec(setup->busy_timeout)) {
        return 0;
    }
    apr_sleep(times < SHORT_WAITS ? SHORT_WAIT : LONG_WAIT);
    return 1;
}

apr_status_t bgu_sqlite_connect(bgu_sqlite_t *sqlite, bgu_connection_t **conn)
{
    const bgu_sqlite_setup_t *setup = &sqlite->setup;
    bgu_connection_t *c = calloc(1, sizeof(*c));
    int rc = SQLITE_NOMEM;

    if (c == NULL) {
        return APR_ENOMEM;
    }
    c->stmt = calloc((size_t)setup->count, sizeof(*c->stmt));
    if (c->stmt) {
        rc =
            sqlite3_open_v2(setup->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_busy_handler(c->db, wait_for_writer, &sqlite->setup);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(c->db, setup->pragmas, NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK) {
        apr_status_t rv = failure(c, rc);
        disconnect(sqlite, c);
        return rv;
    }
    *conn = c;
    return APR_SUCCESS;
}

int bgu_sqlite_prepare(const bgu_sqlite_t *sqlite, bgu_connection_t *conn)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < sqlite->setup.count && rc == SQLITE_OK; i++) {
        rc = sqlite3_prepare_v3(conn->db, sqlite->setup.statements[i], -1,
                                SQLITE_PREPARE_PERSISTENT, &conn->stmt[i], NULL);
    }
    return rc;
}

/* The first connection of the free list, or NULL. */
static bgu_connection_t *take_idle(bgu_sqlite_t *sqlite)
{
    apr_thread_mutex_lock(sqlite->lock);
    bgu_connection_t *conn = sqlite->idle;
    if (conn) {
        sqlite->idle = conn->next;
    }
    apr_thread_mutex_unlock(sqlite->lock);
    return conn;
}

/* Whether the file of a connection is not the one any more that bears the database's name. */
static int has_moved(const bgu_connection_t *conn)
{
    int moved = 0;

    return sqlite3_file_control(conn->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved;
}

apr_status_t bgu_sqlite_borrow(bgu_sqlite_t *sqlite, bgu_connection_t **conn)
{
    while ((*conn = take_idle(sqlite)) != NULL) {
        if (!has_moved(*conn)) {
            return APR_SUCCESS;
        }
        disconnect(sqlite, *conn);
    }
    apr_status_t rv = bgu_sqlite_connect(sqlite, conn);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    int rc = bgu_sqlite_prepare(sqlite, *conn);
    if (rc == SQLITE_ERROR) {
        rc = SQLITE_NOTADB; /* a database, but without our tables */
    }
    if (rc != SQLITE_OK) {
        rv = failure(*conn, rc);
        disconnect(sqlite, *conn);
    }
    return rv;
}

apr_status_t bgu_sqlite_give_back(bgu_sqlite_t *sqlite, bgu_connection_t *conn, int rc)
{
    if (bgu_sqlite_status(rc) != APR_SUCCESS && (rc & 0xff) != SQLITE_CONSTRAINT) {
        apr_status_t rv = failure(conn, rc);
        disconnect(sqlite, conn);
        return rv;
    }
    apr_thread_mutex_lock(sqlite->lock);
    conn->next = sqlite->idle;
    sqlite->idle = conn;
    apr_thread_mutex_unlock(sqlite->lock);
    return bgu_sqlite_status(rc);
}

int bgu_sqlite_run(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);

    /* The reset repeats the failure of the step, if there was one. */
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return rc;
}

void bgu_sqlite_bind_text(sqlite3_stmt *stmt, int param, const char *text)
{
    (void)sqlite3_bind_text(stmt, param, text, -1, SQLITE_STATIC);
}

const char *bgu_sqlite_text(sqlite3_stmt *stmt, int column, apr_pool_t *pool)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    return apr_pstrdup(pool, text ? text : "");
}

int bgu_sqlite_query_int(sqlite3 *db, const char *sql, int *value)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *value = sqlite3_column_int(stmt, 0);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}
