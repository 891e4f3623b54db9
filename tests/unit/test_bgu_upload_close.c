/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine: Close-Session and Cancel-Session, where the commit waits for the Close. */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

/** Nothing was published and nothing is left in the spool. */
static void check_discarded(const upload_driver_t *d)
{
    CHECK_INT(fixture_count(d->f->docroot), 0);
    CHECK_INT(fixture_count(d->f->spool), 0);
    CHECK(bgu_state_is_tombstone((bgu_state_e)upload_state(d)));
}

/** What comes after a file was published and its session closed: nothing changes any more. */
static void check_closed(upload_driver_t *d)
{
    const bgu_outcome_t *again = upload_close(d);

    UPLOAD_EXPECT(again, BGU_OK, NEXT_NONE);
    CHECK_INT(again->event, BGU_EVENT_NONE);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static void test_close(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const bgu_outcome_t *outcome;

    upload_all(d);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    outcome = upload_close(d);
    UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
    CHECK_INT(outcome->event, BGU_EVENT_COMMITTED);
    REQUIRE(outcome->session != NULL);
    CHECK_INT(outcome->session->state, BGU_STATE_CLOSED);
    CHECK(upload_is_published(d));
    check_closed(d);
    CHECK(upload_is_published(d));
}

/** A power cut took the row back to before the first fragment, but not the bytes. */
static void test_close_unknown_bytes(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    d->policy.sync = BGU_SYNC_OFF;
    upload_begin(d);
    fixture_write(fixture_spool_path(d->f, d->id), DATA, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_BYTES_LOST, NEXT_NONE);
    CHECK(!fixture_exists(d->request.dest));
    /* The client starts over, or goes on with what is there. */
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** A repeated Close does not bring the file back, nor does it replace a newer one. */
static void test_close_commits_once(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    d->policy.overwrite = 1;
    upload_all(d);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    REQUIRE(unlink(d->request.dest) == 0);
    check_closed(d);
    CHECK(!fixture_exists(d->request.dest));
    fixture_write(d->request.dest, "newer", 5);
    check_closed(d);
    CHECK(fixture_holds(d->request.dest, "newer", 5));
}

/** A tombstone has no timeout of its own. */
static void test_close_repeated_late(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_all(d);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    fixture_age_row(d->f, d->id, 4000);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** Sync and permissions as the rules say. */
static void test_close_by_policy(void)
{
    int sync;

    for (sync = BGU_SYNC_OFF; sync <= BGU_SYNC_FRAGMENT; sync++) {
        upload_driver_t *d = upload_driver_open(DATA);
        struct stat info;

        d->policy.sync = (bgu_sync_e)sync;
        d->policy.mode = 0640;
        upload_begin(d);
        UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
        UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        REQUIRE(stat(d->request.dest, &info) == 0);
        CHECK_INT(info.st_mode & 07777, 0640);
        fixture_teardown();
    }
}

/** Create-Session directly followed by Close-Session is an empty file. */
static void test_close_without_fragment(void)
{
    upload_driver_t *d = upload_driver_open("");
    const bgu_outcome_t *outcome;

    upload_begin(d);
    outcome = upload_close(d);
    UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
    CHECK_INT(outcome->event, BGU_EVENT_COMMITTED);
    CHECK(upload_is_published(d));
    CHECK_INT(fixture_count(d->f->spool), 0);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** What is sent before an early Close. */
static void send_part(upload_driver_t *d)
{
    UPLOAD_EXPECT(upload_fragment(d, 0, 9), BGU_OK, 9);
}

static void send_nothing_of_it(upload_driver_t *d)
{
    UPLOAD_EXPECT(upload_broken(d, 0, 10, 0), BGU_DISCONNECTED, NEXT_ANY);
}

static void send_gap(upload_driver_t *d)
{
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_RANGE, 0);
}

/** Half a file is never published, not even as an empty one; the answer is 200 all the same. */
static void test_close_early(void)
{
    static void (*const sends[])(upload_driver_t *) = {send_part, send_nothing_of_it, send_gap};
    size_t i;

    for (i = 0; i < sizeof(sends) / sizeof(sends[0]); i++) {
        upload_driver_t *d = upload_driver_open(DATA);
        const bgu_outcome_t *outcome;

        upload_begin(d);
        sends[i](d);
        outcome = upload_close(d);
        UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
        CHECK_INT(outcome->event, BGU_EVENT_DISCARDED);
        check_discarded(d);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        UPLOAD_EXPECT(upload_fragment(d, 9, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        check_discarded(d);
        fixture_teardown();
    }
}

/** A file appeared at the destination since Create-Session. */
static void test_close_refused(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const bgu_outcome_t *outcome;

    upload_all(d);
    fixture_write(d->request.dest, "old", 3);
    outcome = upload_close(d);
    UPLOAD_EXPECT(outcome, BGU_ACCESS_DENIED, NEXT_NONE);
    CHECK_INT(outcome->event, BGU_EVENT_NONE);
    CHECK(upload_spool_is_sound(d));
    CHECK_INT(upload_spooled(d), 10);
    UPLOAD_EXPECT(upload_close(d), BGU_ACCESS_DENIED, NEXT_NONE);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    CHECK(fixture_holds(d->request.dest, "old", 3));
    REQUIRE(unlink(d->request.dest) == 0);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static void test_cancel_after_refused(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_all(d);
    fixture_write(d->request.dest, "old", 3);
    UPLOAD_EXPECT(upload_close(d), BGU_ACCESS_DENIED, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->spool), 0);
    CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
    UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK(fixture_holds(d->request.dest, "old", 3));
}

/** With overwriting on, an existing file is replaced at the Close and not before. */
static void test_close_overwrites(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    fixture_write(d->request.dest, "old", 3);
    d->policy.overwrite = 1;
    upload_all(d);
    CHECK(fixture_holds(d->request.dest, "old", 3));
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static void test_close_without_folder(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_all(d);
    REQUIRE(rmdir(d->f->docroot) == 0);
    UPLOAD_EXPECT(upload_close(d), BGU_NO_FOLDER, NEXT_NONE);
    CHECK_INT(upload_spooled(d), 10);
    REQUIRE(mkdir(d->f->docroot, 0755) == 0);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static void test_close_bytes_lost(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_all(d);
    REQUIRE(unlink(fixture_spool_path(d->f, d->id)) == 0);
    UPLOAD_EXPECT(upload_close(d), BGU_BYTES_LOST, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->docroot), 0);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    check_discarded(d);
}

static void test_cancel(void)
{
    int complete;

    for (complete = 0; complete < 2; complete++) {
        upload_driver_t *d = upload_driver_open(DATA);
        const bgu_outcome_t *outcome;

        upload_begin(d);
        UPLOAD_EXPECT(upload_fragment(d, 0, complete ? 10 : 5), BGU_OK, complete ? 10 : 5);
        outcome = upload_cancel(d);
        UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
        CHECK_INT(outcome->event, BGU_EVENT_DISCARDED);
        check_discarded(d);
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        outcome = upload_cancel(d);
        UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
        CHECK_INT(outcome->event, BGU_EVENT_NONE);
        UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
        check_discarded(d);
        fixture_teardown();
    }
}

static void test_cancel_without_fragment(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    check_discarded(d);
    UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    check_discarded(d);
}

/** A Cancel leaves an existing file alone that the upload was to replace. */
static void test_cancel_leaves_destination(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    fixture_write(d->request.dest, "old", 3);
    d->policy.overwrite = 1;
    upload_all(d);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(fixture_holds(d->request.dest, "old", 3));
}

/** Leave the session as a server does that dies while it commits. */
static void crash_while_committing(upload_driver_t *d)
{
    bgu_session_t *session;

    upload_all(d);
    session = fixture_find(d->f, d->id);
    session->state = BGU_STATE_COMMITTING;
    session->plan.sync = BGU_SYNC_COMMIT;
    session->plan.mode = 0644;
    REQUIRE(d->f->sessions.provider->update(d->f->sessions.store, session, BGU_STATE_COMPLETE, 1) ==
            APR_SUCCESS);
}

static void test_close_finishes_commit(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    crash_while_committing(d);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    check_closed(d);
    CHECK(upload_is_published(d));
}

static void test_close_finishes_published(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    crash_while_committing(d);
    REQUIRE(link(fixture_spool_path(d->f, d->id), d->request.dest) == 0);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    check_closed(d);
}

/** A Cancel after the Close whose answer was lost: the file was promised, so it comes. */
static void test_cancel_while_committing(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    crash_while_committing(d);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK_INT(upload_state(d), BGU_STATE_CLOSED);
}

/** A power cut while committing took bytes that had not reached the disk, or all of them: the
 * client is told where to go on, and all goes well from there. */
static void test_power_cut_while_committing(void)
{
    int left;

    for (left = 0; left <= 5; left += 5) {
        upload_driver_t *d = upload_driver_open(DATA);
        const char *spooled;

        crash_while_committing(d);
        spooled = fixture_spool_path(d->f, d->id);
        REQUIRE((left > 0 ? truncate(spooled, left) : unlink(spooled)) == 0);
        UPLOAD_EXPECT(upload_fragment(d, 8, 10), BGU_RANGE, left);
        UPLOAD_EXPECT(upload_fragment(d, left, 10), BGU_OK, 10);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        fixture_teardown();
    }
}

static void test_cancel_after_power_cut(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    crash_while_committing(d);
    REQUIRE(truncate(fixture_spool_path(d->f, d->id), 5) == 0);
    UPLOAD_EXPECT(upload_close(d), BGU_BYTES_LOST, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), BGU_OK, NEXT_NONE);
    check_discarded(d);
}

static void test_fragment_while_committing(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const bgu_outcome_t *outcome;

    crash_while_committing(d);
    outcome = upload_fragment(d, 5, 10);
    CHECK(outcome->answer.result != BGU_RANGE && outcome->answer.result != BGU_BAD_REQUEST);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static const suite_test_t tests[] = {
    {"Close of a complete upload", test_close},
    {"Close commits once", test_close_commits_once},
    {"Close repeated long after", test_close_repeated_late},
    {"Close as the rules say", test_close_by_policy},
    {"Close without a fragment", test_close_without_fragment},
    {"Close before the last byte", test_close_early},
    {"Close, but the destination exists", test_close_refused},
    {"Cancel after a refused Close", test_cancel_after_refused},
    {"Close replaces a file", test_close_overwrites},
    {"Close, but the folder is gone", test_close_without_folder},
    {"Close, but the bytes are gone", test_close_bytes_lost},
    {"Close of bytes that no row tells of", test_close_unknown_bytes},
    {"Cancel", test_cancel},
    {"Cancel without a fragment", test_cancel_without_fragment},
    {"Cancel leaves the destination alone", test_cancel_leaves_destination},
    {"Close finishes an interrupted commit", test_close_finishes_commit},
    {"Close finishes one that was published", test_close_finishes_published},
    {"Cancel after an interrupted commit", test_cancel_while_committing},
    {"Fragment after a power cut while committing", test_power_cut_while_committing},
    {"Cancel after a power cut while committing", test_cancel_after_power_cut},
    {"Fragment after an interrupted commit", test_fragment_while_committing},
};

void suite_upload_close(void)
{
    SUITE_ADD("upload_close", tests);
}
