/* SPDX-License-Identifier: Apache-2.0 */

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_commit.h"
#include "between.h"
#include "fixture.h"
#include "suites.h"

#define DATA "all of the bytes"

static bgu_result_e commit(const fixture_t *f, bgu_session_t *session)
{
    apr_status_t cause = APR_SUCCESS;
    const char *detail = NULL;
    bgu_result_e result = bgu_commit(&f->sessions, session, &cause, &detail, f->pool);

    if (result != BGU_OK && result != BGU_BUSY) {
        CHECK(detail != NULL && *detail != '\0');
    }
    return result;
}

static bgu_session_t *stored(const fixture_t *f, bgu_state_e state)
{
    return fixture_stored(f, state, DATA, strlen(DATA));
}

/** The file is there, the spool is empty, row and session are in that state. */
static void check_done(const fixture_t *f, const bgu_session_t *session, bgu_state_e state)
{
    CHECK(fixture_holds(session->dest, DATA, strlen(DATA)));
    CHECK_INT(fixture_count(f->docroot), 1);
    CHECK_INT(fixture_count(f->spool), 0);
    CHECK_INT(session->state, state);
    CHECK_INT(fixture_state(f, session->id), state);
}

/** Nothing was published and the bytes are still there. */
static void check_kept(const fixture_t *f, const bgu_session_t *session)
{
    CHECK(fixture_holds(fixture_spool_path(f, session->id), DATA, strlen(DATA)));
    CHECK(!bgu_state_is_tombstone((bgu_state_e)fixture_state(f, session->id)));
}

static void test_closed(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);
    apr_time_t before = session->updated;

    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_CLOSED);
    CHECK(fixture_find(f, session->id)->updated > before); /* the tombstone's age */
}

static void test_published(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_RECEIVING);

    session->plan.keep_session = 1;
    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_PUBLISHED);
}

/** An upload of nothing, whose row knows no total yet. */
static void test_nothing(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);

    REQUIRE(f->sessions.provider->create(f->sessions.store, session, NULL, 0) == APR_SUCCESS);
    fixture_write(fixture_spool_path(f, session->id), "", 0);
    session->total = 0;
    CHECK_INT(commit(f, session), BGU_OK);
    CHECK(fixture_holds(session->dest, "", 0));
    CHECK_INT(fixture_state(f, session->id), BGU_STATE_CLOSED);
    CHECK_INT(fixture_find(f, session->id)->total, 0);
    CHECK_INT(fixture_count(f->spool), 0);
}

static void test_plan_is_followed(void)
{
    int sync;

    for (sync = BGU_SYNC_OFF; sync <= BGU_SYNC_FRAGMENT; sync++) {
        fixture_t *f = fixture_open();
        bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);
        struct stat info;

        fixture_write(session->dest, "old", 3);
        session->plan.overwrite = 1;
        session->plan.mode = 0640;
        session->plan.sync = (bgu_sync_e)sync;
        CHECK_INT(commit(f, session), BGU_OK);
        check_done(f, session, BGU_STATE_CLOSED);
        REQUIRE(stat(session->dest, &info) == 0);
        CHECK_INT(info.st_mode & 07777, 0640);
        fixture_teardown();
    }
}

/** A refused commit leaves a session that can be committed later, or cancelled. */
static void test_refused(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);

    fixture_write(session->dest, "old", 3);
    CHECK_INT(commit(f, session), BGU_ACCESS_DENIED);
    CHECK(fixture_holds(session->dest, "old", 3));
    check_kept(f, session);
    REQUIRE(unlink(session->dest) == 0);
    session = fixture_find(f, session->id);
    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_CLOSED);
}

static void test_no_folder(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);

    REQUIRE(rmdir(f->docroot) == 0);
    CHECK_INT(commit(f, session), BGU_NO_FOLDER);
    check_kept(f, session);
    REQUIRE(mkdir(f->docroot, 0755) == 0);
    session = fixture_find(f, session->id);
    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_CLOSED);
}

