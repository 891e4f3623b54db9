/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_cleanup.h"
#include "fixture.h"
#include "suites.h"

#define DATA "0123456789"

/** Seconds; the sessions of the fixture time out after 3600. */
#define LONG_AGO      4000
#define NOT_LONG_AGO  3000
#define TOMBSTONE_AGE 10000

/** What a clean-up reported. */
struct report {
    int count[4];        /**< by bgu_cleanup_e */
    const char *id;      /**< of the last one */
    apr_status_t status; /**< of the last failure */
    int stop_after;      /**< sessions before stop() says so; 0: never */
};

static void note(void *baton, bgu_cleanup_e what, const bgu_session_t *session, apr_status_t status)
{
    struct report *report = baton;

    report->count[what]++;
    report->id = session->id;
    if (what == BGU_CLEANUP_FAILED) {
        report->status = status;
    }
}

static int stop(void *baton)
{
    const struct report *report = baton;

    return report->stop_after > 0 && report->count[BGU_CLEANUP_DISCARDED] >= report->stop_after;
}

static void run(const fixture_t *f, struct report *report, int dry_run)
{
    bgu_cleanup_t cleanup = {&f->sessions, apr_time_from_sec(TOMBSTONE_AGE), dry_run, note, stop,
                             report};
    int stop_after = report->stop_after;

    memset(report, 0, sizeof(*report));
    report->stop_after = stop_after;
    CHECK_INT(bgu_cleanup(&cleanup, f->pool), APR_SUCCESS);
}

static void check_report(const struct report *report, int discarded, int committed, int forgotten,
                         int failed)
{
    CHECK_INT(report->count[BGU_CLEANUP_DISCARDED], discarded);
    CHECK_INT(report->count[BGU_CLEANUP_COMMITTED], committed);
    CHECK_INT(report->count[BGU_CLEANUP_FORGOTTEN], forgotten);
    CHECK_INT(report->count[BGU_CLEANUP_FAILED], failed);
}

/** A session in a state whose row and spool file were last touched so many seconds ago. */
static const char *aged(const fixture_t *f, bgu_state_e state, int row, int spool)
{
    const bgu_session_t *session = fixture_stored(f, state, DATA, strlen(DATA));

    fixture_age_row(f, session->id, row);
    fixture_age_spool(f, session->id, spool);
    return session->id;
}

/** A tombstone of that age. */
static const char *tombstone(const fixture_t *f, bgu_state_e state, int age)
{
    const bgu_session_t *session = fixture_stored(f, state, "", 0);

    REQUIRE(unlink(fixture_spool_path(f, session->id)) == 0);
    fixture_age_row(f, session->id, age);
    return session->id;
}

static void test_nothing(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};

    run(f, &report, 0);
    check_report(&report, 0, 0, 0, 0);
}

static void test_timeout(void)
{
    static const bgu_state_e states[] = {BGU_STATE_RECEIVING, BGU_STATE_COMPLETE};
    size_t i;

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        fixture_t *f = fixture_open();
        struct report report = {.stop_after = 0};
        const char *id = aged(f, states[i], LONG_AGO, LONG_AGO);

        run(f, &report, 0);
        check_report(&report, 1, 0, 0, 0);
        CHECK_STR(report.id, id);
        CHECK_INT(fixture_state(f, id), BGU_STATE_CANCELLED);
        CHECK_INT(fixture_count(f->spool), 0);
        CHECK_INT(fixture_count(f->docroot), 0);
        CHECK(fixture_find(f, id)->updated > apr_time_now() - apr_time_from_sec(1000));
        run(f, &report, 0);
        check_report(&report, 0, 0, 0, 0); /* now a young tombstone */
        CHECK_INT(fixture_state(f, id), BGU_STATE_CANCELLED);
        fixture_teardown();
    }
}

static void test_timeout_without_spool(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    const char *id = tombstone(f, BGU_STATE_RECEIVING, LONG_AGO);

    run(f, &report, 0);
    check_report(&report, 1, 0, 0, 0);
    CHECK_INT(fixture_state(f, id), BGU_STATE_CANCELLED);
}

/** The younger of row and spool file says whether a session lives. */
static void test_alive(void)
{
    static const struct {
        int row;
        int spool;
    } ages[] = {
        {0, 0}, {LONG_AGO, 0}, {0, LONG_AGO}, {LONG_AGO, NOT_LONG_AGO}, {NOT_LONG_AGO, LONG_AGO}};
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    size_t i;

    for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        aged(f, BGU_STATE_RECEIVING, ages[i].row, ages[i].spool);
        aged(f, BGU_STATE_COMPLETE, ages[i].row, ages[i].spool);
    }
    run(f, &report, 0);
    check_report(&report, 0, 0, 0, 0);
    CHECK_INT(fixture_count(f->spool), 10);
}

