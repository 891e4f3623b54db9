/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine with more than one request of a session at a time: a stale connection and its
 * successor, step by step; then threads. */

#include <stdatomic.h>
#include <string.h>

#include "between.h"
#include "plain_client.h"
#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

/** The successor of the connection in "meanwhile"; set by each test. */
static upload_driver_t *successor;

/** A client with a session, and its second connection. */
static upload_driver_t *open_pair(void (*meanwhile)(upload_driver_t *), size_t after)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    successor = upload_driver_copy(d);
    d->piece = 1;
    d->meanwhile = meanwhile;
    d->meanwhile_after = after;
    return d;
}

static void send_more(upload_driver_t *d)
{
    (void)d;
    UPLOAD_EXPECT(upload_fragment(successor, 0, 7), BGU_OK, 7);
}

/** The stale one's bytes are all there already: they change nothing, and it hears the truth. */
static void test_overtaken(void)
{
    upload_driver_t *d = open_pair(send_more, 0);
    const bgu_outcome_t *outcome = upload_fragment(d, 0, 5);

    CHECK(outcome->answer.result == BGU_OK || outcome->answer.result == BGU_RANGE);
    CHECK_INT(outcome->answer.next, 7);
    CHECK_INT(upload_spooled(d), 7);
    CHECK(upload_spool_is_sound(d));
    UPLOAD_EXPECT(upload_fragment(successor, 7, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(successor), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** The stale one goes on where its successor stopped. */
static void test_overtaken_and_longer(void)
{
    upload_driver_t *d = open_pair(send_more, 3);
    const bgu_outcome_t *outcome = upload_fragment(d, 0, 10);

    UPLOAD_EXPECT(outcome, BGU_OK, 10);
    CHECK(upload_spool_is_sound(d));
    CHECK_INT(upload_spooled(d), 10);
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
}

static void send_all(upload_driver_t *d)
{
    (void)d;
    UPLOAD_EXPECT(upload_fragment(successor, 0, 10), BGU_OK, 10);
}

/** Both send the whole file: both are right. */
static void test_same_twice(void)
{
    size_t after;

    for (after = 0; after < 10; after++) {
        upload_driver_t *d = open_pair(send_all, after);

        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
        CHECK_INT(upload_spooled(d), 10);
        CHECK(upload_spool_is_sound(d));
        CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        fixture_teardown();
    }
}

static void send_all_and_close(upload_driver_t *d)
{
    (void)d;
    UPLOAD_EXPECT(upload_fragment(successor, 0, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(successor), BGU_OK, NEXT_NONE);
}

/** The session was closed while the stale one still had its file open: what was published cannot be
 * changed by it. */
static void test_closed_meanwhile(void)
{
    size_t after;

    for (after = 0; after < 10; after++) {
        upload_driver_t *d = open_pair(send_all_and_close, after);
        char expected[] = DATA;

        memset(expected, 'x', after); /* what had come before stays, too */
        d->data = "xxxxxxxxxx";
        CHECK(upload_fragment(d, 0, 10)->answer.result != BGU_IO_ERROR);
        CHECK(fixture_holds(d->request.dest, expected, 10));
        CHECK_INT(fixture_count(d->f->spool), 0);
        CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
        fixture_teardown();
    }
}

static void cancel(upload_driver_t *d)
{
    (void)d;
    UPLOAD_EXPECT(upload_cancel(successor), BGU_OK, NEXT_NONE);
}

/** The session was cancelled meanwhile: no bytes come back, no spool file is left. */
static void test_cancelled_meanwhile(void)
{
    size_t after;

    for (after = 0; after < 10; after++) {
        upload_driver_t *d = open_pair(cancel, after);

        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        CHECK_INT(fixture_count(d->f->spool), 0);
        CHECK_INT(fixture_count(d->f->docroot), 0);
        fixture_teardown();
    }
}

static void close_early(upload_driver_t *d)
{
    (void)d;
    UPLOAD_EXPECT(upload_close(successor), BGU_OK, NEXT_NONE);
}

/** An early Close while a fragment is on its way, which is never more than a part. */
static void test_closed_early_meanwhile(void)
{
    size_t after;

    for (after = 0; after < 10; after++) {
        upload_driver_t *d = open_pair(NULL, 0);

        UPLOAD_EXPECT(upload_fragment(successor, 0, 1), BGU_OK, 1);
        d->meanwhile = close_early;
        d->meanwhile_after = after;
        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        CHECK_INT(fixture_count(d->f->spool), 0);
        CHECK_INT(fixture_count(d->f->docroot), 0);
        CHECK(bgu_state_is_tombstone((bgu_state_e)upload_state(d)));
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        fixture_teardown();
    }
}

/** Close while the first fragment is coming in, which is all of the file: it is no empty one. */
static void test_closed_during_the_first_fragment(void)
{
    size_t after;

    for (after = 0; after < 10; after++) {
        upload_driver_t *d = open_pair(close_early, after);

        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        CHECK_INT(fixture_count(d->f->docroot), 0);
        CHECK_INT(fixture_count(d->f->spool), 0);
        fixture_teardown();
    }
}

static void cancel_successor(void)
{
    cancel(successor);
}

static void send_all_and_wait(upload_driver_t *d)
{
    send_all(d);
    between_let(d->f, BETWEEN_AFTER_FIND, cancel_successor);
}

/** Cancelled after the stale one has seen the row as complete, and before it looks at the file: no
 * client shall begin anew what is over. */
static void test_cancelled_between_row_and_file(void)
{
    upload_driver_t *d = open_pair(send_all_and_wait, 9);

    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK(between_is_over());
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static void send_another_total(upload_driver_t *d)
{
    (void)d;
    successor->total = 9;
    UPLOAD_EXPECT(upload_fragment(successor, 0, 5), BGU_BAD_REQUEST, NEXT_NONE);
}

/** The total is fixed when the first fragment begins, not when it ends. */
static void test_total_fixed_at_once(void)
{
    upload_driver_t *d = open_pair(send_another_total, 0);

    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    CHECK_INT(fixture_find(d->f, d->id)->total, 10);
    CHECK(upload_spool_is_sound(d));
}

static void wait_in_vain(upload_driver_t *d)
{
    bgu_spool_t *spool = NULL;

    if (bgu_spool_open(&spool, d->f->spool, d->id, NULL, d->f->pool) == APR_SUCCESS) {
        CHECK_INT(bgu_spool_lock(spool), APR_SUCCESS);
        bgu_spool_unlock(spool);
    }
}

/** No lock is held while a request waits for the network (else this test never ends). */
static void test_no_lock_over_the_network(void)
{
    upload_driver_t *d = open_pair(NULL, 0);

    UPLOAD_EXPECT(upload_fragment(d, 0, 2), BGU_OK, 2);
    d->meanwhile = wait_in_vain;
    d->meanwhile_after = 4;
    UPLOAD_EXPECT(upload_fragment(d, 2, 10), BGU_OK, 10);
}

/** Threads that all send the same upload. */
struct crowd {
    plain_client_t client;
    atomic_int completed;
    atomic_int committed;
    atomic_int failures;
};

static void count_events(struct crowd *crowd, const bgu_outcome_t *outcome)
{
    atomic_fetch_add(&crowd->completed, outcome->event == BGU_EVENT_COMPLETED);
    atomic_fetch_add(&crowd->committed, outcome->event == BGU_EVENT_COMMITTED);
}

/** Send all fragments as a client does: go on where the answer says. */
static void send_file(void *baton, int number)
{
    struct crowd *crowd = baton;
    apr_off_t total = crowd->client.total;
    apr_off_t size = 10000 + 3333 * number;
    apr_off_t next = 0;
    apr_pool_t *pool;
    int tries;

    apr_pool_create(&pool, NULL);
    for (tries = 0; next < total && tries < 1000; tries++) {
        bgu_outcome_t outcome;

        plain_client_fragment(&crowd->client, next, total - next < size ? total : next + size,
                              &outcome, pool);
        count_events(crowd, &outcome);
        if (outcome.answer.result == BGU_OK || outcome.answer.result == BGU_RANGE) {
            next = outcome.answer.next;
        } else if (outcome.answer.result != BGU_BUSY) {
            break;
        }
        apr_pool_clear(pool);
    }
    atomic_fetch_add(&crowd->failures, next != total);
    apr_pool_destroy(pool);
}

static void close_session(void *baton, int number)
{
    struct crowd *crowd = baton;
    bgu_outcome_t outcome;
    apr_pool_t *pool;
    int tries = 0;

    (void)number;
    apr_pool_create(&pool, NULL);
    do {
        plain_client_packet(&crowd->client, BGU_CLOSE_SESSION, &outcome, pool);
        count_events(crowd, &outcome);
    } while (outcome.answer.result == BGU_BUSY && ++tries < 1000);
    atomic_fetch_add(&crowd->failures, outcome.answer.result != BGU_OK);
    apr_pool_destroy(pool);
}

static void test_threads(void)
{
    int round;

    for (round = 0; round < 5; round++) {
        upload_driver_t *d = upload_driver_open_bytes(1000000);
        struct crowd crowd = {.client = {.sessions = &d->f->sessions,
                                         .request = d->request,
                                         .data = d->data,
                                         .total = d->total,
                                         .piece = 4096,
                                         .breaks_after = -1}};

        upload_begin(d);
        crowd.client.request.policy = &d->policy;
        crowd.client.id = d->id;
        fixture_threads(6, send_file, &crowd);
        CHECK_INT(crowd.failures, 0);
        CHECK_INT(crowd.completed, 1);
        CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
        CHECK_INT(upload_spooled(d), d->total);
        CHECK(upload_spool_is_sound(d));
        fixture_threads(6, close_session, &crowd);
        CHECK_INT(crowd.failures, 0);
        CHECK_INT(crowd.committed, 1);
        CHECK(upload_is_published(d));
        CHECK_INT(fixture_count(d->f->spool), 0);
        fixture_teardown();
    }
}

static const suite_test_t tests[] = {
    {"overtaken by a successor", test_overtaken},
    {"overtaken, but with more bytes", test_overtaken_and_longer},
    {"the same twice", test_same_twice},
    {"closed meanwhile", test_closed_meanwhile},
    {"cancelled meanwhile", test_cancelled_meanwhile},
    {"closed early meanwhile", test_closed_early_meanwhile},
    {"closed during the first fragment", test_closed_during_the_first_fragment},
    {"cancelled between row and file", test_cancelled_between_row_and_file},
    {"the total is fixed at once", test_total_fixed_at_once},
    {"no lock over the network", test_no_lock_over_the_network},
    {"threads send and close the same upload", test_threads},
};

void suite_upload_race(void)
{
    SUITE_ADD("upload_race", tests);
}