static void test_bytes_lost(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);

    REQUIRE(unlink(fixture_spool_path(f, session->id)) == 0);
    CHECK_INT(commit(f, session), BGU_BYTES_LOST);
    CHECK_INT(fixture_count(f->docroot), 0);
    CHECK(!bgu_state_is_tombstone((bgu_state_e)fixture_state(f, session->id)));
}

/** A file of the same size at the destination is no proof: the commit has not begun. */
static void test_bytes_lost_over_file(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);

    session->plan.overwrite = 1;
    REQUIRE(unlink(fixture_spool_path(f, session->id)) == 0);
    fixture_write(session->dest, "ANOTHER OF A SIZE", strlen(DATA));
    CHECK_INT(commit(f, session), BGU_BYTES_LOST);
    CHECK(!bgu_state_is_tombstone((bgu_state_e)fixture_state(f, session->id)));
    CHECK(fixture_holds(session->dest, "ANOTHER OF A SIZE", strlen(DATA)));
}

static void test_bytes_short(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);

    REQUIRE(truncate(fixture_spool_path(f, session->id), 5) == 0);
    CHECK_INT(commit(f, session), BGU_BYTES_LOST);
    CHECK_INT(fixture_count(f->docroot), 0);
    CHECK_INT(fixture_size(fixture_spool_path(f, session->id)), 5);
}

/** A commit that a crash interrupted, at each place where it can have stopped. */
static void test_found_before_publishing(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMMITTING);

    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_CLOSED);
}

static void test_found_after_publishing(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMMITTING);

    REQUIRE(link(fixture_spool_path(f, session->id), session->dest) == 0);
    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_CLOSED);
}

static void test_found_without_spool(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMMITTING);

    REQUIRE(rename(fixture_spool_path(f, session->id), session->dest) == 0);
    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_CLOSED);
}

static void test_found_with_nothing(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMMITTING);

    REQUIRE(unlink(fixture_spool_path(f, session->id)) == 0);
    CHECK_INT(commit(f, session), BGU_BYTES_LOST);
    CHECK_INT(fixture_count(f->docroot), 0);
    fixture_write(session->dest, "another", 7);
    session = fixture_find(f, session->id);
    CHECK_INT(commit(f, session), BGU_BYTES_LOST);
    CHECK(fixture_holds(session->dest, "another", 7));
}

/** After a power cut the row may be on the disk and the bytes may not: the session must be able to
 * go on, or to be cancelled. */
static void test_found_short(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMMITTING);

    REQUIRE(truncate(fixture_spool_path(f, session->id), 5) == 0);
    CHECK_INT(commit(f, session), BGU_BYTES_LOST);
    CHECK_INT(fixture_count(f->docroot), 0);
    CHECK_INT(fixture_size(fixture_spool_path(f, session->id)), 5);
    CHECK(fixture_state(f, session->id) != BGU_STATE_COMMITTING);
}

/** A session whose file is to be read-only; for fixture_as_nobody(), as root may write anything. */
static int commit_read_only(void *baton)
{
    fixture_t *f = baton;
    apr_status_t cause = APR_SUCCESS;
    const char *text = NULL;
    bgu_session_t *session;

    if (bgu_store_sqlite.open(&f->sessions.store, f->database, 1, &text, f->pool) != APR_SUCCESS) {
        return 1;
    }
    session = stored(f, BGU_STATE_COMPLETE);
    session->plan.mode = 0440;
    fixture_write(session->dest, "old", 3);
    if (bgu_commit(&f->sessions, session, &cause, &text, f->pool) != BGU_ACCESS_DENIED) {
        return 2;
    }
    session = fixture_find(f, session->id);
    if (bgu_commit(&f->sessions, session, &cause, &text, f->pool) != BGU_ACCESS_DENIED) {
        return 3;
    }
    if (unlink(session->dest) != 0 ||
        bgu_commit(&f->sessions, session, &cause, &text, f->pool) != BGU_OK) {
        return 4;
    }
    return fixture_holds(session->dest, DATA, strlen(DATA)) ? 0 : 5;
}

/** Whom the commit of a read-only file is interrupted by. */
static fixture_t *opener;
static const char *opened_id;

