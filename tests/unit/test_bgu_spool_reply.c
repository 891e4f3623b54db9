/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdatomic.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_spool_reply.h"
#include "fixture.h"
#include "suites.h"

#define ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** A spool file for ID. */
static bgu_spool_t *open_spool(const fixture_t *f)
{
    bgu_spool_t *spool = NULL;
    int created;

    REQUIRE(bgu_spool_open(&spool, f->spool, ID, &created, f->pool) == APR_SUCCESS);
    return spool;
}

static int mode_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (int)(info.st_mode & 07777) : -1;
}

/** The folder of the reply. */
static const char *folder_of(const fixture_t *f)
{
    const char *path = bgu_reply_path(f->spool, ID, f->pool);

    return apr_pstrmemdup(f->pool, path, (apr_size_t)(strrchr(path, '/') - path));
}

static void test_path(void)
{
    fixture_t *f = fixture_open_bare();
    const char *path = bgu_reply_path("/some/where", ID, f->pool);

    CHECK(strncmp(path, "/some/where/" ID, strlen("/some/where/" ID)) == 0);
    CHECK(strcmp(path, bgu_spool_path("/some/where", ID, f->pool)) != 0);
}

/** One at a time, also within a process. */
static void test_claim(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_claim_t *claim = NULL;
    bgu_claim_t *other = NULL;

    CHECK(!bgu_claim_is_taken(f->spool, ID, f->pool));
    CHECK_INT(fixture_count(f->spool), 0);
    CHECK_INT(bgu_claim_take(&claim, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK(bgu_claim_is_taken(f->spool, ID, f->pool));
    CHECK(APR_STATUS_IS_EAGAIN(bgu_claim_take(&other, f->spool, ID, f->pool)));
    bgu_claim_release(claim);
    CHECK(!bgu_claim_is_taken(f->spool, ID, f->pool));
    CHECK_INT(bgu_claim_take(&claim, f->spool, ID, f->pool), APR_SUCCESS);
    bgu_claim_release(claim);
    CHECK(APR_STATUS_IS_ENOENT(bgu_claim_take(&claim, fixture_path(f, "none"), ID, f->pool)));
}

static void test_claim_goes_with_pool(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_claim_t *claim = NULL;
    apr_pool_t *pool;

    apr_pool_create(&pool, f->pool);
    REQUIRE(bgu_claim_take(&claim, f->spool, ID, pool) == APR_SUCCESS);
    apr_pool_destroy(pool);
    CHECK(!bgu_claim_is_taken(f->spool, ID, f->pool));
}

/** Whether another process has the claim. */
static int is_taken(void *baton)
{
    const fixture_t *f = baton;

    return bgu_claim_is_taken(f->spool, ID, f->pool);
}

/** A process that is killed gives back what it had. */
static void test_claim_of_process(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_claim_t *claim = NULL;
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (bgu_claim_take(&claim, f->spool, ID, f->pool) != APR_SUCCESS) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    CHECK(check_wait(is_taken, f, 20));
    CHECK(APR_STATUS_IS_EAGAIN(bgu_claim_take(&claim, f->spool, ID, f->pool)));
    kill(pid, SIGKILL);
    CHECK_INT(fixture_wait(pid), 128 + SIGKILL);
    CHECK(!bgu_claim_is_taken(f->spool, ID, f->pool));
    CHECK_INT(bgu_claim_take(&claim, f->spool, ID, f->pool), APR_SUCCESS);
}

/** A link in the claim's place is not followed. */
static void test_claim_link(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_claim_t *claim = NULL;

    REQUIRE(symlink(fixture_path(f, "target"),
                    apr_pstrcat(f->pool, f->spool, "/" ID ".lock", NULL)) == 0);
    CHECK(bgu_claim_take(&claim, f->spool, ID, f->pool) != APR_SUCCESS);
    CHECK(!fixture_exists(fixture_path(f, "target")));
}

static void test_prepare_private(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);

    CHECK_INT(bgu_reply_prepare(spool, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(mode_of(folder_of(f)) & 0777, 0700);
    CHECK_INT(mode_of(fixture_spool_path(f, ID)), 0600);
}

static void test_prepare_shared(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);

    REQUIRE(chmod(f->spool, 02710) == 0);
    CHECK_INT(bgu_reply_prepare(spool, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(mode_of(folder_of(f)), 02770);
    CHECK_INT(mode_of(fixture_spool_path(f, ID)), 0640);
    /* Nobody else gets in. */
    CHECK_INT(mode_of(f->spool) & 07, 0);
}

/** What an application left that did not accept is not there for the next one. */
static void test_prepare_again(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);

    REQUIRE(bgu_reply_prepare(spool, f->spool, ID, f->pool) == APR_SUCCESS);
    fixture_write(bgu_reply_path(f->spool, ID, f->pool), "old", 3);
    CHECK_INT(bgu_reply_prepare(spool, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(fixture_count(folder_of(f)), 0);
    REQUIRE(mkdir(bgu_reply_path(f->spool, ID, f->pool), 0755) == 0);
    CHECK_INT(bgu_reply_prepare(spool, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(fixture_count(folder_of(f)), 0);
    CHECK(APR_STATUS_IS_ENOENT(bgu_reply_prepare(spool, fixture_path(f, "none"), ID, f->pool)));
}

static void test_remove(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);
    bgu_claim_t *claim = NULL;

    CHECK_INT(bgu_reply_remove(f->spool, ID, f->pool), APR_SUCCESS);
    REQUIRE(bgu_claim_take(&claim, f->spool, ID, f->pool) == APR_SUCCESS);
    REQUIRE(bgu_reply_prepare(spool, f->spool, ID, f->pool) == APR_SUCCESS);
    fixture_write(bgu_reply_path(f->spool, ID, f->pool), "reply", 5);
    CHECK_INT(bgu_reply_remove(f->spool, ID, f->pool), APR_SUCCESS);
    /* The received file is not this function's. */
    CHECK_INT(fixture_count(f->spool), 1);
    CHECK(fixture_exists(fixture_spool_path(f, ID)));
}

/** An application may leave anything in its folder; what it points to stays. */
static void test_remove_all_sorts(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);
    const char *folder;
    const char *deep;
    int i;

    REQUIRE(bgu_reply_prepare(spool, f->spool, ID, f->pool) == APR_SUCCESS);
    folder = folder_of(f);
    deep = folder;
    for (i = 0; i < 5; i++) {
        deep = apr_pstrcat(f->pool, deep, "/more", NULL);
        REQUIRE(mkdir(deep, 0755) == 0);
        fixture_write(apr_pstrcat(f->pool, deep, "/file", NULL), "x", 1);
    }
    fixture_write(fixture_dest(f, "precious"), "x", 1);
    REQUIRE(symlink(f->docroot, apr_pstrcat(f->pool, folder, "/link", NULL)) == 0);
    REQUIRE(link(fixture_dest(f, "precious"), apr_pstrcat(f->pool, deep, "/name", NULL)) == 0);
    REQUIRE(mkfifo(apr_pstrcat(f->pool, folder, "/fifo", NULL), 0600) == 0);
    CHECK_INT(bgu_reply_remove(f->spool, ID, f->pool), APR_SUCCESS);
    CHECK(!fixture_exists(folder));
    CHECK(fixture_holds(fixture_dest(f, "precious"), "x", 1));
}

/** By value nobody else needs to get at anything, and whom it was shared with before is kept out.
 */
static void test_prepare_unshared(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);

    REQUIRE(chmod(f->spool, 02710) == 0);
    CHECK_INT(bgu_reply_prepare(NULL, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(mode_of(folder_of(f)) & 0777, 0700);
    CHECK_INT(mode_of(fixture_spool_path(f, ID)), 0600);
    CHECK_INT(bgu_reply_prepare(spool, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(mode_of(folder_of(f)) & 0777, 0770);
    CHECK_INT(bgu_reply_prepare(NULL, f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(mode_of(folder_of(f)) & 0777, 0700);
}

/** Neither followed, nor emptied, nor given another mode. */
static void test_folder_link(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);

    REQUIRE(chmod(f->spool, 02710) == 0);
    fixture_write(fixture_dest(f, "precious"), "x", 1);
    REQUIRE(symlink(f->docroot, folder_of(f)) == 0);
    CHECK(bgu_reply_prepare(spool, f->spool, ID, f->pool) != APR_SUCCESS);
    CHECK_INT(bgu_reply_remove(f->spool, ID, f->pool), APR_SUCCESS);
    CHECK(fixture_holds(fixture_dest(f, "precious"), "x", 1));
    CHECK_INT(mode_of(f->docroot), 0755);
}

/** What an application may put in the place of its reply, in a folder that is shared or not. */
static void test_open(void)
{
    static const struct {
        const char *name;
        int shared, mode;
        apr_status_t status;
    } cases[] = {
        {"readable", 1, 0644, APR_SUCCESS}, {"readable by its group", 1, 0640, APR_SUCCESS},
        {"ours alone", 1, 0600, EPERM},     {"ours alone, not shared", 0, 0600, APR_SUCCESS},
        {"another name", 1, -1, EPERM},     {"a symbolic link", 1, -2, ELOOP},
        {"a pipe", 1, -3, EPERM},           {"a folder", 1, -4, EPERM},
        {"nothing", 1, -5, APR_ENOENT},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_t *f = fixture_open_bare();
        bgu_spool_t *spool = open_spool(f);
        const char *path = bgu_reply_path(f->spool, ID, f->pool);
        const char *file = fixture_dest(f, "file");
        apr_off_t size = -1;
        int fd = -1, made = 0;

        REQUIRE(chmod(f->spool, 02710) == 0);
        REQUIRE(bgu_reply_prepare(cases[i].shared ? spool : NULL, f->spool, ID, f->pool) ==
                APR_SUCCESS);
        fixture_write(file, "12345", 5);
        switch (cases[i].mode) {
        case -1:
            made = link(file, path);
            break;
        case -2:
            made = symlink(file, path);
            break;
        case -3:
            made = mkfifo(path, 0666);
            break;
        case -4:
            made = mkdir(path, 0755);
            break;
        case -5:
            break;
        default:
            made = chmod(file, (mode_t)cases[i].mode) != 0 || rename(file, path) != 0;
        }
        REQUIRE(made == 0);
        CASE_INT(cases[i].name, bgu_reply_open(&fd, &size, path, f->pool), cases[i].status);
        if (cases[i].status == APR_SUCCESS) {
            CASE_INT(cases[i].name, size, 5);
            CASE_INT(cases[i].name, close(fd), 0);
        }
        fixture_teardown();
    }
}

/** Those who remove the same folder. */
struct removers {
    const fixture_t *f;
    atomic_int failures;
};

static void remove_it(void *baton, int number)
{
    struct removers *removers = baton;
    apr_pool_t *pool;

    (void)number;
    apr_pool_create(&pool, NULL);
    atomic_fetch_add(&removers->failures,
                     bgu_reply_remove(removers->f->spool, ID, pool) != APR_SUCCESS);
    apr_pool_destroy(pool);
}

/** A Cancel, the request that asked and a clean-up may come to it at the same moment. */
static void test_remove_at_once(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);
    struct removers removers = {.f = f};
    int round;

    for (round = 0; round < 200; round++) {
        REQUIRE(bgu_reply_prepare(spool, f->spool, ID, f->pool) == APR_SUCCESS);
        fixture_write(bgu_reply_path(f->spool, ID, f->pool), "reply", 5);
        fixture_threads(4, remove_it, &removers);
        CHECK(!fixture_exists(folder_of(f)));
    }
    CHECK_INT(removers.failures, 0);
}

static const suite_test_t tests[] = {
    {"path", test_path},
    {"a claim", test_claim},
    {"a claim goes with its pool", test_claim_goes_with_pool},
    {"a claim goes with its process", test_claim_of_process},
    {"a link in the claim's place", test_claim_link},
    {"prepare for the server alone", test_prepare_private},
    {"prepare for a group", test_prepare_shared},
    {"prepare again", test_prepare_again},
    {"prepare by value", test_prepare_unshared},
    {"a link in the place of the reply's folder", test_folder_link},
    {"open the reply", test_open},
    {"remove", test_remove},
    {"remove all sorts of files", test_remove_all_sorts},
    {"remove at once", test_remove_at_once},
};

void suite_spool_reply(void)
{
    SUITE_ADD("spool_reply", tests);
}