/** The timeout is each session's own. */
static void test_own_timeout(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    bgu_session_t *patient = fixture_session(f);
    bgu_session_t *hasty = fixture_session(f);

    patient->updated = apr_time_now() - apr_time_from_sec(LONG_AGO);
    patient->timeout = apr_time_from_sec(10 * LONG_AGO);
    hasty->updated = apr_time_now() - apr_time_from_sec(10);
    hasty->timeout = apr_time_from_sec(5);
    REQUIRE(f->sessions.provider->create(f->sessions.store, patient, NULL, 0) == APR_SUCCESS);
    REQUIRE(f->sessions.provider->create(f->sessions.store, hasty, NULL, 0) == APR_SUCCESS);
    run(f, &report, 0);
    check_report(&report, 1, 0, 0, 0);
    CHECK_INT(fixture_state(f, patient->id), BGU_STATE_RECEIVING);
    CHECK_INT(fixture_state(f, hasty->id), BGU_STATE_CANCELLED);
}

/** A file that was published stays when its session times out. */
static void test_published(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    const char *id = tombstone(f, BGU_STATE_PUBLISHED, LONG_AGO);

    fixture_write(fixture_dest(f, "a.bin"), DATA, strlen(DATA));
    run(f, &report, 0);
    check_report(&report, 1, 0, 0, 0);
    CHECK(bgu_state_is_tombstone((bgu_state_e)fixture_state(f, id)));
    CHECK(fixture_holds(fixture_dest(f, "a.bin"), DATA, strlen(DATA)));
}

/** However long ago it was interrupted, a commit is finished and not discarded. */
static void test_commit(void)
{
    static const int ages[] = {0, LONG_AGO};
    size_t i;

    for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        fixture_t *f = fixture_open();
        struct report report = {.stop_after = 0};
        const char *id = aged(f, BGU_STATE_COMMITTING, ages[i], ages[i]);

        run(f, &report, 0);
        check_report(&report, 0, 1, 0, 0);
        CHECK_INT(fixture_state(f, id), BGU_STATE_CLOSED);
        CHECK(fixture_holds(fixture_dest(f, "a.bin"), DATA, strlen(DATA)));
        CHECK_INT(fixture_count(f->spool), 0);
        fixture_teardown();
    }
}

/** A commit that cannot be finished is told, and the sessions behind it are dealt with. */
static void test_commit_fails(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    const char *lost = aged(f, BGU_STATE_COMMITTING, LONG_AGO, LONG_AGO);
    int i;

    REQUIRE(unlink(fixture_spool_path(f, lost)) == 0);
    for (i = 0; i < 10; i++) {
        aged(f, BGU_STATE_RECEIVING, LONG_AGO, LONG_AGO);
    }
    run(f, &report, 0);
    check_report(&report, 10, 0, 0, 1);
    CHECK(report.status != APR_SUCCESS);
    CHECK(fixture_find(f, lost) != NULL);
    CHECK_INT(fixture_count(f->docroot), 0);
}

static void test_tombstones(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    const char *old_closed = tombstone(f, BGU_STATE_CLOSED, TOMBSTONE_AGE + 100);
    const char *old_cancelled = tombstone(f, BGU_STATE_CANCELLED, TOMBSTONE_AGE + 100);
    const char *young_closed = tombstone(f, BGU_STATE_CLOSED, TOMBSTONE_AGE - 100);
    const char *young_cancelled = tombstone(f, BGU_STATE_CANCELLED, LONG_AGO);

    fixture_write(fixture_dest(f, "a.bin"), DATA, strlen(DATA));
    run(f, &report, 0);
    check_report(&report, 0, 0, 2, 0);
    CHECK_INT(fixture_state(f, old_closed), -1);
    CHECK_INT(fixture_state(f, old_cancelled), -1);
    CHECK_INT(fixture_state(f, young_closed), BGU_STATE_CLOSED);
    CHECK_INT(fixture_state(f, young_cancelled), BGU_STATE_CANCELLED);
    CHECK(fixture_holds(fixture_dest(f, "a.bin"), DATA, strlen(DATA)));
}

