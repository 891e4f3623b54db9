/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine: Ping, Create-Session, and whose a session is. */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suites.h"
#include "upload_driver.h"

#define DATA  "0123456789"
#define NO_ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** Number of sessions in the store. */
static int session_count(const upload_driver_t *d)
{
    apr_array_header_t *sessions = apr_array_make(d->f->pool, 8, sizeof(bgu_session_t *));

    REQUIRE(d->f->sessions.provider->list(d->f->sessions.store, sessions, "", 1000, d->f->pool) ==
            APR_SUCCESS);
    return sessions->nelts;
}

static void test_ping(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const bgu_outcome_t *outcome = upload_packet(d, BGU_PING);

    UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
    CHECK_INT(outcome->event, BGU_EVENT_NONE);
    CHECK(outcome->session == NULL);
    CHECK_INT(session_count(d), 0);
}

static void test_create(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    apr_time_t before = apr_time_now();
    const bgu_outcome_t *outcome;
    const bgu_session_t *row;

    d->request.query = "a=1&b=2";
    d->policy.host_id = "node7";
    d->policy.host_id_fallback = apr_time_from_sec(60);
    outcome = upload_create(d);
    UPLOAD_EXPECT(outcome, BGU_OK, NEXT_NONE);
    CHECK_INT(outcome->event, BGU_EVENT_CREATED);
    CHECK_STR(outcome->answer.host_id, "node7");
    CHECK_INT(outcome->answer.host_id_fallback, apr_time_from_sec(60));
    REQUIRE(outcome->session != NULL && d->id != NULL);
    CHECK_STR(outcome->session->id, d->id);
    CHECK_INT(strlen(d->id), BGU_ID_LEN);
    row = fixture_find(d->f, d->id);
    REQUIRE(row != NULL);
    CHECK_INT(row->state, BGU_STATE_RECEIVING);
    CHECK_STR(row->user, "alice");
    CHECK_STR(row->client, "127.0.0.1");
    CHECK_STR(row->path, "/upload/a.bin");
    CHECK_STR(row->query, "a=1&b=2");
    CHECK_STR(row->dest, d->request.dest);
    CHECK_STR(row->spool, d->f->spool);
    CHECK_INT(row->total, BGU_TOTAL_UNKNOWN);
    CHECK_INT(row->timeout, d->policy.timeout);
    CHECK(row->created >= before && row->created <= apr_time_now());
    CHECK(row->updated >= before && row->updated <= apr_time_now());
    CHECK_INT(fixture_count(d->f->docroot), 0);
}

static void test_ids_differ(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const char *first;

    upload_begin(d);
    first = d->id;
    upload_begin(d);
    CHECK(strcmp(first, d->id) != 0);
    CHECK_INT(session_count(d), 2);
}

/** A destination that cannot take the file is told at once. */
static void test_refused(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    fixture_write(fixture_dest(d->f, "there"), "old", 3);
    REQUIRE(mkdir(fixture_dest(d->f, "folder"), 0755) == 0);
    d->request.dest = fixture_dest(d->f, "missing/a.bin");
    UPLOAD_EXPECT(upload_create(d), BGU_NO_FOLDER, NEXT_NONE);
    d->request.dest = fixture_dest(d->f, "there");
    UPLOAD_EXPECT(upload_create(d), BGU_ACCESS_DENIED, NEXT_NONE);
    d->request.dest = fixture_dest(d->f, "folder");
    UPLOAD_EXPECT(upload_create(d), BGU_BAD_REQUEST, NEXT_NONE);
    d->request.dest = fixture_dest(d->f, "folder/");
    UPLOAD_EXPECT(upload_create(d), BGU_BAD_REQUEST, NEXT_NONE);
    CHECK_INT(session_count(d), 0);
    CHECK_INT(fixture_count(d->f->spool), 0);
    d->policy.overwrite = 1;
    d->request.dest = fixture_dest(d->f, "there");
    UPLOAD_EXPECT(upload_create(d), BGU_OK, NEXT_NONE);
    CHECK(fixture_holds(d->request.dest, "old", 3));
}

