/* SPDX-License-Identifier: Apache-2.0 */

/* Publishing onto another file system than the spool's, where the bytes must be copied. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_publish.h"
#include "fixture.h"
#include "suites.h"

/** A folder on another file system, if there is one. */
#define OTHER_ROOT "/dev/shm"

/** A received file whose destination is on another file system. */
struct item {
    fixture_t *f;
    char *folder; /**< of the destination; removed by done() */
    const char *data;
    size_t length;
    bgu_session_t *session;
    bgu_spool_t *spool;
};

/** Receive so many bytes. Returns 0, and says so, where there is no other file system. */
static int receive(struct item *item, size_t length, int overwrite)
{
    struct stat here;
    struct stat there;

    item->f = fixture_open();
    REQUIRE(stat(item->f->root, &here) == 0);
    if (stat(OTHER_ROOT, &there) != 0 || here.st_dev == there.st_dev ||
        access(OTHER_ROOT, W_OK) != 0) {
        check_skip(OTHER_ROOT " is no other file system");
        return 0;
    }
    item->folder = apr_pstrdup(item->f->pool, OTHER_ROOT "/bgu-unit-XXXXXX");
    REQUIRE(mkdtemp(item->folder) != NULL);
    item->data = fixture_bytes(item->f, length);
    item->length = length;
    item->session = fixture_stored(item->f, BGU_STATE_COMMITTING, item->data, length);
    item->session->dest = apr_pstrcat(item->f->pool, item->folder, "/a.bin", NULL);
    item->session->plan.overwrite = overwrite;
    REQUIRE(bgu_spool_open(&item->spool, item->f->spool, item->session->id, NULL, item->f->pool) ==
            APR_SUCCESS);
    return 1;
}

static void done(const struct item *item)
{
    fixture_remove_tree(item->folder);
    CHECK(!fixture_exists(item->folder));
}

static bgu_result_e publish(const struct item *item, apr_status_t *cause)
{
    const char *detail = NULL;
    bgu_result_e result = bgu_publish(item->session, item->spool, cause, &detail, item->f->pool);

    if (result != BGU_OK) {
        CHECK(detail != NULL && *detail != '\0');
    }
    return result;
}

static void check_published(const struct item *item)
{
    CHECK(fixture_holds(item->session->dest, item->data, item->length));
    CHECK_INT(fixture_count(item->folder), 1);
    CHECK(fixture_holds(fixture_spool_path(item->f, item->session->id), item->data, item->length));
}

static void test_new(void)
{
    static const size_t lengths[] = {0, 1, 3000000};
    size_t i;

    for (i = 0; i < 6; i++) {
        apr_status_t cause = APR_SUCCESS;
        struct item item;
        struct stat info;

        if (!receive(&item, lengths[i / 2], i % 2)) {
            return;
        }
        item.session->plan.mode = 0640;
        CHECK_INT(publish(&item, &cause), BGU_OK);
        check_published(&item);
        REQUIRE(stat(item.session->dest, &info) == 0);
        CHECK_INT(info.st_mode & 07777, 0640);
        done(&item);
        fixture_teardown();
    }
}

static void test_exists(void)
{
    apr_status_t cause = APR_SUCCESS;
    struct item item;

    if (!receive(&item, 100000, 0)) {
        return;
    }
    fixture_write(item.session->dest, "old", 3);
    CHECK_INT(publish(&item, &cause), BGU_ACCESS_DENIED);
    CHECK(fixture_holds(item.session->dest, "old", 3));
    CHECK_INT(fixture_count(item.folder), 1);
    done(&item);
}

/** Whoever finishes a commit after a crash finds the copy that was published before it. */
static void test_repeated(void)
{
    apr_status_t cause = APR_SUCCESS;
    struct item item;

    if (!receive(&item, 100000, 0)) {
        return;
    }
    CHECK_INT(publish(&item, &cause), BGU_OK);
    CHECK_INT(publish(&item, &cause), BGU_OK);
    check_published(&item);
    done(&item);
}

