/* SPDX-License-Identifier: Apache-2.0 */

/* What actors do, and what they must hear. */

#include "stress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit/plain_client.h"
#include "../../mod_bgupload/bgu_orphans.h"

/** Bytes of a fragment, and of a piece of it, at most. */
#define FRAGMENT_MAX 40000
#define PIECE_MAX    9000

static plain_client_t make_client(actor_t *me, stress_session_t *session)
{
    stress_t *s = me->s;
    plain_client_t client = {
        .sessions = &s->f->sessions,
        .request = {.policy = &s->policy,
                    .user = "alice",
                    .client = "127.0.0.1",
                    .path = "/upload/a.bin",
                    .query = "",
                    .dest = session->dest,
                    .url = "http://localhost/upload/a.bin",
                    .notify_url = "http://localhost/app",
                    .reply_base = "http://localhost/upload/BITS-Sessions/Replies/"},
        .id = session->id,
        .data = session->data,
        .total = session->total,
        .piece = 1 + stress_random(me, PIECE_MAX),
        .breaks_after = -1,
        .wait = stress_wait,
        .baton = me,
    };

    client.request.notifier = stress_application(me, session);
    return client;
}

/** Count an answer. One that the scenario does not know is a fault. */
static bgu_result_e count(actor_t *me, stress_session_t *session, bgu_packet_e type,
                          const bgu_outcome_t *outcome)
{
    const scenario_t *scenario = me->s->scenario;
    bgu_result_e result = outcome->answer.result;
    unsigned long known = RESULT(BGU_OK) | RESULT(BGU_BUSY);

    if (type == BGU_FRAGMENT) {
        known = scenario->fragment;
    } else if (type == BGU_CLOSE_SESSION) {
        known = scenario->close;
    } else if (scenario->forgets) {
        known |= RESULT(BGU_SESSION_NOT_FOUND);
    }
    if ((known & RESULT(result)) == 0) {
        stress_fault(me->s, "packet %d was answered \"%s\": %s", (int)type, bgu_error(result)->name,
                     outcome->answer.detail != NULL ? outcome->answer.detail : "");
    }
    atomic_fetch_add(&session->answers[type][result], 1);
    atomic_fetch_add(&session->events[outcome->event], 1);
    apr_pool_clear(me->pool);
    return result;
}

bgu_result_e stress_packet(actor_t *me, stress_session_t *session, bgu_packet_e type)
{
    plain_client_t client = make_client(me, session);
    bgu_outcome_t outcome;

    stress_wait(me);
    plain_client_packet(&client, type, &outcome, me->pool);
    return count(me, session, type, &outcome);
}

bgu_result_e stress_insist(actor_t *me, stress_session_t *session, bgu_packet_e type)
{
    bgu_result_e result = BGU_BUSY;

    for (int i = 0; i < STRESS_TRIES && result == BGU_BUSY; i++) {
        result = stress_packet(me, session, type);
    }
    if (result == BGU_BUSY) {
        stress_fault(me->s, "packet %d is never done", (int)type);
    }
    return result;
}

stress_session_t *stress_session(actor_t *me, apr_off_t length, int dest)
{
    stress_t *s = me->s;
    stress_session_t *session = &s->session[s->sessions];
    const char *data = session->data;
    plain_client_t client;
    bgu_outcome_t outcome;

    REQUIRE(s->sessions < STRESS_SESSIONS_MAX);
    memset(session, 0, sizeof(*session));
    session->data = data;
    session->total = length;
    snprintf(session->dest, sizeof(session->dest), "%s/%d", s->f->docroot, dest);
    s->sessions++;
    client = make_client(me, session);
    plain_client_packet(&client, BGU_CREATE_SESSION, &outcome, me->pool);
    REQUIRE(outcome.answer.result == BGU_OK);
    memcpy(session->id, outcome.answer.session_id, BGU_ID_LEN);
    apr_pool_clear(me->pool);
    return session;
}

