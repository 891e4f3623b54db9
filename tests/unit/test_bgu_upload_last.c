/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine where the last fragment commits (BGUploadCommit OnLastFragment). */

#include <string.h>
#include <unistd.h>

#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

static upload_driver_t *open_driver(const char *data)
{
    upload_driver_t *d = upload_driver_open(data);

    d->policy.commit_on_last = 1;
    return d;
}

static void test_upload(void)
{
    upload_driver_t *d = open_driver(DATA);
    const bgu_outcome_t *outcome;

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    outcome = upload_fragment(d, 5, 10);
    UPLOAD_EXPECT(outcome, BGU_OK, 10);
    CHECK_INT(outcome->event, BGU_EVENT_COMMITTED);
    CHECK_INT(upload_state(d), BGU_STATE_PUBLISHED);
    CHECK(upload_is_published(d));
    CHECK_INT(fixture_count(d->f->spool), 0);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 10);
    CHECK_INT(upload_state(d), BGU_STATE_PUBLISHED);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK_INT(fixture_count(d->f->spool), 0);
}

/** A repeated last fragment does not publish again. */
static void test_commits_once(void)
{
    upload_driver_t *d = open_driver(DATA);

    d->policy.overwrite = 1;
    upload_all(d);
    fixture_write(d->request.dest, "newer", 5);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(fixture_holds(d->request.dest, "newer", 5));
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static void test_cancel(void)
{
    upload_driver_t *d = open_driver(DATA);

    upload_all(d);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK(bgu_state_is_tombstone((bgu_state_e)upload_state(d)));
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static void test_cancel_before(void)
{
    upload_driver_t *d = open_driver(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static void test_close_early(void)
{
    upload_driver_t *d = open_driver(DATA);
    const bgu_outcome_t *outcome;

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    outcome = upload_close(d);
    UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
    CHECK_INT(outcome->event, BGU_EVENT_DISCARDED);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static void test_empty_file(void)
{
    int with_fragment;

    for (with_fragment = 0; with_fragment < 2; with_fragment++) {
        upload_driver_t *d = open_driver("");

        upload_begin(d);
        if (with_fragment) {
            UPLOAD_EXPECT(upload_fragment(d, 0, 0), BGU_OK, 0);
            CHECK(upload_is_published(d));
            UPLOAD_EXPECT(upload_fragment(d, 0, 0), BGU_OK, 0);
        }
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
        CHECK_INT(fixture_count(d->f->spool), 0);
        fixture_teardown();
    }
}

/** The destination appeared meanwhile: the last fragment is refused and its bytes stay. */
static void test_refused(void)
{
    upload_driver_t *d = open_driver(DATA);

    upload_begin(d);
    fixture_write(d->request.dest, "old", 3);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_ACCESS_DENIED, NEXT_ANY);
    CHECK(fixture_holds(d->request.dest, "old", 3));
    CHECK_INT(upload_spooled(d), 10);
    REQUIRE(unlink(d->request.dest) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    CHECK(upload_is_published(d));
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** The server died while it committed the last fragment: the client sends that once more. */
static void test_found_committing(void)
{
    upload_driver_t *d = open_driver(DATA);
    bgu_session_t *session;

    d->policy.commit_on_last = 0;
    upload_all(d);
    d->policy.commit_on_last = 1;
    session = fixture_find(d->f, d->id);
    session->state = BGU_STATE_COMMITTING;
    session->plan.keep_session = 1;
    session->plan.mode = 0644;
    REQUIRE(d->f->sessions.provider->update(d->f->sessions.store, session, BGU_STATE_COMPLETE, 1) ==
            APR_SUCCESS);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    CHECK_INT(upload_state(d), BGU_STATE_PUBLISHED);
    CHECK(upload_is_published(d));
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** A timeout drops the session and leaves the file. */
static void test_timeout(void)
{
    upload_driver_t *d = open_driver(DATA);
    const bgu_outcome_t *outcome;

    upload_all(d);
    fixture_age_row(d->f, d->id, 4000);
    outcome = upload_close(d);
    UPLOAD_EXPECT(outcome, BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK(outcome->event != BGU_EVENT_DISCARDED); /* for the log: it was published */
    CHECK(upload_is_published(d));
}

static const suite_test_t tests[] = {
    {"a whole upload", test_upload},
    {"the last fragment commits once", test_commits_once},
    {"Cancel leaves the file", test_cancel},
    {"Cancel before the last byte", test_cancel_before},
    {"Close before the last byte", test_close_early},
    {"an empty file", test_empty_file},
    {"the destination exists", test_refused},
    {"found committing", test_found_committing},
    {"a timeout leaves the file", test_timeout},
};

void suite_upload_last(void)
{
    SUITE_ADD("upload_last", tests);
}
