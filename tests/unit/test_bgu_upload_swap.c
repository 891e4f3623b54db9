/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine when another request of the session comes between its look at the row and what
 * it does then: every change is a compare-and-swap, so the later one must look again. */

#include <string.h>

#include "between.h"
#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

/** The one that comes between. */
static upload_driver_t *other;

/** What stands before the interrupted request. */
typedef enum {
    CREATED, /**< no fragment yet */
    PART,    /**< half of the bytes */
    WHOLE    /**< all of them */
} before_e;

/** A client with a session, and another connection of it that comes between its next look at the
 * store and what it does then. */
static upload_driver_t *open_pair(before_e before, void (*between)(void))
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    if (before != CREATED) {
        UPLOAD_EXPECT(upload_fragment(d, 0, before == PART ? 5 : 10), BGU_OK, NEXT_ANY);
    }
    other = upload_driver_copy(d);
    between_let(d->f, BETWEEN_AFTER_FIND, between);
    return d;
}

static void cancel(void)
{
    UPLOAD_EXPECT(upload_cancel(other), BGU_OK, NEXT_NONE);
}

static void send_part(void)
{
    UPLOAD_EXPECT(upload_fragment(other, 0, 7), BGU_OK, 7);
}

static void send_all(void)
{
    UPLOAD_EXPECT(upload_fragment(other, 0, 10), BGU_OK, 10);
}

static void send_all_and_close(void)
{
    send_all();
    UPLOAD_EXPECT(upload_close(other), BGU_OK, NEXT_NONE);
}

static void close_other(void)
{
    UPLOAD_EXPECT(upload_close(other), BGU_OK, NEXT_NONE);
}

static void forget(void)
{
    REQUIRE(bgu_store_sqlite.remove(other->f->sessions.store, other->id,
                                    (bgu_state_e)upload_state(other)) == APR_SUCCESS);
}

/** Whatever happened, a session that is over has left no bytes, and a file is whole or not there.
 */
static void check_sound(const upload_driver_t *d)
{
    int state = upload_state(d);

    CHECK(between_is_over());
    CHECK(!fixture_exists(d->request.dest) || upload_is_published(d));
    if (state < 0 || bgu_state_is_tombstone((bgu_state_e)state)) {
        CHECK_INT(fixture_count(d->f->spool), 0);
    } else {
        CHECK(upload_spool_is_sound(d));
    }
}

static void test_fragment_cancelled(void)
{
    int i;

    for (i = 0; i < 4; i++) {
        before_e before = i < 3 ? (before_e)i : CREATED;
        upload_driver_t *d = open_pair(before, cancel);

        between_at(i < 3 ? BETWEEN_AFTER_FIND : BETWEEN_BEFORE_UPDATE);
        UPLOAD_EXPECT(upload_fragment(d, before == PART ? 5 : 0, 10), BGU_SESSION_NOT_FOUND,
                      NEXT_NONE);
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        check_sound(d);
        fixture_teardown();
    }
}

/** Cancelled, and yet another request that is as late has made the file anew. */
static void cancel_and_make(void)
{
    cancel();
    fixture_write(fixture_spool_path(other->f, other->id), "", 0);
}

static void test_fragment_after_late_one(void)
{
    upload_driver_t *d = open_pair(PART, cancel_and_make);

    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
}

/** Cancelled when all bytes are here and only the row has to say so. */
static void test_last_fragment_cancelled(void)
{
    upload_driver_t *d = open_pair(PART, cancel);

    between_at(BETWEEN_BEFORE_UPDATE);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
    check_sound(d);
}

/** Cancelled when the Close is about to commit: nothing is published. */
static void test_commit_cancelled(void)
{
    upload_driver_t *d = open_pair(WHOLE, cancel);

    between_at(BETWEEN_BEFORE_UPDATE);
    UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    check_sound(d);
}

/** Completed when the Close is about to throw a part away. */
static void test_early_close_completed(void)
{
    upload_driver_t *d = open_pair(PART, send_all);

    between_at(BETWEEN_BEFORE_UPDATE);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    check_sound(d);
}

static void test_fragment_forgotten(void)
{
    upload_driver_t *d = open_pair(CREATED, forget);

    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    check_sound(d);
}

