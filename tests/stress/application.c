/* SPDX-License-Identifier: Apache-2.0 */

#include "stress.h"

#include <stdio.h>

/** Most moments that the application works. */
#define WORK_MAX 8

/** What it says this time. */
static void decide(application_t *app, bgu_verdict_t *verdict)
{
    static const struct {
        bgu_result_e result;
        int status;
        int copy;
    } answers[] = {
        {BGU_OK, 200, 1},          {BGU_OK, 200, 1},
        {BGU_OK, 200, 0},          {BGU_APP_REFUSED, 404, 0},
        {BGU_APP_REFUSED, 404, 0}, {BGU_APP_REFUSED, BGU_NOTIFY_STATUS_FINAL, 0},
    };
    unsigned long chosen = stress_random(app->actor, sizeof(answers) / sizeof(answers[0]));

    *verdict = (bgu_verdict_t){.result = answers[chosen].result,
                               .status = answers[chosen].status,
                               .copy = answers[chosen].copy,
                               .detail = "chosen by chance"};
}

static void notify(bgu_notifier_t *notifier, bgu_verdict_t *verdict,
                   const bgu_notification_t *notification, apr_pool_t *pool)
{
    application_t *app = (application_t *)notifier;
    stress_session_t *session = app->session;
    stress_t *s = app->actor->s;

    (void)pool;
    if (atomic_fetch_add(&session->asking, 1) > 0) {
        stress_fault(s, "the application is asked twice at once");
    }
    if (session->accepted > 0 || session->refused > 0) {
        stress_fault(s, "the application is asked again");
    }
    decide(app, verdict);
    for (unsigned long work = stress_random(app->actor, WORK_MAX); work > 0; work--) {
        stress_wait(app->actor);
    }
    if (verdict->result == BGU_OK) {
        /* The folder may be gone, if the session is over by now. */
        FILE *reply = fopen(notification->reply_path, "we");

        if (reply != NULL) {
            fputs("reply", reply);
            fclose(reply);
            verdict->has_reply = 1;
        }
    }
    atomic_fetch_add(&session->accepted, verdict->result == BGU_OK);
    atomic_fetch_add(&session->copied, verdict->copy);
    atomic_fetch_add(&session->refused, verdict->status == BGU_NOTIFY_STATUS_FINAL);
    atomic_fetch_sub(&session->asking, 1);
}

bgu_notifier_t *stress_application(actor_t *me, stress_session_t *session)
{
    me->application = (application_t){{notify}, me, session};
    return &me->application.notifier;
}
