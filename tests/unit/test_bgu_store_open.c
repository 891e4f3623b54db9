/* SPDX-License-Identifier: Apache-2.0 */

/* Opening the SQLite store: new, old, newer, foreign, broken, missing. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_store.h"
#include "fixture.h"
#include "suites.h"

static apr_status_t open_store(const fixture_t *f, const char *path, int make, const char **error)
{
    bgu_store_t *store = NULL;

    *error = NULL;
    return bgu_store_sqlite.open(&store, path, make, error, f->pool);
}

/** Opening must fail, with one line that names the file. */
static void check_refused(const fixture_t *f, const char *path, int make, const char *part)
{
    const char *error;

    CHECK(open_store(f, path, make, &error) != APR_SUCCESS);
    REQUIRE(error != NULL);
    CHECK_HAS(error, path);
    CHECK(strchr(error, '\n') == NULL);
    if (part != NULL) {
        CHECK_HAS(error, part);
    }
}

static void test_new(void)
{
    fixture_t *f = fixture_open_bare();
    const char *error;
    struct stat info;

    CHECK_INT(open_store(f, f->database, 1, &error), APR_SUCCESS);
    REQUIRE(stat(f->database, &info) == 0);
    CHECK_INT(info.st_mode & 007, 0); /* session ids are secrets */
    CHECK_STR(fixture_query(f->database, "PRAGMA journal_mode", f->pool), "wal");
    CHECK(strcmp(fixture_query(f->database, "PRAGMA application_id", f->pool), "0") != 0);
    CHECK(strcmp(fixture_query(f->database, "PRAGMA user_version", f->pool), "0") != 0);
    CHECK_STR(fixture_query(f->database, "PRAGMA integrity_check", f->pool), "ok");
}

static void test_again(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    const char *version = fixture_query(f->database, "PRAGMA user_version", f->pool);
    const char *schema =
        fixture_query(f->database, "SELECT group_concat(sql) FROM sqlite_schema", f->pool);
    const char *error;

    REQUIRE(bgu_store_sqlite.create(f->sessions.store, session, NULL, 1) == APR_SUCCESS);
    CHECK_INT(open_store(f, f->database, 1, &error), APR_SUCCESS);
    CHECK_INT(open_store(f, f->database, 0, &error), APR_SUCCESS);
    CHECK_STR(fixture_query(f->database, "PRAGMA user_version", f->pool), version);
    CHECK_STR(fixture_query(f->database, "SELECT group_concat(sql) FROM sqlite_schema", f->pool),
              schema);
    CHECK_INT(fixture_state(f, session->id), BGU_STATE_RECEIVING);
}

/** A database of an earlier version gets what is new, and keeps its sessions. */
static void test_older(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    const char *schema =
        fixture_query(f->database, "SELECT group_concat(sql) FROM sqlite_schema", f->pool);
    const char *error;

    const bgu_session_t *over = fixture_stored(f, BGU_STATE_CLOSED, "", 0);

    REQUIRE(bgu_store_sqlite.create(f->sessions.store, session, NULL, 1) == APR_SUCCESS);
    fixture_sql(f->database,
                "DROP INDEX session_over; DROP INDEX session_open;"
                "ALTER TABLE session DROP COLUMN ended; ALTER TABLE session DROP COLUMN root;"
                "CREATE INDEX session_open ON session(user) WHERE state < 5;"
                "PRAGMA user_version = 3");
    CHECK_INT(open_store(f, f->database, 0, &error), APR_SUCCESS);
    CHECK_STR(fixture_query(f->database, "SELECT group_concat(sql) FROM sqlite_schema", f->pool),
              schema);
    CHECK_STR(fixture_query(f->database, "PRAGMA user_version", f->pool), "6");
    CHECK_INT(fixture_state(f, session->id), BGU_STATE_RECEIVING);
    CHECK_STR(fixture_query(f->database, "SELECT id FROM session WHERE ended", f->pool), over->id);
}

static void test_closed_with_pool(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_store_t *store = NULL;
    const char *error = NULL;
    apr_pool_t *pool;

    apr_pool_create(&pool, f->pool);
    REQUIRE(bgu_store_sqlite.open(&store, f->database, 1, &error, pool) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.create(store, fixture_session(f), NULL, 0) == APR_SUCCESS);
    CHECK(fixture_open_files(f->root) > 0);
    apr_pool_destroy(pool);
    CHECK_INT(fixture_open_files(f->root), 0);
    CHECK_STR(fixture_query(f->database, "PRAGMA integrity_check", f->pool), "ok");
}