/** The three packets that need a session, sent with whatever the driver says. */
static void expect_all(upload_driver_t *d, bgu_result_e result)
{
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), result, NEXT_NONE);
    CHECK_INT(d->read, 0);
    UPLOAD_EXPECT(upload_close(d), result, NEXT_NONE);
    UPLOAD_EXPECT(upload_cancel(d), result, NEXT_NONE);
}

static void test_no_session(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    d->id = NO_ID;
    expect_all(d, BGU_SESSION_NOT_FOUND);
    CHECK_INT(session_count(d), 0);
    CHECK_INT(fixture_count(d->f->spool), 0);
}

static void test_other_url(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    upload_driver_t *other;

    upload_begin(d);
    other = upload_driver_copy(d);
    other->request.path = "/upload/b.bin";
    other->request.dest = fixture_dest(d->f, "b.bin");
    expect_all(other, BGU_SESSION_NOT_FOUND);
    /* two URLs of one file are two URLs */
    other->request.path = "/alias/a.bin";
    other->request.dest = d->request.dest;
    expect_all(other, BGU_SESSION_NOT_FOUND);
    CHECK_INT(upload_state(d), BGU_STATE_RECEIVING);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
}

static void test_other_user(void)
{
    static const char *const users[] = {"mallory", "", "Alice", "alice2"};
    upload_driver_t *d = upload_driver_open(DATA);
    upload_driver_t *other;
    size_t i;

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    other = upload_driver_copy(d);
    for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        other->request.user = users[i];
        expect_all(other, BGU_ACCESS_DENIED);
    }
    CHECK_INT(upload_state(d), BGU_STATE_RECEIVING);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK(upload_close(other)->answer.result != BGU_OK);
    CHECK(upload_cancel(other)->answer.result != BGU_OK);
}

/** The id is all that an anonymous client needs, wherever it comes from; the query is no matter. */
static void test_other_address(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    d->request.user = "";
    d->request.query = "first";
    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    d->request.client = "2001:db8::1";
    d->request.query = "";
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** A session without activity for its timeout is over, also before anybody cleaned up. */
static void test_timeout(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    fixture_age_row(d->f, d->id, 4000);
    fixture_age_spool(d->f, d->id, 4000);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->docroot), 0);
}

static void test_timeout_before_bytes(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    fixture_age_row(d->f, d->id, 4000);
    if (upload_spooled(d) >= 0) {
        fixture_age_spool(d->f, d->id, 4000);
    }
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    UPLOAD_EXPECT(upload_close(d), BGU_SESSION_NOT_FOUND, NEXT_NONE);
    CHECK_INT(fixture_count(d->f->docroot), 0);
}

/** Either sign of life is enough. */
static void test_alive(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 3), BGU_OK, 3);
    fixture_age_row(d->f, d->id, 4000);
    fixture_age_spool(d->f, d->id, 3000);
    UPLOAD_EXPECT(upload_fragment(d, 3, 6), BGU_OK, 6);
    fixture_age_row(d->f, d->id, 3000);
    fixture_age_spool(d->f, d->id, 4000);
    UPLOAD_EXPECT(upload_fragment(d, 6, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** A request that stores nothing keeps its session alive as well, if it succeeds. */
static void test_duplicate_keeps_alive(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_all(d);
    fixture_age_row(d->f, d->id, 3000);
    fixture_age_spool(d->f, d->id, 3000);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    CHECK(bgu_spool_mtime(d->f->spool, d->id, d->f->pool) >
              apr_time_now() - apr_time_from_sec(1000) ||
          fixture_find(d->f, d->id)->updated > apr_time_now() - apr_time_from_sec(1000));
}

static const suite_test_t tests[] = {
    {"Ping", test_ping},
    {"Create-Session", test_create},
    {"each session has its id", test_ids_differ},
    {"a destination that cannot be", test_refused},
    {"no such session", test_no_session},
    {"another URL's session", test_other_url},
    {"another user's session", test_other_user},
    {"another address, another query", test_other_address},
    {"timed out", test_timeout},
    {"timed out before the first byte", test_timeout_before_bytes},
    {"alive by its row or its spool file", test_alive},
    {"kept alive by a duplicate", test_duplicate_keeps_alive},
};

void suite_upload_create(void)
{
    SUITE_ADD("upload_create", tests);
}
