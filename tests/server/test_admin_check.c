/* SPDX-License-Identifier: Apache-2.0 */

/* bgupload-admin check, and what cleanup and expire do with sessions and orphans. */

#include "suites.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "admin.h"
#include "files.h"

#include "upload.h"

#define DATA   "0123456789"
#define ORPHAN "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"
#define DAY    86400

static const char path[] = "/upload/a.bin";

/** A server whose folders are as they should be. */
static upload_t begin(void)
{
    upload_t up = upload_begin(NULL, path);

    REQUIRE(chmod(up.env->spool, 0700) == 0);
    return up;
}

static const char *bare_id(const upload_t *up)
{
    return apr_pstrndup(httpd_env_pool(), up->id + 1, strlen(up->id) - 2);
}

static const char *in_spool(const httpd_env_t *env, const char *name)
{
    return apr_pstrcat(httpd_env_pool(), env->spool, "/", name, NULL);
}

/** Make a file look as if it was written so many seconds ago. */
static void age(const char *file, int seconds)
{
    struct timespec then = {.tv_sec = (time_t)apr_time_sec(apr_time_now()) - seconds};
    struct timespec times[] = {then, then};

    REQUIRE(utimensat(AT_FDCWD, file, times, AT_SYMLINK_NOFOLLOW) == 0);
}

static int admin_spool(const httpd_env_t *env, const char *words, const char **output)
{
    return admin(env, apr_pstrcat(httpd_env_pool(), "--spool ", env->spool, " ", words, NULL),
                 output);
}

static void check_fine(void)
{
    upload_t up = begin();
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    CHECK_INT(admin_spool(up.env, "check", &output), 0);
    CHECK_STR(output, "0 faults found, 0 repaired\n");
    CHECK_INT(admin_spool(up.env, "check --json", &output), 0);
    CHECK_STR(admin_json(output, "$.faults"), "[]");
    CHECK_STR(admin_json(output, "$.found"), "0");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_INT(admin_spool(up.env, "check", &output), 0);
}

static void check_modes(void)
{
    upload_t up = begin();
    const char *output;

    REQUIRE(chmod(up.env->spool, 0755) == 0);
    REQUIRE(chmod(up.env->store, 0644) == 0);
    CHECK_INT(admin_spool(up.env, "check", &output), 1);
    CHECK_HAS(admin_line(output, up.env->spool), "0700");
    CHECK_HAS(admin_line(output, up.env->store), "0600");
    CHECK_INT(files_mode(up.env->spool), 0755);
    CHECK_INT(admin_spool(up.env, "check --json", &output), 1);
    CHECK_STR(admin_json(output, "$.faults[0].kind"), "mode");
    CHECK_STR(admin_json(output, "$.faults[0].subject"), up.env->store);
    CHECK_STR(admin_json(output, "$.left"), "2");
    CHECK_INT(admin_spool(up.env, "check --repair", &output), 0);
    CHECK_INT(files_mode(up.env->spool), 0700);
    CHECK_INT(files_mode(up.env->store), 0600);
    REQUIRE(chmod(up.env->spool, 02710) == 0);
    CHECK_INT(admin_spool(up.env, "check", &output), 0);
}

static void check_no_spool(void)
{
    upload_t up = begin();
    const char *output;

    CHECK_INT(admin_spool(up.env, "check --spool /nonexistent/spool", &output), 1);
    CHECK_HAS(admin_line(output, "/nonexistent/spool"), "No such file");
}

static void check_lost_bytes(void)
{
    upload_t up = begin();
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    REQUIRE(truncate(upload_spool_file(&up), 7) == 0);
    CHECK_INT(admin_spool(up.env, "check --repair", &output), 1);
    CHECK_HAS(admin_line(output, bare_id(&up)), "lost bytes");
    CHECK_INT(files_size(upload_spool_file(&up)), 7);
    REQUIRE(unlink(upload_spool_file(&up)) == 0);
    CHECK_INT(admin_spool(up.env, "check --json", &output), 1);
    CHECK_STR(admin_json(output, "$.faults[0].kind"), "session");
    CHECK_STR(admin_json(output, "$.faults[0].subject"), bare_id(&up));
    CHECK_STR(admin_json(output, "$.faults[0].repaired"), "0");
}

static void check_commit(void)
{
    upload_t up = begin();
    const char *output;
    const char *id =
        admin_row(up.env, &(admin_row_t){"ann", "/upload/c.bin", BGU_STATE_COMMITTING, 100, 10});

    files_write(in_spool(up.env, id), DATA, 10);
    CHECK_INT(admin_spool(up.env, "check", &output), 1);
    CHECK_HAS(admin_line(output, id), "interrupted");
    CHECK(!files_exists(httpd_env_path(up.env, "/upload/c.bin")));
    CHECK_INT(admin_spool(up.env, "check --repair", &output), 0);
    CHECK_HAS(admin_line(output, id), "repaired");
    CHECK_INT(files_size(httpd_env_path(up.env, "/upload/c.bin")), 10);
}

