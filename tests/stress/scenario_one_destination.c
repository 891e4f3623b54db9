/* SPDX-License-Identifier: Apache-2.0 */

/* Many sessions are closed at once, and all have the same destination. With overwriting off exactly
 * one gets it, and the others hear so and keep their bytes; with overwriting on all get it, one
 * after the other. Whoever looks sees one whole file or none. */

#include "stress.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#define SESSIONS STRESS_SESSIONS_MAX

/** Each session is closed by two; one looks on. */
#define CLOSERS (2 * SESSIONS)

static void prepare(actor_t *me)
{
    stress_t *s = me->s;

    s->policy.overwrite = (int)stress_random(me, 2);
    if (s->other_spool != NULL && stress_random(me, 3) == 0) {
        s->policy.spool = s->other_spool;
    }
    for (int i = 0; i < SESSIONS; i++) {
        apr_off_t length = 1000 + (apr_off_t)stress_random(me, STRESS_LENGTH_MAX / 4);
        stress_session_t *session = stress_session(me, length, 0);
        apr_off_t next = 0;

        REQUIRE(stress_send(me, session, length, &next) == BGU_OK);
    }
}

/** Whether these are the bytes of one of the sessions. */
static int is_one_of(stress_t *s, const char *bytes, ssize_t length)
{
    for (int i = 0; i < s->sessions; i++) {
        if (length == s->session[i].total &&
            memcmp(bytes, s->session[i].data, (size_t)length) == 0) {
            return 1;
        }
    }
    return 0;
}

static void look_on(actor_t *me)
{
    static const size_t size = STRESS_LENGTH_MAX;
    char *bytes = apr_palloc(me->pool, size);

    for (int i = 0; i < STRESS_TRIES && me->s->ended < CLOSERS; i++) {
        int fd = open(me->s->session[0].dest, O_RDONLY | O_CLOEXEC);

        if (fd >= 0) {
            ssize_t length = read(fd, bytes, size);

            if (!is_one_of(me->s, bytes, length)) {
                stress_fault(me->s, "the destination has %ld bytes of nobody", (long)length);
            }
            close(fd);
        }
        stress_wait(me);
    }
}

static void act(actor_t *me)
{
    if (me->number < CLOSERS) {
        (void)stress_insist(me, &me->s->session[me->number % SESSIONS], BGU_CLOSE_SESSION);
    } else {
        look_on(me);
    }
}

/** One that lost has kept its bytes. */
static void verify_loser(const stress_t *s, stress_session_t *session)
{
    const char *spooled = apr_pstrcat(s->f->pool, s->policy.spool, "/", session->id, NULL);

    CHECK_INT(stress_heard(session, BGU_CLOSE_SESSION, BGU_ACCESS_DENIED), 2);
    CHECK_INT(stress_heard(session, BGU_CLOSE_SESSION, BGU_OK), 0);
    CHECK_INT(fixture_state(s->f, session->id), BGU_STATE_COMPLETE);
    CHECK(fixture_holds(spooled, session->data, (size_t)session->total));
}

static void verify(actor_t *me)
{
    stress_t *s = me->s;
    int committed = 0;
    int holds = 0;

    for (int i = 0; i < s->sessions; i++) {
        stress_session_t *session = &s->session[i];
        int there = fixture_holds(session->dest, session->data, (size_t)session->total);

        committed += stress_committed(session);
        holds += there;
        if (stress_committed(session) > 0) {
            CHECK_INT(stress_heard(session, BGU_CLOSE_SESSION, BGU_OK), 2);
            CHECK(there || s->policy.overwrite);
        } else {
            verify_loser(s, session);
        }
    }
    CHECK_INT(committed, s->policy.overwrite ? s->sessions : 1);
    CHECK_INT(holds, 1);
    CHECK_INT(fixture_count(s->f->docroot), 1);
    stress_verify(me, 0);
}

const scenario_t stress_one_destination = {
    .name = "one destination",
    .actors = CLOSERS + 1,
    .fragment = RESULT(BGU_OK) | RESULT(BGU_RANGE),
    .close = RESULT(BGU_OK) | RESULT(BGU_BUSY) | RESULT(BGU_ACCESS_DENIED),
    .prepare = prepare,
    .act = act,
    .verify = verify,
};
