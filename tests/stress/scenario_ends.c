/* SPDX-License-Identifier: Apache-2.0 */

/* Fragment against Close against Cancel against a timeout and the clean-up: whoever comes first,
 * the session ends once, and all who come later hear the same end. */

#include "stress.h"

static void prepare(actor_t *me)
{
    bgu_policy_t *policy = &me->s->policy;

    policy->commit_on_last = stress_random(me, 3) == 0;
    if (stress_random(me, 3) == 0) {
        policy->timeout = 500 + (apr_interval_time_t)stress_random(me, 3000);
    }
    stress_session(me, 1 + (apr_off_t)stress_random(me, STRESS_LENGTH_MAX), 0);
}

static void send_all(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];
    apr_off_t next = 0;

    if (stress_send(me, session, session->total, &next) == BGU_OK && stress_random(me, 2) == 0) {
        (void)stress_packet(me, session, BGU_CLOSE_SESSION);
    }
}

/** Wait until a good part is there; how much, is by chance. */
static void wait_for_bytes(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];
    long long enough = (long long)stress_random(me, (unsigned long)session->total + 1);

    /* Nearly all the races are about the end. */
    enough = stress_random(me, 3) > 0 ? session->total : enough;
    for (int i = 0; i < 200 && session->acked < enough; i++) {
        stress_wait(me);
    }
}

static void end(actor_t *me, bgu_packet_e how)
{
    wait_for_bytes(me);
    for (int i = 0; i < 3; i++) {
        (void)stress_packet(me, &me->s->session[0], how);
    }
}

static void act(actor_t *me)
{
    switch (me->number) {
    case 0:
        stress_keep_clean(me, stress_random(me, 4) == 0 ? 0 : apr_time_from_sec(3600));
        break;
    case 1:
    case 2:
        end(me, BGU_CLOSE_SESSION);
        break;
    case 3:
        end(me, BGU_CANCEL_SESSION);
        break;
    default:
        send_all(me);
    }
}

static void verify(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];

    if (session->acked <= 0 && fixture_size(session->dest) == 0) {
        session->total = 0; /* closed before any fragment came: an empty file */
    } else {
        /* Only in the middle of such a Close a fragment is of another file. */
        CHECK_INT(stress_heard(session, BGU_FRAGMENT, BGU_BAD_REQUEST), 0);
    }
    stress_verify(me, 1);
}

const scenario_t stress_ends = {
    .name = "ends",
    .actors = 7,
    .fragment = RESULT(BGU_OK) | RESULT(BGU_RANGE) | RESULT(BGU_BUSY) | RESULT(BGU_DISCONNECTED) |
                RESULT(BGU_SESSION_NOT_FOUND) | RESULT(BGU_BAD_REQUEST),
    .close = RESULT(BGU_OK) | RESULT(BGU_BUSY) | RESULT(BGU_SESSION_NOT_FOUND),
    .forgets = 1,
    .prepare = prepare,
    .act = act,
    .verify = verify,
};
