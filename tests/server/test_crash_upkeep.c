/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 of what happens beside the uploads: a clean-up, and the start with a new or an old
 * database. Whatever was left half done, the next one does it. */

#include "suites.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>
#include <sqlite3.h>

#include "../../mod_bgupload/bgu_sql.h"
#include "admin.h"
#include "crash_point.h"
#include "fault.h"
#include "files.h"
#include "server_user.h"
#include "upload.h"

#define DATA     "1234567890"
#define LONG_AGO (30 * 86400)
#define ORPHAN   "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

static const char old_path[] = "/upload/old.bin";

static const httpd_env_options_t quiet = {.faults = 1,
                                          .server = "StartServers 1\nBGUploadCleanupInterval 0\n"};

/** The next call to hit. Prints the one that was hit. */
static unsigned next_point(const httpd_env_t *env, const char *name, unsigned call,
                           const char **before)
{
    const char *now = crash_call(env);

    printf("crash: %s: before %s: done by the next one\n", name, now);
    return call + crash_stride(before, now);
}

static const char *in_spool(const httpd_env_t *env, const char *name, const char *ending)
{
    return apr_pstrcat(httpd_env_pool(), env->spool, "/", name, ending, NULL);
}

/** A session of an upload-reply that timed out. */
static void leave_reply(httpd_env_t *env)
{
    const admin_row_t row = {"ann", old_path, BGU_STATE_NOTIFYING, LONG_AGO, 10};
    const char *id = admin_row(env, &row);

    files_mkdir(in_spool(env, id, ".reply"), 0700);
    files_write(in_spool(env, id, ".reply/response"), DATA, 10);
    files_write(in_spool(env, id, ".lock"), "", 0);
}

/** A session that is over, but left its file. */
static void leave_tombstone(httpd_env_t *env)
{
    const admin_row_t row = {"ann", old_path, BGU_STATE_CLOSED, LONG_AGO, 10};

    files_write(in_spool(env, admin_row(env, &row), ""), DATA, 10);
}

/** A file that belongs to no session. */
static void leave_orphan(httpd_env_t *env)
{
    files_write(in_spool(env, ORPHAN, ""), DATA, 10);
}

/** An upload whose commit was interrupted; the server runs again. */
static void leave_commit(httpd_env_t *env)
{
    upload_t up = upload_another(env, old_path);

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, DATA, 0, 10, 10), 200, 10);
    fault_arm(env, &(fault_t){FAULTS_KILL, FAULTS_NAMES, .ending = old_path, .first = 1});
    CHECK_INT(wire_close(up.wire, up.path, up.id)->status, 0);
    fault_disarm(env);
    CHECK_HAS(fault_hit(env), "linkat docroot/upload/");
    httpd_env_kill(env);
    httpd_env_resume(env);
}

/** Run a clean-up that dies before a call. Returns whether there were that many. */
static int clean_up(httpd_env_t *env, unsigned call)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *build = httpd_env_setting("BGUPLOAD_BUILD");
    const char *preload = getenv("BGUPLOAD_PRELOAD");
    const char *output;
    const char *argv[] = {"env",
                          apr_pstrcat(pool, "LD_PRELOAD=", preload != NULL ? preload : "", " ",
                                      build, "/tests/faults/faults.so", NULL),
                          apr_pstrcat(pool, FAULTS_VARIABLE "=", fault_file(env), NULL),
                          apr_pstrcat(pool, build, "/bgupload-admin", NULL),
                          "--store",
                          env->store,
                          "--spool",
                          env->spool,
                          "cleanup",
                          "--tombstone",
                          "1h",
                          "--min-age",
                          "0",
                          NULL};
    int code;

    fault_arm(env, &(fault_t){FAULTS_KILL, FAULTS_CHANGES, NULL, .first = call});
    code = program_run(argv, &output, pool);
    fault_disarm(env);
    if (fault_hit(env)[0] == '\0' && code != 0) {
        CHECK_FAIL("cleanup: exit code %d, %s", code, output);
    }
    return fault_hit(env)[0] != '\0';
}

/** Clean up what leave leaves, again and again, until no call is left to be the last one.
 * @param file whether there is a file at old_path behind it */
static void clean_ups(httpd_env_t *env, const char *name, void (*leave)(httpd_env_t *env), int file)
{
    const char *before = NULL;
    const char *output;
    unsigned call = 1;
    int hit = 1;

    while (hit) {
        leave(env);
        hit = clean_up(env, call);
        if (hit) {
            call = next_point(env, name, call, &before);
            CHECK(!clean_up(env, UINT_MAX));
        }
        CHECK_INT(httpd_env_spool_count(env), 0);
        CHECK_INT(files_count(httpd_env_path(env, "/upload")), file);
        CHECK_INT(files_size(httpd_env_path(env, old_path)), file ? 10 : -1);
        (void)unlink(httpd_env_path(env, old_path));
        CHECK_INT(admin(env, "list --json --state open", &output), 0);
        CHECK_STR(admin_json(output, "$[0].id"), NULL);
    }
}

