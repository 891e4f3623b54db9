/* SPDX-License-Identifier: Apache-2.0 */

/* Notifications and quotas, when another request of the session comes between two steps. */

#include <string.h>

#include "between.h"
#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

/** A server application, as a function: refuses with a status, or accepts. */
typedef struct application_t {
    bgu_notifier_t notifier; /**< first, so that a notifier is an application */
    int status;
    int asked;
} application_t;

static application_t application;

/** The connection that comes between. */
static upload_driver_t *other;

static void answer(bgu_notifier_t *notifier, bgu_verdict_t *verdict,
                   const bgu_notification_t *notification, apr_pool_t *pool)
{
    application_t *app = (application_t *)notifier;

    (void)notification;
    (void)pool;
    app->asked++;
    *verdict = (bgu_verdict_t){.result = app->status == 200 ? BGU_OK : BGU_APP_REFUSED,
                               .status = app->status,
                               .copy = 1,
                               .detail = "as the test told it"};
}

/** A client with half of its file sent, and another connection of it. */
static upload_driver_t *open_pair(int status)
{
    upload_driver_t *d = upload_driver_open(DATA);

    application = (application_t){.notifier = {answer}, .status = status};
    d->policy.notify = BGU_NOTIFY_REFERENCE;
    d->request.notifier = &application.notifier;
    d->request.url = "http://localhost/upload/a.bin";
    d->request.notify_url = "http://localhost/app";
    d->request.reply_base = "http://localhost/upload/BITS-Sessions/Replies/";
    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    other = upload_driver_copy(d);
    return d;
}

static void ask_in_vain(void)
{
    UPLOAD_EXPECT(upload_fragment(other, 5, 10), BGU_APP_REFUSED, NEXT_ANY);
}

static void cancel(void)
{
    UPLOAD_EXPECT(upload_cancel(other), BGU_OK, NEXT_NONE);
}

/** The row is as it was when the session is ended, yet an application was asked meanwhile: what is
 * kept for it goes, too. */
static void test_end_after_refusal(void)
{
    static const bgu_packet_e ends[] = {BGU_CANCEL_SESSION, BGU_CLOSE_SESSION};
    size_t i;

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        upload_driver_t *d = open_pair(403);

        between_let(d->f, BETWEEN_AFTER_FIND, ask_in_vain);
        UPLOAD_EXPECT(upload_packet(d, ends[i]), BGU_OK, NEXT_NONE);
        CHECK_INT(application.asked, 1);
        CHECK_INT(fixture_count(d->f->spool), 0);
        CHECK_INT(fixture_find(d->f, d->id)->reply.refused, 403);
        fixture_teardown();
    }
}

/** Cancelled when the application is about to be asked, for the first time or again. */
static void test_cancelled_before_asking(void)
{
    int before;

    for (before = 0; before < 2; before++) {
        upload_driver_t *d = open_pair(404);

        if (before == 1) {
            UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_APP_REFUSED, NEXT_ANY);
        }
        between_let(d->f, BETWEEN_AFTER_UPDATE, cancel);
        UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
        CHECK_INT(upload_state(d), BGU_STATE_CANCELLED);
        CHECK_INT(fixture_count(d->f->spool), 0);
        fixture_teardown();
    }
}

/** Another upload of the same user, which makes room; and what the quota keeps out at first. */
static upload_driver_t *in_the_way;

static void make_room_and_send(void)
{
    UPLOAD_EXPECT(upload_cancel(in_the_way), BGU_OK, NEXT_NONE);
    UPLOAD_EXPECT(upload_fragment(other, 0, 5), BGU_OK, 5);
}

/** Two first fragments: one is over the quota, the other comes when there is room again. */
static void test_over_quota(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    d->policy.quota = 15;
    in_the_way = upload_driver_copy(d);
    upload_begin(in_the_way);
    UPLOAD_EXPECT(upload_fragment(in_the_way, 0, 5), BGU_OK, 5);
    upload_begin(d);
    other = upload_driver_copy(d);
    between_let(d->f, BETWEEN_AFTER_PROMISE, make_room_and_send);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_QUOTA, NEXT_ANY);
    CHECK(between_is_over());
    CHECK_INT(upload_spooled(d), 5);
    UPLOAD_EXPECT(upload_fragment(other, 5, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(other), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static const suite_test_t tests[] = {
    {"ended, refused by the application between", test_end_after_refusal},
    {"cancelled before the application is asked", test_cancelled_before_asking},
    {"over the quota, within it between", test_over_quota},
};

void suite_upload_ask(void)
{
    SUITE_ADD("upload_ask", tests);
}