static void test_missing(void)
{
    fixture_t *f = fixture_open_bare();
    const char *error;

    CHECK(APR_STATUS_IS_ENOENT(open_store(f, f->database, 0, &error)));
    CHECK(error != NULL);
    check_refused(f, f->database, 0, NULL);
    CHECK(!fixture_exists(f->database));
    check_refused(f, fixture_path(f, "missing/sessions.db"), 1, NULL);
    check_refused(f, fixture_path(f, "missing/sessions.db"), 0, NULL);
    CHECK(!fixture_exists(fixture_path(f, "missing")));
}

/** A file without a byte is no store yet: only one who may make a store makes it one. */
static void test_empty_file(void)
{
    fixture_t *f = fixture_open_bare();
    const char *error;

    fixture_write(f->database, "", 0);
    check_refused(f, f->database, 0, NULL);
    CHECK_INT(fixture_size(f->database), 0);
    CHECK_INT(open_store(f, f->database, 1, &error), APR_SUCCESS);
    CHECK_INT(open_store(f, f->database, 0, &error), APR_SUCCESS);
}

static void test_folder(void)
{
    fixture_t *f = fixture_open_bare();

    check_refused(f, f->docroot, 1, NULL);
    check_refused(f, f->docroot, 0, NULL);
}

/** A database of a later version of this program must not be touched. */
static void test_newer(void)
{
    fixture_t *f = fixture_open_bare();
    const char *error;
    apr_pool_t *pool;
    bgu_store_t *store;

    apr_pool_create(&pool, f->pool);
    REQUIRE(bgu_store_sqlite.open(&store, f->database, 1, &error, pool) == APR_SUCCESS);
    apr_pool_destroy(pool);
    fixture_sql(f->database, "PRAGMA user_version = 9999");
    check_refused(f, f->database, 1, "newer");
    check_refused(f, f->database, 0, "newer");
    CHECK_STR(fixture_query(f->database, "PRAGMA user_version", f->pool), "9999");
}

/** Databases that are not ours are refused, and stay as they are. */
static void test_foreign(void)
{
    static const char *const foreign[] = {
        "CREATE TABLE notes (text)",
        "CREATE TABLE sessions (id, state)",
        "PRAGMA application_id = 123456; CREATE TABLE notes (text); PRAGMA user_version = 1",
        "PRAGMA application_id = 123456; CREATE TABLE sessions (id)",
        "PRAGMA user_version = 1; CREATE TABLE notes (text)",
    };
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *path = fixture_path(f, apr_psprintf(f->pool, "foreign%d.db", (int)i));
        const char *id;
        const char *version;

        fixture_sql(path, foreign[i]);
        id = fixture_query(path, "PRAGMA application_id", f->pool);
        version = fixture_query(path, "PRAGMA user_version", f->pool);
        check_refused(f, path, 1, NULL);
        check_refused(f, path, 0, NULL);
        CASE_STR(foreign[i], fixture_query(path, "PRAGMA application_id", f->pool), id);
        CASE_STR(foreign[i], fixture_query(path, "PRAGMA user_version", f->pool), version);
        CASE_STR(foreign[i], fixture_query(path, "PRAGMA journal_mode", f->pool), "delete");
        CASE_STR(foreign[i], fixture_query(path, "SELECT count(*) FROM sqlite_schema", f->pool),
                 "1");
    }
}

static void test_not_a_database(void)
{
    static const char text[] =
        "This is a letter to my grandmother, and no database at all. "
        "It is long enough to be mistaken for a header of one hundred bytes.";
    fixture_t *f = fixture_open_bare();

    fixture_write(f->database, text, strlen(text));
    check_refused(f, f->database, 1, NULL);
    check_refused(f, f->database, 0, NULL);
    CHECK(fixture_holds(f->database, text, strlen(text)));
}

/** Our own database with its first page overwritten behind the header. */
static void test_damaged(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_store_t *store = NULL;
    const char *error = NULL;
    char junk[3000];
    apr_pool_t *pool;
    FILE *file;

    apr_pool_create(&pool, f->pool);
    REQUIRE(bgu_store_sqlite.open(&store, f->database, 1, &error, pool) == APR_SUCCESS);
    apr_pool_destroy(pool);
    memset(junk, 0xa5, sizeof(junk));
    file = fopen(f->database, "r+b");
    REQUIRE(file != NULL && fseek(file, 100, SEEK_SET) == 0);
    REQUIRE(fwrite(junk, 1, sizeof(junk), file) == sizeof(junk) && fclose(file) == 0);
    check_refused(f, f->database, 1, NULL);
    check_refused(f, f->database, 0, NULL);
}

/** What a user who may not write there is told. */
struct unwritable {
    const char *path;
    apr_pool_t *pool;
};

static int open_unwritable(void *baton)
{
    const struct unwritable *u = baton;
    bgu_store_t *store = NULL;
    const char *error = NULL;

    if (bgu_store_sqlite.open(&store, u->path, 1, &error, u->pool) == APR_SUCCESS) {
        return 1;
    }
    return error != NULL && strstr(error, u->path) != NULL ? 0 : 2;
}

