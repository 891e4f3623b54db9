/* SPDX-License-Identifier: Apache-2.0 */

/* What others might plant in a spool, should they be able to write there after all. */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_spool.h"
#include "fixture.h"
#include "suites.h"

#define ID     "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"
#define SECRET "secret"

/** Threads that open a file which is not there yet, and how often. */
enum { OPENERS = 4, ROUNDS = 200 };

/** A fixture with a file in it that is not the session's. */
static fixture_t *make_secret(void)
{
    fixture_t *f = fixture_open_bare();

    fixture_write(fixture_path(f, "secret"), SECRET, strlen(SECRET));
    return f;
}

static int holds_secret(const fixture_t *f)
{
    return fixture_holds(fixture_path(f, "secret"), SECRET, strlen(SECRET));
}

/** Open the spool file, which is or is not to be made. */
static apr_status_t open_spool(const fixture_t *f, bgu_spool_t **spool, int make)
{
    int created = 0;
    apr_status_t rv = bgu_spool_open(spool, f->spool, ID, make ? &created : NULL, f->pool);

    CHECK_INT(created, 0);
    return rv;
}

static void test_symlinks(void)
{
    static const char *const targets[] = {"secret", "nothing"};
    size_t i;

    for (i = 0; i < 4; i++) {
        fixture_t *f = make_secret();
        bgu_spool_t *spool;

        REQUIRE(symlink(fixture_path(f, targets[i / 2]), fixture_spool_path(f, ID)) == 0);
        CHECK_INT(open_spool(f, &spool, i % 2), ELOOP);
        CHECK(holds_secret(f));
        CHECK(!fixture_exists(fixture_path(f, "nothing")));
        CHECK_INT(bgu_spool_touch(f->spool, ID, f->pool), APR_SUCCESS);
        CHECK_INT(bgu_spool_remove(f->spool, ID, f->pool), APR_SUCCESS);
        CHECK(holds_secret(f));
        fixture_teardown();
    }
}

/** Append a byte, and drop all of them. Returns what the first said, if the second said it too. */
static apr_status_t change(bgu_spool_t *spool)
{
    struct iovec vec = {"x", 1};
    const bgu_piece_t piece = {&vec, 1, -1, 1};
    apr_off_t size = -1;
    apr_status_t rv = bgu_spool_append(spool, &size, (apr_off_t)strlen(SECRET), 100, &piece);

    return bgu_spool_restart(spool, &size, 0) == rv ? rv : APR_EGENERAL;
}

/** A pipe has no size and takes no bytes; whoever opens it does not wait. */
static void test_pipe(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool;
    apr_off_t size;

    REQUIRE(mkfifo(fixture_spool_path(f, ID), 0600) == 0);
    REQUIRE(open_spool(f, &spool, 1) == APR_SUCCESS);
    CHECK_INT(bgu_spool_size(&size, spool), EPERM);
    REQUIRE(unlink(fixture_spool_path(f, ID)) == 0 && mkdir(fixture_spool_path(f, ID), 0700) == 0);
    CHECK_INT(open_spool(f, &spool, 1), EISDIR);
}

/** A file that has another name is read at most. */
static void test_hard_link(void)
{
    fixture_t *f = make_secret();
    bgu_spool_t *spool;
    apr_off_t size = -1;

    REQUIRE(link(fixture_path(f, "secret"), fixture_spool_path(f, ID)) == 0);
    REQUIRE(open_spool(f, &spool, 0) == APR_SUCCESS);
    CHECK(bgu_spool_is_linked(spool));
    CHECK_INT(bgu_spool_size(&size, spool), APR_SUCCESS);
    CHECK_INT(change(spool), EMLINK);
    CHECK(holds_secret(f));
    /* Once it is ours alone it is as any other. */
    REQUIRE(unlink(fixture_path(f, "secret")) == 0);
    CHECK(!bgu_spool_is_linked(spool));
    CHECK_INT(change(spool), APR_SUCCESS);
    CHECK_INT(fixture_size(fixture_spool_path(f, ID)), 0);
}

