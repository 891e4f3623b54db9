/* SPDX-License-Identifier: Apache-2.0 */

/* Many connections write one session at once, each where it likes; then all of them close it. */

#include "stress.h"

static void prepare(actor_t *me)
{
    me->s->policy.commit_on_last = stress_random(me, 4) == 0;
    stress_session(me, 1 + (apr_off_t)stress_random(me, STRESS_LENGTH_MAX), 0);
}

/** Clean up as long as bytes are wanted: there is nothing that may be touched. */
static void look_on(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];

    for (int i = 0; i < STRESS_TRIES && session->acked < session->total; i++) {
        stress_clean(me, apr_time_from_sec(3600));
        stress_wait(me);
    }
}

static void act(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];
    apr_off_t next = 0;

    if (me->number == 0) {
        look_on(me);
    } else if (stress_send(me, session, session->total, &next) != BGU_OK) {
        stress_fault(me->s, "the last fragment was not taken");
    }
    stress_meet(me);
    if (stress_insist(me, session, BGU_CLOSE_SESSION) != BGU_OK) {
        stress_fault(me->s, "a Close-Session did not succeed");
    }
}

static void verify(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];

    CHECK_INT(stress_committed(session), 1);
    CHECK_INT(session->events[BGU_EVENT_COMPLETED], !me->s->policy.commit_on_last);
    CHECK_INT(session->cleaned[BGU_CLEANUP_DISCARDED], 0);
    CHECK_INT(fixture_state(me->s->f, session->id), BGU_STATE_CLOSED);
    stress_verify(me, 1);
}

const scenario_t stress_writers = {
    .name = "writers",
    .actors = 6,
    .fragment = RESULT(BGU_OK) | RESULT(BGU_RANGE) | RESULT(BGU_BUSY) | RESULT(BGU_DISCONNECTED),
    .close = RESULT(BGU_OK) | RESULT(BGU_BUSY),
    .prepare = prepare,
    .act = act,
    .verify = verify,
};