static void cleanup(void)
{
    httpd_env_t *env = httpd_env_start(&quiet);

    printf("\n");
    clean_ups(env, "clean-up of a session that timed out", leave_reply, 0);
    clean_ups(env, "clean-up of a tombstone", leave_tombstone, 0);
    clean_ups(env, "clean-up of an orphan", leave_orphan, 0);
    clean_ups(env, "clean-up of a commit", leave_commit, 1);
}

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        REQUIRE_FAIL("%s: %s", sql, sqlite3_errmsg(db));
    }
}

/** Put the first schema there ever was into the place of the store, with one session. */
static void make_old_store(const httpd_env_t *env)
{
    long long now = (long long)apr_time_now();
    sqlite3 *db = NULL;

    REQUIRE(sqlite3_open(env->store, &db) == SQLITE_OK);
    server_user_own(env->store);
    run_sql(db, BGU_SQL_WAL);
    run_sql(db, bgu_sql_migrations[0]);
    run_sql(db, httpd_env_format(BGU_SQL_MARK, BGU_SQL_APPLICATION, 1));
    run_sql(db,
            httpd_env_format("INSERT INTO session VALUES('" ORPHAN "', 0, '', '127.0.0.1', '%s',"
                             " '', '%s%s', '%s', NULL, %lld, %lld, 86400000000, 0, 0, 0, 420)",
                             old_path, env->docroot, old_path, env->spool, now, now));
    sqlite3_close(db);
}

static void no_store(const httpd_env_t *env)
{
    (void)env;
}

/** After the start: a session can be made. */
static void check_new_store(httpd_env_t *env)
{
    upload_t up = upload_another(env, "/upload/new.bin");

    CHECK_ANSWER(wire_cancel(up.wire, up.path, up.id), 200, NULL);
}

/** After the start: the session goes on that the old store had. */
static void check_old_store(httpd_env_t *env)
{
    upload_t up = {env, wire_connect(env), old_path, "{" ORPHAN "}"};

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, DATA, 0, 10, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    REQUIRE(unlink(httpd_env_path(env, old_path)) == 0);
}

/** Start a server that dies before a call. Returns whether there were that many; then it starts
 * again. */
static int start(httpd_env_t *env, unsigned call)
{
    fault_arm(env, &(fault_t){FAULTS_KILL, FAULTS_CHANGES, NULL, .first = call});
    (void)httpd_env_try_resume(env);
    fault_disarm(env);
    if (fault_hit(env)[0] == '\0') {
        return 0;
    }
    httpd_env_kill(env);
    httpd_env_resume(env);
    return 1;
}

/** Starts with a state folder as make leaves it, each of which dies once. */
static void starts(const char *name, void (*make)(const httpd_env_t *env),
                   void (*check)(httpd_env_t *env))
{
    httpd_env_t *env = httpd_env_start(&quiet);
    const char *folder = apr_pstrcat(env->pool, env->root, "/state", NULL);
    const char *before = NULL;
    unsigned call = 1;
    int hit = 1;

    printf("\n");
    while (hit) {
        httpd_env_kill(env);
        files_remove_tree(folder);
        files_mkdir(folder, 0755);
        make(env);
        hit = start(env, call);
        if (hit) {
            call = next_point(env, name, call, &before);
        }
        check(env);
    }
}

static void first_start(void)
{
    starts("first start", no_store, check_new_store);
}

static void upgrade(void)
{
    starts("upgrade", make_old_store, check_old_store);
}

/** What is to be on the disk before a 200 is brought there by the repeated packet, too. */
static void spool_folder_is_synced(void)
{
    httpd_env_options_t options = {.faults = 1, .directory = "BGUploadSync Fragment\n"};
    upload_t up = upload_begin(&options, "/upload/a.bin");
    fault_t sync = {FAULTS_KILL, FAULTS_SYNCS, .ending = "/spool", .first = 1};

    fault_arm(up.env, &sync);
    CHECK_INT(wire_fragment(up.wire, up.path, up.id, DATA, 0, 5, 10)->status, 0);
    fault_disarm(up.env);
    httpd_env_kill(up.env);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    sync.act = FAULTS_COUNT;
    fault_arm(up.env, &sync);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, DATA, 0, 5, 10), 200, 5);
    CHECK_INT(fault_disarm(up.env), 1);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, DATA, 5, 5, 10), 200, 10);
    upload_finish(&up, DATA, 10);
}

void suite_crash_upkeep(void)
{
    static const suite_test_t tests[] = {
        {"a clean-up", cleanup},
        {"the first start", first_start},
        {"the first start after an upgrade", upgrade},
        {"a spool folder that was not synced in time", spool_folder_is_synced},
    };

    SUITE_ADD("crash_upkeep", tests);
}