static int use_foreign(void *baton)
{
    const fixture_t *f = baton;
    struct iovec vec = {"x", 1};
    bgu_spool_t *spool;
    apr_off_t size;
    int created;

    if (bgu_spool_open(&spool, f->spool, ID, &created, f->pool) != APR_SUCCESS || created) {
        return 1;
    }
    if (bgu_spool_size(&size, spool) != EPERM) {
        return 2;
    }
    return bgu_spool_append(spool, &size, 0, 100, &(bgu_piece_t){&vec, 1, -1, 1}) == EPERM ? 0 : 3;
}

/** A file of another user, who let us write to it. */
static void test_foreign(void)
{
    fixture_t *f = fixture_open_bare();
    int code;

    if (geteuid() != 0) {
        check_skip("only root can be two users");
        return;
    }
    fixture_write(fixture_spool_path(f, ID), "", 0);
    REQUIRE(chmod(fixture_spool_path(f, ID), 0666) == 0);
    code = fixture_as_nobody(f, use_foreign, f);
    if (code < 0) {
        check_skip("another user cannot get into TMPDIR");
        return;
    }
    CHECK_INT(code, 0);
    CHECK_INT(fixture_size(fixture_spool_path(f, ID)), 0);
}

static int regain(void *baton)
{
    const fixture_t *f = baton;
    const char *target = fixture_path(f, "open/target");
    bgu_spool_t *spool;
    apr_off_t size = 0;
    struct stat info;

    fixture_write(target, SECRET, strlen(SECRET));
    if (chmod(target, 0) != 0 || link(target, fixture_spool_path(f, ID)) != 0 ||
        unlink(target) != 0 || bgu_spool_open(&spool, f->spool, ID, NULL, f->pool) != APR_SUCCESS ||
        bgu_spool_size(&size, spool) != APR_SUCCESS || size != (apr_off_t)strlen(SECRET)) {
        return 1;
    }
    return stat(fixture_spool_path(f, ID), &info) == 0 && (info.st_mode & 0777) == 0600 ? 0 : 2;
}

/** A crash may have left the mode of the destination, which may keep the server itself out. */
static void test_regained(void)
{
    fixture_t *f = fixture_open_bare();
    int code;

    REQUIRE(mkdir(fixture_path(f, "open"), 0777) == 0 && chmod(f->spool, 0777) == 0 &&
            chmod(fixture_path(f, "open"), 0777) == 0);
    code = fixture_as_nobody(f, regain, f);
    if (code < 0) {
        check_skip("another user cannot get into TMPDIR");
        return;
    }
    CHECK_INT(code, 0);
}

/** What the openers of one round share. */
struct round {
    const fixture_t *f;
    atomic_int created;
    atomic_int failed;
};

static void open_first(void *baton, int number)
{
    struct round *round = baton;
    bgu_spool_t *spool;
    int created = 0;
    apr_pool_t *pool;

    (void)number;
    apr_pool_create(&pool, NULL);
    round->failed += bgu_spool_open(&spool, round->f->spool, ID, &created, pool) != APR_SUCCESS;
    round->created += created;
    apr_pool_destroy(pool);
}

/** Of those who find no file exactly one makes it. */
static void test_created_once(void)
{
    fixture_t *f = fixture_open_bare();
    int i;

    for (i = 0; i < ROUNDS; i++) {
        struct round round = {.f = f};

        fixture_threads(OPENERS, open_first, &round);
        CHECK_INT(round.failed, 0);
        CHECK_INT(round.created, 1);
        REQUIRE(unlink(fixture_spool_path(f, ID)) == 0);
    }
}

static const suite_test_t tests[] = {
    {"symbolic links", test_symlinks},
    {"a pipe, a folder", test_pipe},
    {"another name of a file", test_hard_link},
    {"a file of another user", test_foreign},
    {"a mode that keeps everybody out", test_regained},
    {"made by one of many", test_created_once},
};

void suite_spool_planted(void)
{
    SUITE_ADD("spool_planted", tests);
}
