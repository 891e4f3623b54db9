/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_session.h"
#include "fixture.h"
#include "suites.h"

#define DATA "0123456789"

/** Seconds; the sessions of the fixture time out after 3600. */
#define LONG_AGO     4000
#define NOT_LONG_AGO 3000

/** A discard and what it comes to. */
struct discard_case {
    const char *name;
    bgu_state_e state;
    int idle;  /**< only if it has expired */
    int row;   /**< age of the row in seconds */
    int spool; /**< age of the spool file in seconds; negative: there is none */
    apr_status_t status;
};

static const struct discard_case cases[] = {
    {"receiving", BGU_STATE_RECEIVING, 0, 0, 0, APR_SUCCESS},
    {"notifying", BGU_STATE_NOTIFYING, 0, 0, 0, APR_SUCCESS},
    {"complete", BGU_STATE_COMPLETE, 0, 0, 0, APR_SUCCESS},
    {"published", BGU_STATE_PUBLISHED, 0, 0, -1, APR_SUCCESS},
    {"receiving, no bytes", BGU_STATE_RECEIVING, 0, 0, -1, APR_SUCCESS},
    {"committing", BGU_STATE_COMMITTING, 0, 0, 0, APR_EAGAIN},
    {"closed", BGU_STATE_CLOSED, 0, 0, -1, APR_EAGAIN},
    {"cancelled", BGU_STATE_CANCELLED, 0, 0, -1, APR_EAGAIN},
    {"receiving, expired", BGU_STATE_RECEIVING, 1, LONG_AGO, LONG_AGO, APR_SUCCESS},
    {"receiving, expired, no bytes", BGU_STATE_RECEIVING, 1, LONG_AGO, -1, APR_SUCCESS},
    {"complete, expired", BGU_STATE_COMPLETE, 1, LONG_AGO, LONG_AGO, APR_SUCCESS},
    {"published, expired", BGU_STATE_PUBLISHED, 1, LONG_AGO, -1, APR_SUCCESS},
    {"receiving, alive", BGU_STATE_RECEIVING, 1, NOT_LONG_AGO, NOT_LONG_AGO, APR_EAGAIN},
    {"receiving, bytes alive", BGU_STATE_RECEIVING, 1, LONG_AGO, NOT_LONG_AGO, APR_EAGAIN},
    {"receiving, row alive", BGU_STATE_RECEIVING, 1, NOT_LONG_AGO, LONG_AGO, APR_EAGAIN},
    {"receiving, no bytes, alive", BGU_STATE_RECEIVING, 1, NOT_LONG_AGO, -1, APR_EAGAIN},
    {"committing, expired", BGU_STATE_COMMITTING, 1, LONG_AGO, LONG_AGO, APR_EAGAIN},
    {"closed, expired", BGU_STATE_CLOSED, 1, LONG_AGO, -1, APR_EAGAIN},
};

/** The session of a case. */
static bgu_session_t *make_session(const fixture_t *f, const struct discard_case *c)
{
    bgu_session_t *session = fixture_stored(f, c->state, DATA, strlen(DATA));

    fixture_age_row(f, session->id, c->row);
    if (c->spool < 0) {
        REQUIRE(unlink(fixture_spool_path(f, session->id)) == 0);
    } else {
        fixture_age_spool(f, session->id, c->spool);
    }
    return fixture_find(f, session->id);
}

static void test_discard(void)
{
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct discard_case *c = &cases[i];
        fixture_t *f = fixture_open();
        bgu_session_t *session = make_session(f, c);
        int done = c->status == APR_SUCCESS;
        bgu_state_e after = done ? BGU_STATE_CANCELLED : c->state;

        CASE_INT(c->name, bgu_session_discard(&f->sessions, session, c->idle, f->pool), c->status);
        CASE_INT(c->name, session->state, after);
        CASE_INT(c->name, fixture_state(f, session->id), after);
        CASE_INT(c->name, fixture_count(f->spool), done || c->spool < 0 ? 0 : 1);
        fixture_teardown();
    }
}

static void test_expired(void)
{
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct discard_case *c = &cases[i];
        fixture_t *f = fixture_open();
        const bgu_session_t *session = make_session(f, c);

        CASE_INT(c->name, bgu_session_expired(session, f->pool) != 0,
                 c->row == LONG_AGO && (c->spool < 0 || c->spool == LONG_AGO));
        fixture_teardown();
    }
}

/** Timeouts that reach beyond the clock: never expired. */
static void test_no_timeout(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_stored(f, BGU_STATE_RECEIVING, DATA, strlen(DATA));

    fixture_age_row(f, session->id, 1000000000);
    fixture_age_spool(f, session->id, 1000000000);
    session = fixture_find(f, session->id);
    CHECK(bgu_session_expired(session, f->pool));
    session->timeout = APR_INT64_MAX;
    CHECK(!bgu_session_expired(session, f->pool));
}

/** Somebody else changed the row since it was read: it is not touched, nor are its bytes. */
static void test_overtaken(void)
{
    int idle;

    for (idle = 0; idle < 2; idle++) {
        fixture_t *f = fixture_open();
        bgu_session_t *session = fixture_stored(f, BGU_STATE_RECEIVING, DATA, strlen(DATA));
        bgu_session_t *changed;

        fixture_age_row(f, session->id, LONG_AGO);
        fixture_age_spool(f, session->id, LONG_AGO);
        session = fixture_find(f, session->id);
        changed = fixture_find(f, session->id);
        changed->state = BGU_STATE_COMMITTING;
        REQUIRE(f->sessions.provider->update(f->sessions.store, changed, BGU_STATE_RECEIVING, 0) ==
                APR_SUCCESS);
        CHECK_INT(bgu_session_discard(&f->sessions, session, idle, f->pool), APR_EAGAIN);
        CHECK_INT(session->state, BGU_STATE_RECEIVING);
        CHECK_INT(fixture_state(f, session->id), BGU_STATE_COMMITTING);
        CHECK_INT(fixture_count(f->spool), 1);
        fixture_teardown();
    }
}

/** Bytes that cannot be removed: told, and the session is over all the same. */
static void test_bytes_stay(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_stored(f, BGU_STATE_RECEIVING, DATA, strlen(DATA));
    const char *spooled = fixture_spool_path(f, session->id);

    REQUIRE(unlink(spooled) == 0 && mkdir(spooled, 0755) == 0);
    CHECK(bgu_session_discard(&f->sessions, session, 0, f->pool) != APR_SUCCESS);
    CHECK_INT(session->state, BGU_STATE_CANCELLED);
    CHECK_INT(fixture_state(f, session->id), BGU_STATE_CANCELLED);
}

static const suite_test_t tests[] = {
    {"discard", test_discard},
    {"expired", test_expired},
    {"a timeout without end", test_no_timeout},
    {"discard that comes too late", test_overtaken},
    {"bytes that cannot be removed", test_bytes_stay},
};

void suite_session(void)
{
    SUITE_ADD("session", tests);
}