/** Note that N is acknowledged. */
static void acknowledge(actor_t *me, stress_session_t *session, long long before,
                        const bgu_answer_t *answer)
{
    long long known = session->acked;
    long long next = answer->next;

    if (next < before) {
        stress_fault(me->s, "N shrank from %lld to %lld: %s, %s", before, next,
                     bgu_error(answer->result)->name, answer->detail ? answer->detail : "");
    }
    while (known < next && !atomic_compare_exchange_weak(&session->acked, &known, next)) {
    }
}

bgu_result_e stress_fragment(actor_t *me, stress_session_t *session, apr_off_t first, apr_off_t end,
                             apr_off_t total, apr_off_t *next)
{
    plain_client_t client = make_client(me, session);
    long long before = session->acked;
    bgu_outcome_t outcome;

    client.total = total;
    if ((me->s->scenario->fragment & RESULT(BGU_DISCONNECTED)) && stress_random(me, 10) == 0) {
        client.breaks_after = (apr_off_t)stress_random(me, (unsigned long)(end - first));
    }
    stress_wait(me);
    plain_client_fragment(&client, first, end, &outcome, me->pool);
    *next = outcome.answer.next;
    if (*next >= 0) {
        acknowledge(me, session, before, &outcome.answer);
    }
    if (outcome.answer.result == BGU_OK && (*next < end || *next > total)) {
        stress_fault(me->s, "[%ld, %ld) of %ld was taken, and %ld is wanted next", (long)first,
                     (long)end, (long)total, (long)*next);
    }
    return count(me, session, BGU_FRAGMENT, &outcome);
}

bgu_result_e stress_send(actor_t *me, stress_session_t *session, apr_off_t total, apr_off_t *next)
{
    const unsigned long again =
        RESULT(BGU_OK) | RESULT(BGU_RANGE) | RESULT(BGU_BUSY) | RESULT(BGU_DISCONNECTED);
    bgu_result_e result = BGU_OK;

    for (int i = 0; *next < total && (again & RESULT(result)); i++) {
        apr_off_t first = *next;
        apr_off_t back = (apr_off_t)stress_random(me, 3000);
        apr_off_t wanted;

        if (stress_random(me, 16) == 0) {
            first += (apr_off_t)stress_random(me, (unsigned long)(total - first));
        } else if (stress_random(me, 4) == 0) {
            first -= back < first ? back : first;
        }
        apr_off_t end = first + 1 + (apr_off_t)stress_random(me, FRAGMENT_MAX);
        result = stress_fragment(me, session, first, end < total ? end : total, total, &wanted);
        if (wanted >= 0 && (result == BGU_OK || result == BGU_RANGE)) {
            *next = wanted;
        }
        if (i == STRESS_TRIES) {
            stress_fault(me->s, "%ld of %ld bytes can be sent", (long)*next, (long)total);
            break;
        }
    }
    return result;
}

static void note_cleaned(void *baton, bgu_cleanup_e what, const bgu_session_t *session,
                         apr_status_t status)
{
    const actor_t *me = baton;

    if (what == BGU_CLEANUP_FAILED) {
        stress_fault(me->s, "the clean-up failed: %d", (int)status);
    }
    for (int i = 0; i < me->s->sessions; i++) {
        if (strcmp(me->s->session[i].id, session->id) == 0) {
            atomic_fetch_add(&me->s->session[i].cleaned[what], 1);
        }
    }
}

static void note_orphan(void *baton, const char *path, apr_status_t status)
{
    const actor_t *me = baton;

    if (status != APR_SUCCESS) {
        stress_fault(me->s, "the orphan %s cannot be removed: %d", path, (int)status);
    }
}

