/* SPDX-License-Identifier: Apache-2.0 */

/* A server application is asked by many who send the last fragment, while others cancel, close and
 * clean up. */

#include "stress.h"

static void prepare(actor_t *me)
{
    bgu_policy_t *policy = &me->s->policy;
    stress_session_t *session;
    apr_off_t next;

    policy->notify = BGU_NOTIFY_REFERENCE;
    policy->commit_on_last = stress_random(me, 4) == 0;
    if (stress_random(me, 4) == 0) {
        policy->timeout = 2000 + (apr_interval_time_t)stress_random(me, 10000);
    }
    session = stress_session(me, 2 + (apr_off_t)stress_random(me, 5000), 0);
    (void)stress_fragment(me, session, 0, session->total - 1, session->total, &next);
}

static void send_last(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];
    bgu_result_e result = BGU_BUSY;
    apr_off_t next;

    for (int i = 0; i < 6 && result != BGU_SESSION_NOT_FOUND; i++) {
        result =
            stress_fragment(me, session, session->total - 1, session->total, session->total, &next);
    }
}

static void end(actor_t *me, bgu_packet_e how)
{
    for (unsigned long i = stress_random(me, 40); i > 0; i--) {
        stress_wait(me);
    }
    (void)stress_packet(me, &me->s->session[0], how);
    (void)stress_packet(me, &me->s->session[0], how);
}

static void act(actor_t *me)
{
    switch (me->number) {
    case 0:
        stress_keep_clean(me, apr_time_from_sec(3600));
        break;
    case 1:
        end(me, BGU_CANCEL_SESSION);
        break;
    case 2:
        end(me, BGU_CLOSE_SESSION);
        break;
    default:
        send_last(me);
    }
}

static void verify(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];

    CHECK_INT(session->asking, 0);
    CHECK(stress_committed(session) <= session->copied);
    stress_verify(me, 1);
}

const scenario_t stress_notify = {
    .name = "notify",
    .actors = 6,
    /* A Fragment of a session that has timed out before its first packet is not found. */
    .fragment = RESULT(BGU_OK) | RESULT(BGU_BUSY) | RESULT(BGU_SESSION_NOT_FOUND) |
                RESULT(BGU_NOTIFYING) | RESULT(BGU_APP_REFUSED),
    .close = RESULT(BGU_OK) | RESULT(BGU_BUSY) | RESULT(BGU_SESSION_NOT_FOUND),
    .prepare = prepare,
    .act = act,
    .verify = verify,
};
