/* SPDX-License-Identifier: Apache-2.0 */

/* Putting a received file at its destination, on the spool's own file system. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_publish.h"
#include "fixture.h"
#include "suites.h"

#define NEW "the new bytes"
#define OLD "old"

/** A session with all of NEW in its spool, and what to publish it with. */
struct item {
    bgu_session_t *session;
    bgu_spool_t *spool;
};

static struct item received(const fixture_t *f, int overwrite)
{
    struct item item;

    item.session = fixture_stored(f, BGU_STATE_COMMITTING, NEW, strlen(NEW));
    item.session->plan.overwrite = overwrite;
    REQUIRE(bgu_spool_open(&item.spool, f->spool, item.session->id, NULL, f->pool) == APR_SUCCESS);
    return item;
}

/** Publish; a failure must say what stood in the way. */
static bgu_result_e publish(const fixture_t *f, const struct item *item)
{
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;
    bgu_result_e result = bgu_publish(item->session, item->spool, &cause, &detail, f->pool);

    if (result != BGU_OK) {
        CHECK(detail != NULL && *detail != '\0');
    }
    return result;
}

/** The destination holds the new bytes and nothing else was left beside it. */
static void check_published(const fixture_t *f, const struct item *item)
{
    CHECK(fixture_holds(item->session->dest, NEW, strlen(NEW)));
    CHECK_INT(fixture_count(f->docroot), 1);
    CHECK(fixture_holds(fixture_spool_path(f, item->session->id), NEW, strlen(NEW)));
}

static void test_new(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 0);

    CHECK_INT(publish(f, &item), BGU_OK);
    check_published(f, &item);
}

static void test_new_with_overwriting(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 1);

    CHECK_INT(publish(f, &item), BGU_OK);
    check_published(f, &item);
}

static void test_exists(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 0);

    fixture_write(item.session->dest, OLD, strlen(OLD));
    CHECK_INT(publish(f, &item), BGU_ACCESS_DENIED);
    CHECK(fixture_holds(item.session->dest, OLD, strlen(OLD)));
    CHECK_INT(fixture_count(f->docroot), 1);
    CHECK(fixture_holds(fixture_spool_path(f, item.session->id), NEW, strlen(NEW)));
}

/** A reader of the old file keeps it; those who open it later see the new one. */
static void test_overwrite(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 1);
    struct stat before;
    struct stat after;

    fixture_write(item.session->dest, OLD, strlen(OLD));
    REQUIRE(stat(item.session->dest, &before) == 0);
    CHECK_INT(publish(f, &item), BGU_OK);
    check_published(f, &item);
    REQUIRE(stat(item.session->dest, &after) == 0);
    CHECK(before.st_ino != after.st_ino);
}

/** Whoever repeats it finds it done; a failure between two steps is repeated as well. */
static void test_repeated(void)
{
    int overwrite;

    for (overwrite = 0; overwrite < 2; overwrite++) {
        fixture_t *f = fixture_open();
        struct item item = received(f, overwrite);
        struct stat first;
        struct stat again;

        CHECK_INT(publish(f, &item), BGU_OK);
        REQUIRE(stat(item.session->dest, &first) == 0);
        CHECK_INT(publish(f, &item), BGU_OK);
        CHECK_INT(publish(f, &item), BGU_OK);
        check_published(f, &item);
        REQUIRE(stat(item.session->dest, &again) == 0);
        CHECK_INT(again.st_ino, first.st_ino);
        fixture_teardown();
    }
}

/** Somebody else's file took the place of what had been published. */
static void test_replaced_since(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 0);

    CHECK_INT(publish(f, &item), BGU_OK);
    REQUIRE(unlink(item.session->dest) == 0);
    fixture_write(item.session->dest, OLD, strlen(OLD));
    CHECK_INT(publish(f, &item), BGU_ACCESS_DENIED);
    CHECK(fixture_holds(item.session->dest, OLD, strlen(OLD)));
}

/** What a link points to is never touched; with overwriting off a link counts as a file. */
static void test_link(void)
{
    static const char *const targets[] = {"target", "nothing"};
    size_t i;
    int overwrite;

    for (i = 0; i < 4; i++) {
        fixture_t *f = fixture_open();
        const char *target = fixture_path(f, targets[i % 2]);
        struct item item;
        bgu_result_e result;

        overwrite = i >= 2;
        item = received(f, overwrite);
        fixture_write(fixture_path(f, "target"), OLD, strlen(OLD));
        REQUIRE(symlink(target, item.session->dest) == 0);
        result = publish(f, &item);
        CHECK(fixture_holds(fixture_path(f, "target"), OLD, strlen(OLD)));
        CHECK(!fixture_exists(fixture_path(f, "nothing")));
        if (overwrite && result == BGU_OK) {
            check_published(f, &item);
        } else {
            CHECK_INT(result, BGU_ACCESS_DENIED);
            CHECK_INT(fixture_count(f->docroot), 1);
        }
        fixture_teardown();
    }
}