/** Two uploads of one moment have the same size and time; their bytes tell them apart. */
static void test_twins(void)
{
    apr_status_t cause = APR_SUCCESS;
    struct item item;
    struct stat info;
    char *other;

    if (!receive(&item, 100, 0)) {
        return;
    }
    REQUIRE(stat(fixture_spool_path(item.f, item.session->id), &info) == 0);
    other = apr_pstrmemdup(item.f->pool, item.data, item.length);
    other[99] = (char)(other[99] + 1);
    fixture_write(item.session->dest, other, item.length);
    const struct timespec times[2] = {info.st_mtim, info.st_mtim};
    REQUIRE(utimensat(AT_FDCWD, item.session->dest, times, 0) == 0);
    CHECK_INT(publish(&item, &cause), BGU_ACCESS_DENIED);
    CHECK(fixture_holds(item.session->dest, other, item.length));
    done(&item);
}

static void test_overwrite(void)
{
    apr_status_t cause = APR_SUCCESS;
    struct item item;

    if (!receive(&item, 100000, 1)) {
        return;
    }
    fixture_write(item.session->dest, "old", 3);
    CHECK_INT(publish(&item, &cause), BGU_OK);
    check_published(&item);
    CHECK_INT(publish(&item, &cause), BGU_OK);
    check_published(&item);
    done(&item);
}

static void test_long_name(void)
{
    apr_status_t cause = APR_SUCCESS;
    struct item item;
    char name[256];

    if (!receive(&item, 100000, 1)) {
        return;
    }
    memset(name, 'n', 255);
    name[255] = '\0';
    item.session->dest = apr_pstrcat(item.f->pool, item.folder, "/", name, NULL);
    CHECK_INT(publish(&item, &cause), BGU_OK);
    check_published(&item);
    done(&item);
}

/** No room for the copy: nothing is left of it, and it can be repeated. */
static void test_full(void)
{
    apr_status_t cause = APR_SUCCESS;
    struct item item;
    bgu_result_e result;

    if (!receive(&item, 3000000, 0)) {
        return;
    }
    fixture_limit_files(1000000);
    result = publish(&item, &cause);
    fixture_limit_files(-1);
    CHECK_INT(result, BGU_DISK_FULL);
    CHECK_INT(cause, EFBIG);
    CHECK(!fixture_exists(item.session->dest));
    CHECK_INT(fixture_count(item.folder), 0);
    CHECK_INT(publish(&item, &cause), BGU_OK);
    check_published(&item);
    done(&item);
}

/** Publish in a process that the system kills when its copy reaches so many bytes. */
static void publish_killed(const struct item *item, long long bytes)
{
    const struct rlimit no_core = {0, 0};
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        apr_status_t cause = APR_SUCCESS;
        const char *detail = NULL;

        signal(SIGXFSZ, SIG_DFL);
        setrlimit(RLIMIT_CORE, &no_core);
        fixture_limit_files(bytes);
        bgu_publish(item->session, item->spool, &cause, &detail, item->f->pool);
        _exit(0);
    }
    CHECK_INT(fixture_wait(pid), 128 + SIGXFSZ);
}

/** A process that dies while it copies: nobody sees half a file, and the next one makes it whole
 * and leaves nothing of the first behind. */
static void test_killed(void)
{
    int overwrite;

    for (overwrite = 0; overwrite < 2; overwrite++) {
        apr_status_t cause = APR_SUCCESS;
        struct item item;

        if (!receive(&item, 3000000, overwrite)) {
            return;
        }
        publish_killed(&item, 1000000);
        CHECK(!fixture_exists(item.session->dest));
        publish_killed(&item, 2000000);
        CHECK(!fixture_exists(item.session->dest));
        CHECK_INT(publish(&item, &cause), BGU_OK);
        check_published(&item);
        done(&item);
        fixture_teardown();
    }
}

static const suite_test_t tests[] = {
    {"a new file", test_new},
    {"an existing file, overwriting off", test_exists},
    {"repeated", test_repeated},
    {"another file of the same size and time", test_twins},
    {"an existing file, overwriting on", test_overwrite},
    {"a name of 255 bytes", test_long_name},
    {"no room", test_full},
    {"killed while copying", test_killed},
};

void suite_publish_copy(void)
{
    SUITE_ADD("publish_copy", tests);
}