static void open_spool(void)
{
    bgu_spool_t *spool;

    (void)bgu_spool_open(&spool, opener->spool, opened_id, NULL, opener->pool);
}

/** Another request opens the spool file between publishing and the end: the mode stays. */
static int commit_read_only_opened(void *baton)
{
    fixture_t *f = baton;
    apr_status_t cause = APR_SUCCESS;
    const char *text = NULL;
    bgu_session_t *session;
    struct stat info;

    if (bgu_store_sqlite.open(&f->sessions.store, f->database, 1, &text, f->pool) != APR_SUCCESS) {
        return 1;
    }
    session = stored(f, BGU_STATE_COMMITTING);
    session->plan.mode = 0440;
    opener = f;
    opened_id = session->id;
    between_let(f, BETWEEN_BEFORE_UPDATE, open_spool);
    if (bgu_commit(&f->sessions, session, &cause, &text, f->pool) != BGU_OK) {
        return 2;
    }
    if (!between_is_over() || stat(session->dest, &info) != 0) {
        return 3;
    }
    return (info.st_mode & 07777) == 0440 ? 0 : 4;
}

static void check_read_only(int (*run)(void *baton))
{
    fixture_t *f = fixture_open_bare();
    int code;

    f->sessions.provider = &bgu_store_sqlite;
    REQUIRE(chmod(f->root, 0777) == 0 && chmod(f->spool, 0777) == 0 &&
            chmod(f->docroot, 0777) == 0);
    code = fixture_as_nobody(f, run, f);
    if (code < 0) {
        check_skip("another user cannot get into TMPDIR");
    } else {
        CHECK_INT(code, 0);
    }
}

static void test_read_only(void)
{
    check_read_only(commit_read_only);
}

static void test_read_only_opened(void)
{
    check_read_only(commit_read_only_opened);
}

/** The plan of the row counts, also that it lives on as PUBLISHED. */
static void test_found_for_publishing(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);

    session->state = BGU_STATE_COMMITTING;
    session->total = (apr_off_t)strlen(DATA);
    session->plan.keep_session = 1;
    session->plan.overwrite = 1;
    REQUIRE(f->sessions.provider->create(f->sessions.store, session, NULL, 0) == APR_SUCCESS);
    fixture_write(fixture_spool_path(f, session->id), DATA, strlen(DATA));
    fixture_write(session->dest, "old", 3);
    session = fixture_find(f, session->id);
    CHECK_INT(commit(f, session), BGU_OK);
    check_done(f, session, BGU_STATE_PUBLISHED);
}

/** Somebody else changed the row since it was read. */
static void test_overtaken(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);
    bgu_session_t *cancelled = fixture_find(f, session->id);

    cancelled->state = BGU_STATE_CANCELLED;
    REQUIRE(f->sessions.provider->update(f->sessions.store, cancelled, BGU_STATE_COMPLETE, 0) ==
            APR_SUCCESS);
    CHECK_INT(commit(f, session), BGU_BUSY);
    CHECK_INT(fixture_count(f->docroot), 0);
    CHECK_INT(fixture_state(f, session->id), BGU_STATE_CANCELLED);
}

static void test_twice(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = stored(f, BGU_STATE_COMPLETE);
    bgu_session_t *stale = fixture_find(f, session->id);

    CHECK_INT(commit(f, session), BGU_OK);
    REQUIRE(unlink(session->dest) == 0);
    CHECK_INT(commit(f, stale), BGU_BUSY);
    CHECK_INT(fixture_count(f->docroot), 0);
    CHECK_INT(fixture_state(f, session->id), BGU_STATE_CLOSED);
}

/** Many that want to commit the same session at once. */
struct contest {
    const fixture_t *f;
    const bgu_session_t *session;
    atomic_int done;
    atomic_int bad;
};

static void compete(void *baton, int number)
{
    struct contest *contest = baton;
    bgu_session_t mine = *contest->session;
    apr_status_t cause = APR_SUCCESS;
    const char *detail = NULL;
    bgu_result_e result;
    apr_pool_t *pool;

    (void)number;
    apr_pool_create(&pool, NULL);
    result = bgu_commit(&contest->f->sessions, &mine, &cause, &detail, pool);
    atomic_fetch_add(&contest->done, result == BGU_OK);
    atomic_fetch_add(&contest->bad, result != BGU_OK && result != BGU_BUSY);
    apr_pool_destroy(pool);
}

