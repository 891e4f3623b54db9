/* SPDX-License-Identifier: Apache-2.0 */

/* A fragment that is the whole file, and there with the head of its request: one change of the row,
 * before the bytes, and nobody sees the one without the other. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "between.h"
#include "plain_client.h"
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

static void look_at_state(void)
{
    seen_state = fixture_state(client->f, client->id);
}

/** Rules that need the row before the bytes, or more than one change: the first change only tells
 * of the total. */
static void test_not_whole(void)
{
    int i;

    for (i = 0; i < 4; i++) {
        upload_driver_t *d = open_client();

        d->here = i != 0;
        d->policy.quota = i == 1 ? 100 : 0;
        d->policy.commit_on_last = i == 2;
        d->policy.sync = i == 3 ? BGU_SYNC_FRAGMENT : BGU_SYNC_COMMIT;
        between_let(d->f, i == 1 ? BETWEEN_AFTER_PROMISE : BETWEEN_AFTER_UPDATE, look_at_state);
        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
        CHECK_INT(seen_state, BGU_STATE_RECEIVING);
        CHECK_INT(fixture_find(d->f, d->id)->total, 10);
        fixture_teardown();
    }
}

/** The same fragment once more, over another connection, and what it hears. */
static struct again {
    pthread_t thread;
    bgu_outcome_t outcome;
    apr_pool_t *pool;
    atomic_int looked; /**< it has seen the row */
} again;

static apr_status_t find_and_tell(bgu_store_t *store, bgu_session_t **session, const char *id,
                                  apr_pool_t *pool)
{
    apr_status_t rv = bgu_store_sqlite.find(store, session, id, pool);

    again.looked = 1;
    return rv;
}

static void *send_again(void *unused)
{
    bgu_store_provider_t telling = bgu_store_sqlite;
    bgu_sessions_t sessions = {&telling, client->f->sessions.store};
    plain_client_t other = {.sessions = &sessions,
                            .request = client->request,
                            .id = client->id,
                            .data = client->data,
                            .total = client->total,
                            .piece = 100,
                            .breaks_after = -1};

    telling.find = find_and_tell;
    other.request.policy = &client->policy;
    plain_client_fragment(&other, 0, 10, &again.outcome, again.pool);
    return unused;
}

static int has_looked(void *unused)
{
    (void)unused;
    return again.looked;
}

static void begin_again(void)
{
    REQUIRE(pthread_create(&again.thread, NULL, send_again, NULL) == 0);
    CHECK(check_wait(has_looked, NULL, 20));
}

/** A second request waits for the bytes of the first one, whether it has seen its row or not. */
static void test_waits(void)
{
    static const between_e moments[] = {BETWEEN_BEFORE_UPDATE, BETWEEN_AFTER_UPDATE};
    size_t i;

    for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        upload_driver_t *d = open_client();

        again.looked = 0;
        apr_pool_create(&again.pool, NULL);
        between_let(d->f, moments[i], begin_again);
        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
        pthread_join(again.thread, NULL);
        UPLOAD_EXPECT(&again.outcome, BGU_OK, 10);
        CHECK(upload_spool_is_sound(d));
        CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
        apr_pool_destroy(again.pool);
        fixture_teardown();
    }
}

/** Bytes that cannot be written are not complete: Close-Session has nothing to publish. */
static void test_full(void)
{
    upload_driver_t *d = open_client();

    fixture_limit_files(fixture_size(d->f->database) + 64 * 1024);
    d = upload_driver_copy(d);
    d->data = fixture_bytes(d->f, 1000000);
    d->length = 1000000;
    d->total = 1000000;
    UPLOAD_EXPECT(upload_fragment(d, 0, 1000000), BGU_DISK_FULL, NEXT_ANY);
    fixture_limit_files(-1);
    CHECK_INT(upload_state(d), BGU_STATE_RECEIVING);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->spool), 0);
    CHECK_INT(fixture_count(d->f->docroot), 0);
}

static void send_shorter(void)
{
    UPLOAD_EXPECT(upload_fragment(client, 0, 9), BGU_OK, 9);
}

/** What another request has done meanwhile may be another file. */
static void test_another_file(void)
{
    upload_driver_t *d = open_client();

    client = upload_driver_copy(d);
    client->total = 9;
    between_let(d->f, BETWEEN_AFTER_FIND, send_shorter);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_BAD_REQUEST, NEXT_NONE);
    CHECK_INT(fixture_find(d->f, d->id)->total, 9);
    CHECK(fixture_holds(fixture_spool_path(d->f, d->id), DATA, 9));
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
    {"a second one waits", test_waits},
    {"a full disk", test_full},
    {"another file meanwhile", test_another_file},
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