void stress_clean(actor_t *me, apr_interval_time_t tombstone)
{
    bgu_sessions_t *sessions = &me->s->f->sessions;
    bgu_cleanup_t cleanup = {
        .sessions = sessions, .tombstone = tombstone, .report = note_cleaned, .baton = me};
    bgu_orphans_t orphans = {.sessions = sessions, .report = note_orphan, .baton = me};
    apr_status_t rv = bgu_cleanup(&cleanup, me->pool);

    if (rv == APR_SUCCESS) {
        rv = bgu_orphans(&orphans, me->s->policy.spool, me->pool);
    }
    if (rv != APR_SUCCESS) {
        stress_fault(me->s, "the clean-up cannot read: %d", (int)rv);
    }
    apr_pool_clear(me->pool);
}

void stress_keep_clean(actor_t *me, apr_interval_time_t tombstone)
{
    int others = me->s->scenario->actors - 1;

    for (int i = 0; i < STRESS_TRIES && me->s->ended < others; i++) {
        stress_clean(me, tombstone);
        stress_wait(me);
    }
}

int stress_heard(stress_session_t *session, bgu_packet_e type, bgu_result_e result)
{
    return session->answers[type][result];
}

int stress_committed(stress_session_t *session)
{
    return session->events[BGU_EVENT_COMMITTED] + session->cleaned[BGU_CLEANUP_COMMITTED];
}

/** What was answered fits what became of the session. */
static void verify_answers(stress_session_t *session, int state, int published_early)
{
    int discarded = session->events[BGU_EVENT_DISCARDED] + session->cleaned[BGU_CLEANUP_DISCARDED];
    int forgotten = session->cleaned[BGU_CLEANUP_FORGOTTEN];
    int gone = stress_heard(session, BGU_CLOSE_SESSION, BGU_SESSION_NOT_FOUND);

    CHECK(stress_committed(session) <= 1);
    CHECK(discarded <= 1);
    CHECK(published_early || stress_committed(session) + discarded <= 1);
    CHECK(session->events[BGU_EVENT_COMPLETED] <= 1);
    CHECK(forgotten <= 1);
    CHECK_INT(state < 0, forgotten);
    if (stress_heard(session, BGU_CANCEL_SESSION, BGU_SESSION_NOT_FOUND) > 0) {
        CHECK_INT(forgotten, 1);
    }
    if (stress_heard(session, BGU_CLOSE_SESSION, BGU_OK) > 0) {
        CHECK(state == BGU_STATE_CLOSED || forgotten);
    }
    if (gone > 0) {
        CHECK(state == BGU_STATE_CANCELLED || forgotten);
    }
    if (stress_heard(session, BGU_CANCEL_SESSION, BGU_OK) > 0) {
        CHECK(bgu_state_is_tombstone((bgu_state_e)state) || forgotten);
    }
    if (stress_heard(session, BGU_CANCEL_SESSION, BGU_OK) > 0 && state == BGU_STATE_CLOSED) {
        CHECK(stress_committed(session) + discarded == 1);
    }
}

static void end_session(actor_t *me, stress_session_t *session)
{
    int state = fixture_state(me->s->f, session->id);

    if (state >= 0 && !bgu_state_is_tombstone((bgu_state_e)state)) {
        CHECK_INT(stress_insist(me, session, BGU_CANCEL_SESSION), BGU_OK);
        state = fixture_state(me->s->f, session->id);
    }
    verify_answers(session, state, me->s->policy.commit_on_last);
}

void stress_verify(actor_t *me, int own)
{
    stress_t *s = me->s;

    for (int i = 0; i < s->sessions; i++) {
        stress_session_t *session = &s->session[i];

        end_session(me, session);
        if (own && stress_committed(session) > 0) {
            CHECK(fixture_holds(session->dest, session->data, (size_t)session->total));
        } else if (own) {
            CHECK(!fixture_exists(session->dest));
        }
        unlink(session->dest);
    }
    CHECK_INT(fixture_count(s->policy.spool), 0);
    CHECK_INT(fixture_count(s->f->docroot), 0);
}
