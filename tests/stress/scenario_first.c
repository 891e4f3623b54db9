/* SPDX-License-Identifier: Apache-2.0 */

/* The first packets of a session at once: fragments of a long file and of its beginning, which is
 * another file, within a quota and over it; and who closes it as an empty one. The first one of
 * them decides what file it is. */

#include "stress.h"

/** Length of the whole file, and of its beginning. */
static apr_off_t totals(const stress_session_t *session, int whole)
{
    return whole ? session->total : session->total / 2;
}

static void prepare(actor_t *me)
{
    stress_session_t *session =
        stress_session(me, 2 + (apr_off_t)stress_random(me, STRESS_LENGTH_MAX / 4), 0);

    if (stress_random(me, 3) == 0) {
        me->s->policy.quota = totals(session, 0);
    }
}

static void send_file(actor_t *me, int whole)
{
    stress_session_t *session = &me->s->session[0];
    apr_off_t next = 0;
    bgu_result_e result = stress_send(me, session, totals(session, whole), &next);

    if (result == BGU_OK && stress_random(me, 2) == 0) {
        (void)stress_packet(me, session, BGU_CLOSE_SESSION);
    }
}

static void act(actor_t *me)
{
    if (me->number > 0) {
        send_file(me, me->number % 2);
    } else if (stress_random(me, 4) == 0) {
        (void)stress_packet(me, &me->s->session[0], BGU_CLOSE_SESSION);
    } else {
        stress_clean(me, 0);
    }
}

static void verify(actor_t *me)
{
    stress_session_t *session = &me->s->session[0];
    const bgu_session_t *now = fixture_find(me->s->f, session->id);
    long long size = fixture_size(session->dest);

    if (size >= 0) {
        CHECK(size == totals(session, 0) || size == totals(session, 1) || size == 0);
        CHECK(now == NULL || now->total == size);
        /* It is to have the bytes of this file. */
        session->total = size;
    }
    stress_verify(me, 1);
}

const scenario_t stress_first = {
    .name = "first",
    .actors = 5,
    .fragment = RESULT(BGU_OK) | RESULT(BGU_RANGE) | RESULT(BGU_BUSY) | RESULT(BGU_DISCONNECTED) |
                RESULT(BGU_SESSION_NOT_FOUND) | RESULT(BGU_BAD_REQUEST) | RESULT(BGU_QUOTA),
    /* What is promised and not there is lost: the spool file that a refused promise took along. */
    .close =
        RESULT(BGU_OK) | RESULT(BGU_BUSY) | RESULT(BGU_SESSION_NOT_FOUND) | RESULT(BGU_BYTES_LOST),
    .forgets = 1,
    .prepare = prepare,
    .act = act,
    .verify = verify,
};
