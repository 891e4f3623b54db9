/* SPDX-License-Identifier: Apache-2.0 */

/* What of a spool file is on the disk, and what becomes of the rest when the machine was started
 * anew. Power cuts themselves are played in tests/server. */

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_safe.h"
#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

static const char *spool_file(const upload_driver_t *d)
{
    return fixture_spool_path(d->f, d->id);
}

/** The mark of the driver's spool file; its length is -1 if there is none. */
static bgu_safe_mark_t read_mark(const upload_driver_t *d)
{
    bgu_safe_mark_t mark;

    if (getxattr(spool_file(d), BGU_SAFE_ATTRIBUTE, &mark, sizeof(mark)) != sizeof(mark)) {
        mark.length = -1;
    }
    return mark;
}

/** Make the mark look as if it was made long ago, in this boot or in another one. */
static void age_mark(const upload_driver_t *d, int other_boot)
{
    bgu_safe_mark_t mark = read_mark(d);

    mark.time -= 61 * (apr_int64_t)1000000;
    mark.boot[0] = (unsigned char)(mark.boot[0] ^ (other_boot ? 1 : 0));
    REQUIRE(setxattr(spool_file(d), BGU_SAFE_ATTRIBUTE, &mark, sizeof(mark), XATTR_REPLACE) == 0);
}

/** A client, or NULL where files have no attributes. */
static upload_driver_t *open_driver(bgu_sync_e sync)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const char *probe = fixture_path(d->f, "probe");

    fixture_write(probe, "", 0);
    if (setxattr(probe, BGU_SAFE_ATTRIBUTE, "", 0, 0) != 0 && errno == ENOTSUP) {
        check_skip("the temporary folder's file system keeps no attributes");
        return NULL;
    }
    d->policy.sync = sync;
    upload_begin(d);
    return d;
}

static void test_every_fragment(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_FRAGMENT);

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 4), BGU_OK, 4);
    CHECK_INT(read_mark(d).length, 4);
    UPLOAD_EXPECT(upload_broken(d, 4, 10, 3), BGU_DISCONNECTED, 7);
    CHECK_INT(read_mark(d).length, 4);
    UPLOAD_EXPECT(upload_fragment(d, 7, 8), BGU_OK, 8);
    CHECK_INT(read_mark(d).length, 8);
}

static void test_now_and_then(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_COMMIT);

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 2), BGU_OK, 2);
    CHECK_INT(read_mark(d).length, 0);
    age_mark(d, 0);
    UPLOAD_EXPECT(upload_fragment(d, 2, 4), BGU_OK, 4);
    CHECK_INT(read_mark(d).length, 4);
    UPLOAD_EXPECT(upload_fragment(d, 4, 6), BGU_OK, 6);
    CHECK_INT(read_mark(d).length, 4);
    UPLOAD_EXPECT(upload_fragment(d, 6, 10), BGU_OK, 10);
    CHECK_INT(read_mark(d).length, 10);
}

static void test_much_at_once(void)
{
    bgu_safe_t safe = {.length = 100, .marked = 0};
    const apr_off_t much = 64 * 1024 * 1024;

    CHECK(!bgu_safe_is_due(&safe, 100 + much));
    safe.marked = 1;
    safe.since = apr_time_from_sec(1000000000);
    CHECK(bgu_safe_is_due(&safe, 100 + much));
    CHECK(!bgu_safe_is_due(&safe, 99 + much));
}

/** Bytes that came in another boot and were not synced are wanted again. */
static void test_another_boot(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_COMMIT);

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 2), BGU_OK, 2);
    age_mark(d, 0);
    UPLOAD_EXPECT(upload_fragment(d, 2, 4), BGU_OK, 4);
    UPLOAD_EXPECT(upload_fragment(d, 4, 8), BGU_OK, 8);
    age_mark(d, 1);
    UPLOAD_EXPECT(upload_fragment(d, 8, 10), BGU_RANGE, 4);
    UPLOAD_EXPECT(upload_fragment(d, 4, 8), BGU_OK, 8);
    UPLOAD_EXPECT(upload_fragment(d, 8, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** A session that is complete has all of its bytes on the disk, whatever the mark says. */
static void test_complete(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_COMMIT);
    bgu_safe_mark_t mark;

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    mark = read_mark(d);
    mark.length = 3;
    mark.boot[0] ^= 1;
    REQUIRE(setxattr(spool_file(d), BGU_SAFE_ATTRIBUTE, &mark, sizeof(mark), 0) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 9, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK(getxattr(d->request.dest, BGU_SAFE_ATTRIBUTE, &mark, sizeof(mark)) < 0);
}

/** Closed without its last fragment's answer: the row is behind, the file may not be whole. */
static void test_close(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_COMMIT);

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    age_mark(d, 1);
    CHECK_INT(truncate(spool_file(d), 10), 0);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(!fixture_exists(d->request.dest));
}

/** A file that somebody else has a name for is never cut, and one without a mark is trusted. */
static void test_left_alone(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_COMMIT);

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    age_mark(d, 1);
    REQUIRE(link(spool_file(d), fixture_path(d->f, "name")) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 5, 6), BGU_OK, 6);
    REQUIRE(unlink(fixture_path(d->f, "name")) == 0);
    age_mark(d, 1);
    REQUIRE(removexattr(spool_file(d), BGU_SAFE_ATTRIBUTE) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 6, 7), BGU_OK, 7);
}

static void test_never(void)
{
    upload_driver_t *d = open_driver(BGU_SYNC_OFF);

    if (d == NULL) {
        return;
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    CHECK_INT(read_mark(d).length, -1);
}

void suite_safe(void)
{
    static const suite_test_t tests[] = {
        {"a mark for every fragment", test_every_fragment},
        {"a mark now and then", test_now_and_then},
        {"after many bytes", test_much_at_once},
        {"another boot", test_another_boot},
        {"a complete session", test_complete},
        {"Close-Session after another boot", test_close},
        {"what is left alone", test_left_alone},
        {"BGUploadSync Off", test_never},
    };

    SUITE_ADD("safe", tests);
}