/** Both send the first fragment at once. */
static void test_fragment_twice(void)
{
    upload_driver_t *d = open_pair(CREATED, send_part);

    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    check_sound(d);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** The first fragment of one file, while another request has begun a longer one. */
static void test_fragment_of_another_total(void)
{
    int i;

    for (i = 0; i < 2; i++) {
        upload_driver_t *d = open_pair(CREATED, send_part);

        between_at(i == 0 ? BETWEEN_AFTER_FIND : BETWEEN_BEFORE_UPDATE);
        d->total = 8;
        UPLOAD_EXPECT(upload_fragment(d, 0, 8), BGU_BAD_REQUEST, NEXT_NONE);
        CHECK_INT(fixture_find(d->f, d->id)->total, 10);
        CHECK_INT(upload_spooled(d), 7);
        check_sound(d);
        fixture_teardown();
    }
}

/** The first fragment of a file that is shorter than what another request has sent, and even
 * published, meanwhile: nobody's bytes go. */
static void test_fragment_of_shorter_file(void)
{
    int i;

    for (i = 0; i < 4; i++) {
        upload_driver_t *d = open_pair(CREATED, i < 2 ? send_part : send_all_and_close);

        between_at(i % 2 == 0 ? BETWEEN_AFTER_FIND : BETWEEN_BEFORE_UPDATE);
        d->total = 5;
        UPLOAD_EXPECT(upload_fragment(d, 0, 5), i < 2 ? BGU_BAD_REQUEST : BGU_SESSION_NOT_FOUND,
                      NEXT_NONE);
        CHECK_INT(upload_spooled(d), i < 2 ? 7 : -1);
        CHECK(i < 2 || upload_is_published(d));
        check_sound(d);
        fixture_teardown();
    }
}

static void test_last_fragment_twice(void)
{
    upload_driver_t *d = open_pair(PART, send_all);

    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
    check_sound(d);
}

static void test_last_fragment_closed(void)
{
    upload_driver_t *d = open_pair(PART, send_all_and_close);

    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK(upload_is_published(d));
    check_sound(d);
}

/** A Close that finds the session unfinished, and complete when it acts: it must not throw the
 * whole file away. */
static void test_close_completed(void)
{
    before_e before;

    for (before = CREATED; before <= PART; before++) {
        upload_driver_t *d = open_pair(before, send_all);

        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
        check_sound(d);
        fixture_teardown();
    }
}

/** An empty file it is only while no fragment has come. */
static void test_close_begun(void)
{
    upload_driver_t *d = open_pair(CREATED, send_part);

    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    check_sound(d);
}

static void test_close_cancelled(void)
{
    before_e before;

    for (before = CREATED; before <= WHOLE; before++) {
        upload_driver_t *d = open_pair(before, cancel);

        UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        CHECK_INT(fixture_count(d->f->docroot), 0);
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        check_sound(d);
        fixture_teardown();
    }
}

static void test_close_twice(void)
{
    upload_driver_t *d = open_pair(WHOLE, close_other);
    const bgu_outcome_t *outcome = upload_close(d);

    UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
    CHECK(outcome->event != BGU_EVENT_COMMITTED); /* that was the other one */
    CHECK(upload_is_published(d));
    check_sound(d);
}

static void test_cancel_closed(void)
{
    upload_driver_t *d = open_pair(WHOLE, close_other);

    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
    check_sound(d);
}

static void test_cancel_completed(void)
{
    before_e before;

    for (before = CREATED; before <= PART; before++) {
        upload_driver_t *d = open_pair(before, send_all);

        UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        CHECK_INT(fixture_count(d->f->docroot), 0);
        check_sound(d);
        fixture_teardown();
    }
}

static void test_cancel_twice(void)
{
    upload_driver_t *d = open_pair(PART, cancel);

    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    check_sound(d);
}

/** The row goes while the last fragment comes in and an application is to be asked about it. */
static void test_forgotten_before_asking(void)
{
    upload_driver_t *d = open_pair(PART, forget);

    d->policy.notify = BGU_NOTIFY_REFERENCE;
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static const suite_test_t tests[] = {
    {"Fragment, forgotten before the application is asked", test_forgotten_before_asking},
    {"Fragment, cancelled between", test_fragment_cancelled},
    {"Fragment, cancelled and begun anew between", test_fragment_after_late_one},
    {"last Fragment, cancelled at its end", test_last_fragment_cancelled},
    {"Close, cancelled at its commit", test_commit_cancelled},
    {"early Close, completed at its end", test_early_close_completed},
    {"Fragment, forgotten between", test_fragment_forgotten},
    {"first Fragment, another between", test_fragment_twice},
    {"first Fragment, another file between", test_fragment_of_another_total},
    {"first Fragment, a longer file between", test_fragment_of_shorter_file},
    {"last Fragment, the same between", test_last_fragment_twice},
    {"last Fragment, closed between", test_last_fragment_closed},
    {"Close, completed between", test_close_completed},
    {"Close, begun between", test_close_begun},
    {"Close, cancelled between", test_close_cancelled},
    {"Close, closed between", test_close_twice},
    {"Cancel, closed between", test_cancel_closed},
    {"Cancel, completed between", test_cancel_completed},
    {"Cancel, cancelled between", test_cancel_twice},
};

void suite_upload_swap(void)
{
    SUITE_ADD("upload_swap", tests);
}