static void test_folder_there(void)
{
    int overwrite;

    for (overwrite = 0; overwrite < 2; overwrite++) {
        fixture_t *f = fixture_open();
        struct item item = received(f, overwrite);

        REQUIRE(mkdir(item.session->dest, 0755) == 0);
        CHECK(publish(f, &item) != BGU_OK);
        CHECK_INT(fixture_count(item.session->dest), 0);
        CHECK_INT(fixture_count(f->docroot), 1);
        CHECK(fixture_holds(fixture_spool_path(f, item.session->id), NEW, strlen(NEW)));
        fixture_teardown();
    }
}

static void test_no_folder(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 0);

    item.session->dest = fixture_dest(f, "missing/a.bin");
    CHECK_INT(publish(f, &item), BGU_NO_FOLDER);
    CHECK_INT(fixture_count(f->docroot), 0);
    CHECK(fixture_holds(fixture_spool_path(f, item.session->id), NEW, strlen(NEW)));
}

/** The permissions are the plan's, whatever the umask of this process. */
static void test_mode(void)
{
    static const apr_uint32_t modes[] = {0644, 0600, 0664, 0666, 0755, 0400};
    mode_t old = umask(077);
    size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        fixture_t *f = fixture_open();
        struct item item = received(f, 0);
        struct stat info;

        item.session->plan.mode = modes[i];
        CHECK_INT(publish(f, &item), BGU_OK);
        REQUIRE(stat(item.session->dest, &info) == 0);
        CHECK_INT(info.st_mode & 07777, modes[i]);
        fixture_teardown();
    }
    umask(old);
}

static void test_long_names(void)
{
    int overwrite;

    for (overwrite = 0; overwrite < 2; overwrite++) {
        fixture_t *f = fixture_open();
        struct item item = received(f, overwrite);
        char name[257];

        memset(name, 'n', 256);
        name[256] = '\0';
        item.session->dest = fixture_dest(f, name);
        CHECK(publish(f, &item) != BGU_OK);
        CHECK_INT(fixture_count(f->docroot), 0);
        name[255] = '\0';
        item.session->dest = fixture_dest(f, name);
        CHECK_INT(publish(f, &item), BGU_OK);
        check_published(f, &item);
        if (overwrite) {
            item = received(f, 1);
            item.session->dest = fixture_dest(f, name);
            CHECK_INT(publish(f, &item), BGU_OK);
            check_published(f, &item);
        }
        fixture_teardown();
    }
}

static void test_odd_names(void)
{
    static const char *const names[] = {"a b", "-rf", ".hidden", "100%s%n", "\xff\xfe", "a\nb"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fixture_t *f = fixture_open();
        struct item item = received(f, 0);

        item.session->dest = fixture_dest(f, names[i]);
        CHECK_INT(publish(f, &item), BGU_OK);
        check_published(f, &item);
        fixture_teardown();
    }
}

static void test_empty_file(void)
{
    fixture_t *f = fixture_open();
    struct item item;

    item.session = fixture_stored(f, BGU_STATE_COMMITTING, "", 0);
    REQUIRE(bgu_spool_open(&item.spool, f->spool, item.session->id, NULL, f->pool) == APR_SUCCESS);
    CHECK_INT(publish(f, &item), BGU_OK);
    CHECK(fixture_holds(item.session->dest, "", 0));
}

static void test_every_sync(void)
{
    int sync;

    for (sync = BGU_SYNC_OFF; sync <= BGU_SYNC_FRAGMENT; sync++) {
        fixture_t *f = fixture_open();
        struct item item = received(f, 0);

        item.session->plan.sync = (bgu_sync_e)sync;
        CHECK_INT(publish(f, &item), BGU_OK);
        check_published(f, &item);
        fixture_teardown();
    }
}

static bgu_result_e check(const fixture_t *f, const char *dest, int overwrite)
{
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;
    bgu_result_e result = bgu_publish_check(dest, 0, overwrite, &cause, &detail, f->pool);

    if (result != BGU_OK) {
        CHECK(detail != NULL && *detail != '\0');
    }
    return result;
}