static void test_unwritable(void)
{
    fixture_t *f = fixture_open_bare();
    struct unwritable folder = {f->database, f->pool};
    struct unwritable file = {fixture_path(f, "read-only.db"), f->pool};
    int code;

    fixture_write(file.path, "", 0);
    REQUIRE(chmod(file.path, 0400) == 0 && chmod(f->root, 0555) == 0);
    code = fixture_as_nobody(f, open_unwritable, &folder);
    if (code < 0) {
        check_skip("another user cannot get into TMPDIR");
    } else {
        CHECK_INT(code, 0);
        CHECK_INT(fixture_as_nobody(f, open_unwritable, &file), 0);
    }
    REQUIRE(chmod(f->root, 0755) == 0);
}

/** Several processes that start at once, as httpd's children do, with no database there. */
static void test_made_at_once(void)
{
    fixture_t *f = fixture_open_bare();
    apr_array_header_t *sessions = apr_array_make(f->pool, 6, sizeof(bgu_session_t *));
    bgu_store_t *store = NULL;
    const char *error = NULL;
    pid_t pids[6];
    int i;

    for (i = 0; i < 6; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            apr_status_t rv = bgu_store_sqlite.open(&store, f->database, 1, &error, f->pool);

            if (rv == APR_SUCCESS) {
                rv = bgu_store_sqlite.create(store, fixture_session(f), NULL, 0);
            }
            if (rv != APR_SUCCESS) {
                fprintf(stderr, "process %d: %d %s\n", i, rv, error != NULL ? error : "");
            }
            _exit(rv == APR_SUCCESS ? 0 : 1);
        }
    }
    for (i = 0; i < 6; i++) {
        CHECK_INT(fixture_wait(pids[i]), 0);
    }
    REQUIRE(bgu_store_sqlite.open(&store, f->database, 0, &error, f->pool) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.list(store, sessions, "", 100, f->pool) == APR_SUCCESS);
    CHECK_INT(sessions->nelts, 6);
}

/** Overwrite a text in a file, wherever it stands, by another one of its length. Returns how often.
 */
static int swap_text(const char *path, const char *from, const char *to)
{
    static char bytes[65536];
    FILE *file = fopen(path, "r+");
    size_t length = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
    char *found = bytes;
    int count = 0;

    REQUIRE(file != NULL);
    while ((found = memmem(found, (size_t)(bytes + length - found), from, strlen(from))) != NULL) {
        memcpy(found, to, strlen(to));
        count++;
    }
    rewind(file);
    REQUIRE(fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
    return count;
}

/** Put a session with this id into the database. */
static void put(const fixture_t *f, bgu_store_t *store, const char *id)
{
    bgu_session_t *session = fixture_session(f);

    session->id = id;
    REQUIRE(bgu_store_sqlite.create(store, session, NULL, 0) == APR_SUCCESS);
}

/** In a damaged database rows may come in any order: a walk over them ends all the same. */
static void test_damaged_order(void)
{
    static const char first[] = "11111111-1111-1111-1111-111111111111";
    static const char second[] = "22222222-2222-2222-2222-222222222222";
    fixture_t *f = fixture_open_bare();
    apr_array_header_t *rows = apr_array_make(f->pool, 4, sizeof(bgu_session_t *));
    apr_pool_t *open_pool;
    bgu_store_t *store;
    const char *error;

    REQUIRE(apr_pool_create(&open_pool, f->pool) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.open(&store, f->database, 1, &error, open_pool) == APR_SUCCESS);
    put(f, store, first);
    put(f, store, second);
    apr_pool_destroy(open_pool);
    REQUIRE(swap_text(f->database, second, first) > 0);
    REQUIRE(bgu_store_sqlite.open(&store, f->database, 0, &error, f->pool) == APR_SUCCESS);
    CHECK(bgu_store_sqlite.list(store, rows, "", 10, f->pool) != APR_SUCCESS);
    CHECK_INT(rows->nelts, 1);
}

static const suite_test_t tests[] = {
    {"a new database", test_new},
    {"a database that is there", test_again},
    {"a database of an earlier version", test_older},
    {"closed with its pool", test_closed_with_pool},
    {"missing file, missing folder", test_missing},
    {"an empty file in its place", test_empty_file},
    {"a folder in its place", test_folder},
    {"a newer schema", test_newer},
    {"somebody else's database", test_foreign},
    {"not a database", test_not_a_database},
    {"a damaged database", test_damaged},
    {"a damaged database, in which rows come in disorder", test_damaged_order},
    {"no permission", test_unwritable},
    {"made by many processes at once", test_made_at_once},
};

void suite_store_open(void)
{
    SUITE_ADD("store_open", tests);
}
