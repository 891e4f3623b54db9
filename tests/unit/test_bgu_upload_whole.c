/* SPDX-License-Identifier: Apache-2.0 */

/* A fragment that is the whole file, and there with the head of its request: one change of the row,
 * before the bytes, and nobody sees the one without the other. */

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "between.h"
#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

/** The client of the test. */
static upload_driver_t *client;

/** What was seen between two steps. */
static int seen_state, seen_lock, changes;

static upload_driver_t *open_client(void)
{
    client = upload_driver_open(DATA);
    client->here = 1;
    upload_begin(client);
    changes = 0;
    return client;
}

/** Look at the row, and whether the spool file is locked. */
static void look(void)
{
    int fd = open(fixture_spool_path(client->f, client->id), O_RDONLY | O_CLOEXEC);

    seen_state = fixture_state(client->f, client->id);
    seen_lock = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    changes++;
    between_let(client->f, BETWEEN_AFTER_UPDATE, look);
}

static void test_one_change(void)
{
    upload_driver_t *d = open_client();
    const bgu_outcome_t *outcome;

    between_let(d->f, BETWEEN_AFTER_UPDATE, look);
    outcome = upload_fragment(d, 0, 10);
    UPLOAD_EXPECT(outcome, BGU_OK, 10);
    CHECK_INT(outcome->event, BGU_EVENT_COMPLETED);
    CHECK_INT(changes, 1);
    CHECK_INT(seen_state, BGU_STATE_COMPLETE);
    CHECK(seen_lock);
    CHECK(upload_spool_is_sound(d));
    CHECK_INT(fixture_find(d->f, d->id)->total, 10);
    CHECK_INT(upload_fragment(d, 0, 10)->event, BGU_EVENT_NONE);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** Rules that need the row before the bytes, or more than one change. */
static void test_not_whole(void)
{
    int i;

    for (i = 0; i < 4; i++) {
        upload_driver_t *d = open_client();

        d->here = i != 0;
        d->policy.quota = i == 1 ? 100 : 0;
        d->policy.commit_on_last = i == 2;
        d->policy.sync = i == 3 ? BGU_SYNC_FRAGMENT : BGU_SYNC_COMMIT;
        between_let(d->f, BETWEEN_AFTER_UPDATE, look);
        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
        CHECK(changes > 1 || i == 1); /* the quota's own change is not counted */
        CHECK_INT(fixture_find(d->f, d->id)->total, 10);
        fixture_teardown();
    }
}

/** Neither the first part nor the last one of a file is whole. */
static void test_parts(void)
{
    upload_driver_t *d = open_client();

    UPLOAD_EXPECT(upload_fragment(d, 0, 9), BGU_OK, 9);
    CHECK_INT(upload_state(d), BGU_STATE_RECEIVING);
    UPLOAD_EXPECT(upload_fragment(d, 9, 10), BGU_OK, 10);
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
    CHECK(upload_spool_is_sound(d));
}

static void cancel(void)
{
    UPLOAD_EXPECT(upload_packet(client, BGU_CANCEL_SESSION), BGU_OK, NEXT_NONE);
}

/** Cancelled before the row is written, and after it. */
static void test_cancelled(void)
{
    static const between_e moments[] = {BETWEEN_AFTER_FIND, BETWEEN_BEFORE_UPDATE,
                                        BETWEEN_AFTER_UPDATE};
    size_t i;

    for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        upload_driver_t *d = open_client();

        between_let(d->f, moments[i], cancel);
        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        CHECK(between_is_over());
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        CHECK_INT(fixture_count(d->f->spool), 0);
        fixture_teardown();
    }
}

static void close_empty(void)
{
    UPLOAD_EXPECT(upload_packet(client, BGU_CLOSE_SESSION), BGU_OK, NEXT_NONE);
}

/** Closed before it: that was a session without a fragment, an empty file. */
static void test_closed_before(void)
{
    upload_driver_t *d = open_client();

    between_let(d->f, BETWEEN_AFTER_FIND, close_empty);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(fixture_size(d->request.dest), 0);
    CHECK_INT(fixture_count(d->f->spool), 0);
    CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
}

/** The server died between the row and the bytes: they are wanted again. */
static void test_died_between(void)
{
    upload_driver_t *d = open_client();

    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    REQUIRE(truncate(fixture_spool_path(d->f, d->id), 0) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    CHECK(upload_spool_is_sound(d));
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** Bytes are in the file, of which the row does not tell: a power cut took it back. */
static void test_row_taken_back(void)
{
    upload_driver_t *d = open_client();

    fixture_write(fixture_spool_path(d->f, d->id), "0123", 4);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    CHECK(upload_spool_is_sound(d));
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
}

static const suite_test_t tests[] = {
    {"one change, under the lock", test_one_change},
    {"where it does not apply", test_not_whole},
    {"parts", test_parts},
    {"cancelled between", test_cancelled},
    {"closed before", test_closed_before},
    {"the server died between", test_died_between},
    {"bytes without a row", test_row_taken_back},
};

void suite_upload_whole(void)
{
    SUITE_ADD("upload_whole", tests);
}