/** A dry run tells the same and changes nothing. */
static void test_dry_run(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    const char *idle = aged(f, BGU_STATE_RECEIVING, LONG_AGO, LONG_AGO);
    const char *committing = aged(f, BGU_STATE_COMMITTING, LONG_AGO, LONG_AGO);
    const char *closed = tombstone(f, BGU_STATE_CLOSED, TOMBSTONE_AGE + 100);
    apr_time_t before = fixture_find(f, idle)->updated;

    aged(f, BGU_STATE_RECEIVING, 0, 0);
    run(f, &report, 1);
    check_report(&report, 1, 1, 1, 0);
    CHECK_INT(fixture_state(f, idle), BGU_STATE_RECEIVING);
    CHECK_INT(fixture_state(f, committing), BGU_STATE_COMMITTING);
    CHECK_INT(fixture_state(f, closed), BGU_STATE_CLOSED);
    CHECK_INT(fixture_find(f, idle)->updated, before);
    CHECK_INT(fixture_count(f->spool), 3);
    CHECK_INT(fixture_count(f->docroot), 0);
    run(f, &report, 0);
    check_report(&report, 1, 1, 1, 0);
}

static void test_stop(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 3};
    int i;

    for (i = 0; i < 10; i++) {
        aged(f, BGU_STATE_RECEIVING, LONG_AGO, LONG_AGO);
    }
    run(f, &report, 0);
    check_report(&report, 3, 0, 0, 0);
    CHECK_INT(fixture_count(f->spool), 7);
    report.stop_after = 0;
    run(f, &report, 0);
    check_report(&report, 7, 0, 0, 0);
}

/** Many more sessions than a batch; no one asks whether to stop. */
static void test_many(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    bgu_cleanup_t cleanup = {&f->sessions, apr_time_from_sec(TOMBSTONE_AGE), 0, note, NULL,
                             &report};
    int i;

    for (i = 0; i < 1500; i++) {
        bgu_session_t *session = fixture_session(f);

        session->state = i % 3 == 0 ? BGU_STATE_CLOSED : BGU_STATE_RECEIVING;
        session->updated -= apr_time_from_sec(i % 3 == 1 ? 0 : 2 * TOMBSTONE_AGE);
        REQUIRE(f->sessions.provider->create(f->sessions.store, session, NULL, 0) == APR_SUCCESS);
    }
    CHECK_INT(bgu_cleanup(&cleanup, f->pool), APR_SUCCESS);
    check_report(&report, 500, 0, 500, 0);
}

/** For bgu_cleanup_t: count what is open beside it. */
struct open_files {
    const fixture_t *fixture;
    int reports;
    int most;
};

static void note_open_files(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                            apr_status_t status)
{
    struct open_files *files = baton;
    int now = fixture_open_files(files->fixture->spool);

    (void)session;
    CHECK_INT(what, BGU_CLEANUP_DISCARDED);
    CHECK_INT(status, APR_SUCCESS);
    files->reports++;
    files->most = now > files->most ? now : files->most;
}

/** However many there are, no more than one session's files are open. */
static void test_descriptors(void)
{
    fixture_t *f = fixture_open();
    struct open_files files = {f, 0, 0};
    bgu_cleanup_t cleanup = {.sessions = &f->sessions,
                             .tombstone = apr_time_from_sec(TOMBSTONE_AGE),
                             .report = note_open_files,
                             .baton = &files};
    int i;

    for (i = 0; i < 50; i++) {
        aged(f, BGU_STATE_RECEIVING, LONG_AGO, LONG_AGO);
    }
    CHECK_INT(bgu_cleanup(&cleanup, f->pool), APR_SUCCESS);
    CHECK_INT(files.reports, 50);
    CHECK_INT(files.most, 1);
}

/** A spool folder that cannot be read any more harms only its own sessions. */
static void test_spool_folder_gone(void)
{
    fixture_t *f = fixture_open();
    struct report report = {.stop_after = 0};
    const char *id = aged(f, BGU_STATE_RECEIVING, LONG_AGO, LONG_AGO);

    REQUIRE(unlink(fixture_spool_path(f, id)) == 0 && rmdir(f->spool) == 0);
    run(f, &report, 0);
    check_report(&report, 1, 0, 0, 0);
    CHECK_INT(fixture_state(f, id), BGU_STATE_CANCELLED);
}

static const suite_test_t tests[] = {
    {"nothing to do", test_nothing},
    {"idle sessions", test_timeout},
    {"idle sessions without bytes", test_timeout_without_spool},
    {"sessions that live", test_alive},
    {"each session's own timeout", test_own_timeout},
    {"published files stay", test_published},
    {"interrupted commits", test_commit},
    {"a commit that fails", test_commit_fails},
    {"tombstones", test_tombstones},
    {"dry run", test_dry_run},
    {"stop", test_stop},
    {"many sessions", test_many},
    {"descriptors", test_descriptors},
    {"the spool folder is gone", test_spool_folder_gone},
};

void suite_cleanup(void)
{
    SUITE_ADD("cleanup", tests);
}
