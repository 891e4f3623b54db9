/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin when something is wrong: its store, its command line, its output. */

#include "suites.h"

#include <sqlite3.h>
#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"

#define NO_ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** The store cannot be opened, whatever the command: exit code 3 and one line with the path; no
 * byte of it is changed, nothing is made. */
static void check_no_store(const char *store)
{
    static const char *const words[] = {"list", "check --repair", "cleanup", "cancel " NO_ID};
    const char *folder =
        apr_pstrndup(httpd_env_pool(), store, (apr_size_t)(strrchr(store, '/') - store));
    int entries = files_exists(folder) ? files_count(folder) : 0;
    bytes_t before = files_read(store);
    const char *output;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        CHECK_INT(admin_plain(httpd_env_format("%s --store %s", words[i], store), &output), 3);
        CHECK_HAS(output, store);
        CHECK_INT(admin_lines(output), 1);
    }
    bytes_t after = files_read(store);
    CHECK_INT(after.length, before.length);
    CHECK(before.data == NULL || memcmp(after.data, before.data, before.length) == 0);
    CHECK_INT(files_exists(folder) ? files_count(folder) : 0, entries);
}

static void run_sql(sqlite3 **db, const char *store, const char *sql)
{
    REQUIRE(sqlite3_open(store, db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(*db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void no_store(void)
{
    static const char letter[] =
        "a letter, and no database, but long enough to have a header of one "
        "hundred bytes, which SQLite looks at";
    httpd_env_t *env = httpd_env_start(NULL);
    const char *foreign = apr_pstrcat(httpd_env_pool(), env->root, "/foreign.db", NULL);
    const char *text = apr_pstrcat(httpd_env_pool(), env->root, "/text.db", NULL);
    const char *empty = apr_pstrcat(httpd_env_pool(), env->root, "/empty.db", NULL);
    sqlite3 *db;

    check_no_store(apr_pstrcat(httpd_env_pool(), env->root, "/missing.db", NULL));
    check_no_store(apr_pstrcat(httpd_env_pool(), env->root, "/missing/sessions.db", NULL));
    check_no_store(env->docroot);
    run_sql(&db, foreign, "CREATE TABLE notes (text)");
    sqlite3_close(db);
    check_no_store(foreign);
    files_write(text, letter, strlen(letter));
    check_no_store(text);
    files_write(empty, "", 0);
    check_no_store(empty);
    httpd_env_stop(env);
    run_sql(&db, env->store, "PRAGMA user_version = 9999");
    sqlite3_close(db);
    check_no_store(env->store);
}

static void locked_store(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *output;
    sqlite3 *db;

    httpd_env_stop(env);
    run_sql(&db, env->store, "BEGIN IMMEDIATE");
    /* The file is not looked at here: closing it would end our own lock. */
    CHECK_INT(admin(env, "list", &output), 3);
    CHECK_HAS(output, env->store);
    CHECK_HAS(output, "locked");
    CHECK_INT(admin_lines(output), 1);
    sqlite3_close(db);
    CHECK_INT(admin(env, "list", &output), 0);
}

/** Damage behind the header: the sessions cannot be read, or check finds it. */
static void damaged_store(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *output;
    bytes_t file;
    char *data;

    httpd_env_stop(env);
    file = files_read(env->store);
    REQUIRE(file.length > 8192);
    data = apr_pmemdup(httpd_env_pool(), file.data, file.length);
    memset(data + 4096, 0xA5, file.length - 4096);
    files_write(env->store, data, file.length);
    CHECK_INT(admin(env, "list", &output), 1);
    CHECK_INT(admin_lines(output), 1);
    CHECK_HAS(output, "malformed");
    CHECK_INT(admin(env, "check", &output), 1);
    CHECK_HAS(admin_line(output, "damaged: "), env->store);
}

/** A command line and its exit code; none of them gets as far as the store. */
struct usage_case {
    const char *words;
    int code;
    const char *part; /**< of the output */
};

static const struct usage_case usages[] = {
    {"--help", 0, "Usage:"},
    {"list -h", 0, "Usage:"},
    {"--version", 0, "bgupload-admin "},
    {"", 2, "no command"},
    {"frobnicate", 2, "frobnicate"},
    {"--frobnicate", 2, "frobnicate"},
    {"list --store", 2, "store"},
    {"list " NO_ID, 2, "list"},
    {"show", 2, "show"},
    {"show " NO_ID " " NO_ID, 2, "show"},
    {"show 42", 2, "42"},
    {"show {" NO_ID, 2, NO_ID},
    {"cancel", 2, "cancel"},
    {"cancel " NO_ID " ../../etc/passwd", 2, "../../etc/passwd"},
    {"cancel --json " NO_ID, 2, "cancel"},
    {"list --dry-run", 2, "list"},
    {"cleanup --json", 2, "cleanup"},
    {"cleanup " NO_ID, 2, "cleanup"},
    {"list --state half", 2, "half"},
    {"list --state", 2, "state"},
    {"list --sort colour", 2, "colour"},
    {"list --older-than soon", 2, "soon"},
    {"list --repair", 2, "list"},
    {"show --user ann " NO_ID, 2, "show"},
    {"stats --reverse", 2, "stats"},
    {"stats " NO_ID, 2, "stats"},
    {"check --dry-run", 2, "check"},
    {"check " NO_ID, 2, "check"},
    {"expire", 2, "older-than"},
    {"expire --older-than", 2, "older-than"},
    {"expire --older-than 1d " NO_ID, 2, "expire"},
    {"expire --older-than 1d --json", 2, "expire"},
    {"cleanup --tombstone", 2, "tombstone"},
    {"cleanup --tombstone -1s", 2, "-1s"},
    {"cleanup --tombstone soon", 2, "soon"},
    {"cleanup --tombstone 1y", 2, "1y"},
    {"cleanup --tombstone 1.5h", 2, "1.5h"},
    {"cleanup --tombstone 99999999999999d", 2, "99999999999999d"},
    {"cleanup --tombstone 99999999999999999999s", 2, "99999999999999999999s"},
};

static void usage(void)
{
    size_t i;

    for (i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        const char *output;
        int code = admin_plain(usages[i].words, &output);

        if (code != usages[i].code || strstr(output, usages[i].part) == NULL) {
            CHECK_FAIL("\"%s\": exit code %d, expected %d; %s", usages[i].words, code,
                       usages[i].code, output);
        }
    }
    CHECK(i > 0);
}

/** What cannot be written is told. */
static void full_output(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *argv[] = {"sh", "-c", NULL, NULL};
    const char *output;

    argv[2] = apr_pstrcat(httpd_env_pool(), httpd_env_setting("BGUPLOAD_BUILD"),
                          "/bgupload-admin list --store ", env->store, " >/dev/full", NULL);
    CHECK_INT(program_run(argv, &output, httpd_env_pool()), 1);
    CHECK_HAS(output, "cannot write");
}

static const suite_test_t tests[] = {
    {"stores that cannot be opened", no_store},
    {"a locked store", locked_store},
    {"a damaged store", damaged_store},
    {"usage", usage},
    {"output that cannot be written", full_output},
};

void suite_admin_errors(void)
{
    SUITE_ADD("admin_errors", tests);
}
