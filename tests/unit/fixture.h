/* SPDX-License-Identifier: Apache-2.0 */

/* A temporary folder with a spool, a place for uploads and a store, for one test.
 *
 *     fixture_t *f = fixture_open();
 *     ... nothing to clean up: the teardown of every suite is fixture_teardown()
 *
 * Folders and files are real, so is the SQLite store. The folder is made under TMPDIR. */

#ifndef FIXTURE_H
#define FIXTURE_H

#include <sys/types.h>
#include <apr_pools.h>

#include "../server/check.h"
#include "../../mod_bgupload/bgu_spool.h"
#include "../../mod_bgupload/bgu_store.h"

/** What a test works in. Read only for tests. */
typedef struct fixture_t {
    apr_pool_t *pool;        /**< lives until the test ends */
    const char *root;        /**< the temporary folder */
    const char *spool;       /**< folder of the spool files */
    const char *docroot;     /**< folder of the destinations */
    const char *database;    /**< path of the SQLite database */
    bgu_sessions_t sessions; /**< the opened store */
} fixture_t;

/** The fixture of the running test, with its store opened. Ends the test if it cannot be made. */
fixture_t *fixture_open(void);

/** The same without a store: nothing is at f->database. */
fixture_t *fixture_open_bare(void);

/** Close and remove the fixture of the test that has ended, if it had one. */
void fixture_teardown(void);

/** Path of something in the temporary folder; name has no leading slash. */
const char *fixture_path(const fixture_t *f, const char *name);

/** Path of something in the folder of the destinations. */
const char *fixture_dest(const fixture_t *f, const char *name);

/** Pseudo-random bytes, the same at each call; a NUL behind them. */
char *fixture_bytes(const fixture_t *f, size_t length);

/** Write a file. Ends the test if that fails. */
void fixture_write(const char *path, const char *data, size_t length);

/** Whether a regular file holds exactly these bytes. */
int fixture_holds(const char *path, const char *data, size_t length);

/** Whether anything is at path (a symbolic link counts itself). */
int fixture_exists(const char *path);

/** Size of a file, or -1 if there is none. */
long long fixture_size(const char *path);

/** Number of entries of a folder, without . and .. */
int fixture_count(const char *folder);

/** Number of open descriptors of this process that lead into a folder. */
int fixture_open_files(const char *folder);

/** Remove a folder with all that is in it. */
void fixture_remove_tree(const char *path);

/** A session with a new id that wants the file "a.bin", as Create-Session makes it. In f->pool;
 * not in the store. */
bgu_session_t *fixture_session(const fixture_t *f);

/** The same in the store, in a state, with a spool file that holds all of its bytes.
 * Its total is length. */
bgu_session_t *fixture_stored(const fixture_t *f, bgu_state_e state, const char *data,
                              size_t length);

/** What the store says of a session; NULL if it says that there is none. */
bgu_session_t *fixture_find(const fixture_t *f, const char *id);

/** State of a session in the store, or -1 if it is not there. */
int fixture_state(const fixture_t *f, const char *id);

/** Path of the spool file of a session. */
const char *fixture_spool_path(const fixture_t *f, const char *id);

/** Make the row of a session look as if it was last changed that many seconds ago. */
void fixture_age_row(const fixture_t *f, const char *id, int seconds);

/** Make the spool file of a session look as if it was last written that many seconds ago. */
void fixture_age_spool(const fixture_t *f, const char *id, int seconds);

/** Run SQL on a database, past the store. Ends the test if that fails. */
void fixture_sql(const char *path, const char *sql);

/** The first value that a query gives, as text in pool; NULL if there is none. */
const char *fixture_query(const char *path, const char *sql, apr_pool_t *pool);

/** Limit the size of files that this process writes; -1 lifts it. A write beyond is EFBIG. */
void fixture_limit_files(long long bytes);

/** Wait for the end of a child process. Returns its exit code, or 128 + the signal that ended it.
 * One that takes more than a minute is killed. */
int fixture_wait(pid_t pid);

/** Run a function in several threads at once, with their numbers; returns when all have ended. The
 * function must not use CHECK. */
void fixture_threads(int count, void (*run)(void *baton, int number), void *baton);

/** Run a function as user nobody in a child process (as it is, when not root).
 * @return what it returned (0 to 100), or -1 if nobody cannot get into the fixture's folder */
int fixture_as_nobody(const fixture_t *f, int (*run)(void *baton), void *baton);

/** Start a process that swaps two names all the time, a folder and a link that leads elsewhere,
 * say. Returns when it does so. To be ended by fixture_stop_swapping(); ends by itself after a
 * minute. */
pid_t fixture_swap(const char *one, const char *other);

/** End it. */
void fixture_stop_swapping(pid_t pid);

/** A condition of one case of many; name tells which. */
#define CASE(name, condition)                                                                      \
    do {                                                                                           \
        if (condition) {                                                                           \
            CHECK(1);                                                                              \
        } else {                                                                                   \
            CHECK_FAIL("[%s] %s", (name), #condition);                                             \
        }                                                                                          \
    } while (0)

/** Two whole numbers are the same, in one case of many. */
#define CASE_INT(name, actual, expected)                                                           \
    fixture_case_int((name), (long long)(actual), (long long)(expected), #actual, CHECK_HERE)

/** Two strings are the same, in one case of many; a NULL only equals NULL. */
#define CASE_STR(name, actual, expected)                                                           \
    fixture_case_str((name), (actual), (expected), #actual, CHECK_HERE)

void fixture_case_int(const char *name, long long actual, long long expected, const char *what,
                      const char *file, int line);
void fixture_case_str(const char *name, const char *actual, const char *expected, const char *what,
                      const char *file, int line);

#endif