static void test_at_once(void)
{
    static const bgu_state_e states[] = {BGU_STATE_COMPLETE, BGU_STATE_COMMITTING};
    int round;

    for (round = 0; round < 20; round++) {
        fixture_t *f = fixture_open();
        struct contest contest = {.f = f};

        contest.session = stored(f, states[round % 2]);
        fixture_threads(4, compete, &contest);
        CHECK(contest.done >= 1);
        CHECK_INT(contest.bad, 0);
        CHECK(fixture_holds(contest.session->dest, DATA, strlen(DATA)));
        CHECK_INT(fixture_state(f, contest.session->id), BGU_STATE_CLOSED);
        CHECK_INT(fixture_count(f->spool), 0);
        CHECK_INT(fixture_count(f->docroot), 1);
        fixture_teardown();
    }
}

/** One that holds the spool file's lock, and one that wants to commit meanwhile. */
struct waiting {
    const fixture_t *f;
    bgu_session_t *session;
    atomic_int locked;
    atomic_int failures;
    int published_meanwhile;
};

static int is_locked(void *baton)
{
    return ((struct waiting *)baton)->locked;
}

static int is_published(void *baton)
{
    return fixture_exists(((struct waiting *)baton)->session->dest);
}

static void hold_or_commit(void *baton, int number)
{
    struct waiting *w = baton;
    apr_status_t cause = APR_SUCCESS;
    const char *detail = NULL;
    bgu_spool_t *spool = NULL;
    apr_pool_t *pool;
    int bad;

    apr_pool_create(&pool, NULL);
    if (number == 0) {
        bad = bgu_spool_open(&spool, w->f->spool, w->session->id, NULL, pool) != APR_SUCCESS ||
              bgu_spool_lock(spool) != APR_SUCCESS;
        w->locked = 1;
        /* it must not come; give it the time to do so */
        w->published_meanwhile = check_wait(is_published, w, 0);
    } else {
        bad = !check_wait(is_locked, w, 20) ||
              bgu_commit(&w->f->sessions, w->session, &cause, &detail, pool) != BGU_OK;
    }
    atomic_fetch_add(&w->failures, bad);
    apr_pool_destroy(pool); /* which drops the lock */
}

static void test_waits_for_lock(void)
{
    fixture_t *f = fixture_open();
    struct waiting waiting = {.f = f};

    waiting.session = stored(f, BGU_STATE_COMPLETE);
    fixture_threads(2, hold_or_commit, &waiting);
    CHECK_INT(waiting.failures, 0);
    CHECK_INT(waiting.published_meanwhile, 0);
    check_done(f, waiting.session, BGU_STATE_CLOSED);
}

static const suite_test_t tests[] = {
    {"a complete upload is closed", test_closed},
    {"or lives on", test_published},
    {"an upload of nothing", test_nothing},
    {"the plan is followed", test_plan_is_followed},
    {"refused, then repeated", test_refused},
    {"no folder, then repeated", test_no_folder},
    {"bytes lost", test_bytes_lost},
    {"bytes lost, a file at the destination", test_bytes_lost_over_file},
    {"bytes short", test_bytes_short},
    {"found committing, not published", test_found_before_publishing},
    {"found committing, published", test_found_after_publishing},
    {"found committing, no spool file", test_found_without_spool},
    {"found committing, nothing there", test_found_with_nothing},
    {"found committing, bytes short", test_found_short},
    {"a read-only file, refused and repeated", test_read_only},
    {"a read-only file, opened at the end", test_read_only_opened},
    {"found committing, to live on", test_found_for_publishing},
    {"overtaken", test_overtaken},
    {"committed already", test_twice},
    {"many at once", test_at_once},
    {"waits for the holder of the lock", test_waits_for_lock},
};

void suite_commit(void)
{
    SUITE_ADD("commit", tests);
}
