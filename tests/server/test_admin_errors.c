/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin when something is wrong: its store, its command line, its output. */

#include "suites.h"

#include <sqlite3.h>
#include <string.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"

#define NO_ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** The store cannot be opened: exit code 3 and one line with the path. */
static void check_no_store(const char *store)
{
    const char *output;

    CHECK_INT(admin_plain(apr_pstrcat(httpd_env_pool(), "list --store ", store, NULL), &output), 3);
    CHECK_HAS(output, store);
    CHECK_INT(admin_lines(output), 1);
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
    sqlite3 *db;

    check_no_store(apr_pstrcat(httpd_env_pool(), env->root, "/missing.db", NULL));
    check_no_store(apr_pstrcat(httpd_env_pool(), env->root, "/missing/sessions.db", NULL));
    check_no_store(env->docroot);
    run_sql(&db, foreign, "CREATE TABLE notes (text)");
    sqlite3_close(db);
    check_no_store(foreign);
    files_write(text, letter, strlen(letter));
    check_no_store(text);
    httpd_env_stop(env);
    run_sql(&db, env->store, "PRAGMA user_version = 9999");
    sqlite3_close(db);
    check_no_store(env->store);
}

static void locked_store(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    sqlite3 *db;

    httpd_env_stop(env);
    run_sql(&db, env->store, "BEGIN IMMEDIATE");
    check_no_store(env->store);
    sqlite3_close(db);
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
    {"usage", usage},
    {"output that cannot be written", full_output},
};

void suite_admin_errors(void)
{
    SUITE_ADD("admin_errors", tests);
}