static void test_check(void)
{
    fixture_t *f = fixture_open_bare();
    const char *file = fixture_dest(f, "file");
    const char *folder = fixture_dest(f, "folder");
    const char *link = fixture_dest(f, "link");

    fixture_write(file, OLD, strlen(OLD));
    REQUIRE(mkdir(folder, 0755) == 0 && symlink("nothing", link) == 0);
    CHECK_INT(check(f, fixture_dest(f, "new"), 0), BGU_OK);
    CHECK_INT(check(f, fixture_dest(f, "new"), 1), BGU_OK);
    CHECK_INT(check(f, file, 0), BGU_ACCESS_DENIED);
    CHECK_INT(check(f, file, 1), BGU_OK);
    CHECK_INT(check(f, link, 0), BGU_ACCESS_DENIED);
    CHECK_INT(check(f, folder, 0), BGU_BAD_REQUEST);
    CHECK_INT(check(f, folder, 1), BGU_BAD_REQUEST);
    CHECK_INT(check(f, fixture_dest(f, "folder/"), 0), BGU_BAD_REQUEST);
    CHECK_INT(check(f, fixture_dest(f, ""), 1), BGU_BAD_REQUEST);
    CHECK_INT(check(f, fixture_dest(f, "missing/new"), 0), BGU_NO_FOLDER);
    CHECK_INT(check(f, fixture_dest(f, "missing/new"), 1), BGU_NO_FOLDER);
    CHECK_INT(check(f, fixture_dest(f, "missing/and/more"), 0), BGU_NO_FOLDER);
    CHECK_INT(check(f, fixture_dest(f, "file/new"), 0), BGU_NO_FOLDER);
    CHECK_INT(fixture_count(f->docroot), 3);
}

static int check_as_nobody(void *baton)
{
    const fixture_t *f = baton;
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;

    return (int)bgu_publish_check(fixture_dest(f, "new"), 0, 0, &cause, &detail, f->pool);
}

static int publish_as_nobody(void *baton)
{
    const struct item *item = baton;
    const char *detail = NULL;
    apr_status_t cause = APR_SUCCESS;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    return (int)bgu_publish(item->session, item->spool, &cause, &detail, pool);
}

static void test_unwritable_folder(void)
{
    fixture_t *f = fixture_open();
    struct item item = received(f, 0);
    int code;

    REQUIRE(chmod(f->docroot, 0555) == 0);
    code = fixture_as_nobody(f, check_as_nobody, f);
    if (code < 0) {
        check_skip("another user cannot get into TMPDIR");
    } else {
        CHECK_INT(code, BGU_ACCESS_DENIED);
        CHECK_INT(fixture_as_nobody(f, publish_as_nobody, &item), BGU_ACCESS_DENIED);
        CHECK_INT(fixture_count(f->docroot), 0);
    }
    REQUIRE(chmod(f->docroot, 0755) == 0);
}

static void test_done(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_stored(f, BGU_STATE_COMMITTING, NEW, strlen(NEW));

    CHECK(!bgu_publish_done(session));
    fixture_write(session->dest, NEW, strlen(NEW) - 1);
    CHECK(!bgu_publish_done(session));
    fixture_write(session->dest, NEW, strlen(NEW));
    CHECK(bgu_publish_done(session));
    /* A file that was there before the session is somebody else's. */
    session->created += apr_time_from_sec(10);
    CHECK(!bgu_publish_done(session));
    session->created -= apr_time_from_sec(10);
    fixture_write(session->dest, NEW "!", strlen(NEW) + 1);
    CHECK(!bgu_publish_done(session));
    REQUIRE(unlink(session->dest) == 0 && mkdir(session->dest, 0755) == 0);
    session->total = fixture_size(session->dest);
    CHECK(!bgu_publish_done(session));
}

static const suite_test_t tests[] = {
    {"a new file", test_new},
    {"a new file, overwriting on", test_new_with_overwriting},
    {"an existing file, overwriting off", test_exists},
    {"an existing file, overwriting on", test_overwrite},
    {"repeated", test_repeated},
    {"replaced since", test_replaced_since},
    {"a symbolic link at the destination", test_link},
    {"a folder at the destination", test_folder_there},
    {"no folder", test_no_folder},
    {"permissions", test_mode},
    {"names of 255 and 256 bytes", test_long_names},
    {"odd names", test_odd_names},
    {"an empty file", test_empty_file},
    {"every kind of sync", test_every_sync},
    {"check before", test_check},
    {"a folder that cannot be written", test_unwritable_folder},
    {"found done", test_done},
};

void suite_publish(void)
{
    SUITE_ADD("publish", tests);
}