static void check_orphans(void)
{
    upload_t up = begin();
    const char *orphan = in_spool(up.env, ORPHAN);
    const char *output;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 4, 10), 200, 4);
    age(upload_spool_file(&up), 100 * DAY);
    files_write(orphan, DATA, 10);
    CHECK_INT(admin_spool(up.env, "check", &output), 0);
    age(orphan, DAY);
    CHECK_INT(admin_spool(up.env, "check", &output), 1);
    CHECK_HAS(admin_line(output, orphan), "no open session");
    CHECK_INT(admin_spool(up.env, "check --repair", &output), 1);
    CHECK_HAS(admin_line(output, orphan), "--min-age");
    CHECK(files_exists(orphan));
    CHECK_INT(admin_spool(up.env, "check --repair --min-age 1h", &output), 0);
    CHECK_HAS(output, "1 faults found, 1 repaired\n");
    CHECK(!files_exists(orphan));
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 4, 6, 10), 200, 10);
    upload_finish(&up, DATA, 10);
}

static void cleanup_orphans(void)
{
    upload_t up = begin();
    const char *orphan = in_spool(up.env, ORPHAN);
    const char *young = in_spool(up.env, "B0FF5911-4144-45B3-BF27-27AFC8EC8A67");
    const char *strange = in_spool(up.env, "notes");
    const char *output;

    files_write(orphan, DATA, 10);
    files_write(young, DATA, 10);
    files_write(strange, DATA, 10);
    age(orphan, 15 * DAY);
    age(young, 13 * DAY);
    age(strange, 15 * DAY);
    /* The folder is known from the open session. */
    CHECK_INT(admin(up.env, "cleanup --dry-run", &output), 0);
    CHECK_HAS(admin_line(output, orphan), "to remove");
    CHECK(files_exists(orphan));
    CHECK_INT(admin(up.env, "cleanup", &output), 0);
    CHECK_HAS(output, "0 failed, 1 orphans\n");
    CHECK(!files_exists(orphan) && files_exists(young) && files_exists(strange));
    CHECK_INT(admin_spool(up.env, "cleanup --min-age 12d", &output), 0);
    CHECK(!files_exists(young) && files_exists(strange));
    REQUIRE(unlink(strange) == 0);
}

static void expire(void)
{
    upload_t up = begin();
    upload_t other = upload_another(up.env, "/upload/b.bin");
    const char *idle =
        admin_row(up.env, &(admin_row_t){"ann", "/upload/c.bin", BGU_STATE_RECEIVING, 3 * DAY, 10});
    const char *alive =
        admin_row(up.env, &(admin_row_t){"ann", "/upload/d.bin", BGU_STATE_RECEIVING, 3 * DAY, 10});
    const char *output;

    files_write(in_spool(up.env, idle), DATA, 4);
    files_write(in_spool(up.env, alive), DATA, 4);
    age(in_spool(up.env, idle), 3 * DAY);
    CHECK_INT(admin(up.env, "expire --older-than 2d --dry-run", &output), 0);
    CHECK_HAS(output, "dry run: 1 to discard, 0 failed\n");
    CHECK(files_exists(in_spool(up.env, idle)));
    CHECK_INT(admin(up.env, "expire --older-than 2d", &output), 0);
    CHECK_HAS(admin_line(output, idle), "discarded");
    CHECK_HAS(output, "\n1 discarded, 0 failed\n");
    CHECK(!files_exists(in_spool(up.env, idle)) && files_exists(in_spool(up.env, alive)));
    CHECK_INT(admin(up.env, apr_pstrcat(httpd_env_pool(), "cancel ", alive, NULL), &output), 0);
    up.wire = wire_connect(up.env);
    other.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_ANSWER(wire_cancel(other.wire, other.path, other.id), 200, NULL);
}

static void cancel_dry_run(void)
{
    upload_t up = begin();
    const char *output;

    CHECK_INT(
        admin(up.env, apr_pstrcat(httpd_env_pool(), "cancel --dry-run ", up.id, NULL), &output), 0);
    CHECK_HAS(output, "would be cancelled");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    upload_finish(&up, DATA, 10);
    CHECK_INT(
        admin(up.env, apr_pstrcat(httpd_env_pool(), "cancel --dry-run ", up.id, NULL), &output), 1);
}

/** Everything that it leaves belongs to the owner of the store, also when root runs it. */
static void ownership(void)
{
    upload_t up = begin();
    struct stat folder, file;
    const char *output;

    REQUIRE(stat(up.env->spool, &folder) == 0);
    httpd_env_kill(up.env);
    (void)unlink(apr_pstrcat(httpd_env_pool(), up.env->store, "-shm", NULL));
    CHECK_INT(admin_spool(up.env, "check --repair", &output), 0);
    CHECK_INT(admin_spool(up.env, "cleanup", &output), 0);
    for (int i = 0; i < 3; i++) {
        static const char *const endings[] = {"", "-wal", "-shm"};

        if (stat(apr_pstrcat(httpd_env_pool(), up.env->store, endings[i], NULL), &file) == 0) {
            CHECK_INT(file.st_uid, folder.st_uid);
        }
    }
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, DATA, 0, 10, 10), 200, 10);
    upload_finish(&up, DATA, 10);
}

static const suite_test_t tests[] = {
    {"nothing wrong", check_fine},
    {"modes", check_modes},
    {"a spool that is not there", check_no_spool},
    {"lost bytes", check_lost_bytes},
    {"an interrupted commit", check_commit},
    {"orphans", check_orphans},
    {"clean-up of orphans", cleanup_orphans},
    {"expire", expire},
    {"cancel --dry-run", cancel_dry_run},
    {"whose the files are", ownership},
};

void suite_admin_check(void)
{
    SUITE_ADD("admin_check", tests);
}
