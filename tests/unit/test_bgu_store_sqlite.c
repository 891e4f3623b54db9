/* SPDX-License-Identifier: Apache-2.0 */

/* The rows of the SQLite store: create, find, change, remove, list; threads and processes. */

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_store.h"
#include "fixture.h"
#include "suites.h"

#define MAX_OFF APR_INT64_C(9223372036854775807)

static apr_status_t create(const fixture_t *f, const bgu_session_t *session)
{
    return bgu_store_sqlite.create(f->sessions.store, session, NULL, 0);
}

static apr_status_t update(const fixture_t *f, const bgu_session_t *session, bgu_state_e expected)
{
    return bgu_store_sqlite.update(f->sessions.store, session, expected, 0);
}

/** Both describe the same session. */
static void check_same(const bgu_session_t *found, const bgu_session_t *expected)
{
    REQUIRE(found != NULL);
    CHECK_STR(found->id, expected->id);
    CHECK_INT(found->state, expected->state);
    CHECK_STR(found->user, expected->user);
    CHECK_STR(found->client, expected->client);
    CHECK_STR(found->path, expected->path);
    CHECK_STR(found->query, expected->query);
    CHECK_STR(found->dest, expected->dest);
    CHECK_STR(found->spool, expected->spool);
    CHECK_INT(found->total, expected->total);
    CHECK_INT(found->created, expected->created);
    CHECK_INT(found->updated, expected->updated);
    CHECK_INT(found->timeout, expected->timeout);
    CHECK_INT(found->plan.overwrite, expected->plan.overwrite);
    CHECK_INT(found->plan.keep_session, expected->plan.keep_session);
    CHECK_INT(found->plan.sync, expected->plan.sync);
    CHECK_INT(found->plan.mode, expected->plan.mode);
    CHECK_INT(found->plan.root, expected->plan.root);
}

static void test_create_and_find(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *found = NULL;

    CHECK_INT(bgu_store_sqlite.find(f->sessions.store, &found, session->id, f->pool), APR_NOTFOUND);
    CHECK_INT(create(f, session), APR_SUCCESS);
    check_same(fixture_find(f, session->id), session);
    CHECK(fixture_find(f, fixture_session(f)->id) == NULL);
}

/** All that a row can hold comes back as it went in. */
static void test_values(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);

    session->state = BGU_STATE_COMMITTING;
    session->user = "O'Brien\"; DROP TABLE sessions; -- %s%n";
    session->client = "2001:db8::1";
    session->path = "/upload/\xc3\xa4\xe2\x82\xac \x01\n\t\xff\xfe.bin";
    session->query = "a=1&b='%00";
    session->dest = fixture_dest(f, "\xff\\ \" ' ?");
    session->total = MAX_OFF;
    session->created = APR_INT64_C(1);
    session->updated = MAX_OFF;
    session->timeout = MAX_OFF;
    session->plan.overwrite = 1;
    session->plan.keep_session = 1;
    session->plan.sync = BGU_SYNC_FRAGMENT;
    session->plan.mode = 0777;
    session->plan.root = 12;
    CHECK_INT(create(f, session), APR_SUCCESS);
    check_same(fixture_find(f, session->id), session);

    session = fixture_session(f);
    session->user = "";
    session->query = "";
    session->plan.mode = 0;
    session->plan.sync = BGU_SYNC_OFF;
    CHECK_INT(bgu_store_sqlite.create(f->sessions.store, session, NULL, 1), APR_SUCCESS);
    check_same(fixture_find(f, session->id), session);
}

static void test_create_twice(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *other = fixture_session(f);

    REQUIRE(create(f, session) == APR_SUCCESS);
    other->id = session->id;
    other->user = "mallory";
    CHECK_INT(create(f, other), APR_EEXIST);
    check_same(fixture_find(f, session->id), session);
}

static void test_find_copies(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *found = NULL;

    REQUIRE(create(f, session) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.find(f->sessions.store, &found, session->id, f->pool) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.remove(f->sessions.store, session->id, session->state) == APR_SUCCESS);
    fixture_find(f, fixture_session(f)->id);
    check_same(found, session);
}

static void test_update(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *changed = apr_pmemdup(f->pool, session, sizeof(*session));

    REQUIRE(create(f, session) == APR_SUCCESS);
    changed->state = BGU_STATE_COMMITTING;
    changed->total = 4892;
    changed->updated += 1000;
    changed->plan.overwrite = 1;
    changed->plan.keep_session = 1;
    changed->plan.sync = BGU_SYNC_OFF;
    changed->plan.mode = 0600;
    changed->plan.root = 4;
    CHECK_INT(update(f, changed, BGU_STATE_RECEIVING), APR_SUCCESS);
    check_same(fixture_find(f, session->id), changed);
}

/** Only what may change does; who and where stays. */
static void test_update_keeps(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *changed = apr_pmemdup(f->pool, session, sizeof(*session));

    REQUIRE(create(f, session) == APR_SUCCESS);
    changed->user = "mallory";
    changed->path = "/elsewhere";
    changed->dest = "/etc/passwd";
    changed->spool = "/elsewhere";
    changed->created = 1;
    changed->state = BGU_STATE_COMPLETE;
    CHECK_INT(update(f, changed, BGU_STATE_RECEIVING), APR_SUCCESS);
    session->state = BGU_STATE_COMPLETE;
    check_same(fixture_find(f, session->id), session);
}

static void test_update_lost(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *late;

    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_EAGAIN);
    CHECK(fixture_find(f, session->id) == NULL);
    REQUIRE(create(f, session) == APR_SUCCESS);
    late = apr_pmemdup(f->pool, session, sizeof(*session));
    session->state = BGU_STATE_CANCELLED;
    REQUIRE(update(f, session, BGU_STATE_RECEIVING) == APR_SUCCESS);
    late->state = BGU_STATE_COMPLETE;
    late->total = 10;
    CHECK_INT(update(f, late, BGU_STATE_RECEIVING), APR_EAGAIN);
    CHECK_INT(bgu_store_sqlite.update(f->sessions.store, late, BGU_STATE_RECEIVING, 1), APR_EAGAIN);
    check_same(fixture_find(f, session->id), session);
}

/** The total is fixed once. */
static void test_update_total(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);

    REQUIRE(create(f, session) == APR_SUCCESS);
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_SUCCESS);
    session->total = 10;
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_SUCCESS);
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_SUCCESS);
    session->total = 11;
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_EAGAIN);
    session->total = 0;
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_EAGAIN);
    session->total = BGU_TOTAL_UNKNOWN;
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_EAGAIN);
    CHECK_INT(fixture_find(f, session->id)->total, 10);
}

static void test_total_zero(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);

    REQUIRE(create(f, session) == APR_SUCCESS);
    session->total = 0;
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_SUCCESS);
    session->total = 1;
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_EAGAIN);
    CHECK_INT(fixture_find(f, session->id)->total, 0);
}

static void test_remove(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *other = fixture_session(f);

    REQUIRE(create(f, session) == APR_SUCCESS && create(f, other) == APR_SUCCESS);
    CHECK_INT(bgu_store_sqlite.remove(f->sessions.store, session->id, BGU_STATE_CLOSED),
              APR_EAGAIN);
    check_same(fixture_find(f, session->id), session);
    CHECK_INT(bgu_store_sqlite.remove(f->sessions.store, session->id, BGU_STATE_RECEIVING),
              APR_SUCCESS);
    CHECK(fixture_find(f, session->id) == NULL);
    CHECK_INT(bgu_store_sqlite.remove(f->sessions.store, session->id, BGU_STATE_RECEIVING),
              APR_EAGAIN);
    check_same(fixture_find(f, other->id), other);
    CHECK_INT(create(f, session), APR_SUCCESS);
}

/** Walk the store in batches; returns how many came, and checks their order. */
static int walk(const fixture_t *f, int max, void (*between)(const fixture_t *f))
{
    apr_array_header_t *batch = apr_array_make(f->pool, max, sizeof(bgu_session_t *));
    const char *after = "";
    int count = 0;

    do {
        int i;

        apr_array_clear(batch);
        REQUIRE(bgu_store_sqlite.list(f->sessions.store, batch, after, max, f->pool) ==
                APR_SUCCESS);
        CHECK(batch->nelts <= max);
        for (i = 0; i < batch->nelts; i++) {
            const bgu_session_t *session = APR_ARRAY_IDX(batch, i, bgu_session_t *);

            CHECK(strcmp(session->id, after) > 0);
            after = session->id;
        }
        count += batch->nelts;
        if (between != NULL) {
            between(f);
        }
    } while (batch->nelts > 0 && count < 10000);
    return count;
}

static void test_list(void)
{
    fixture_t *f = fixture_open();
    apr_array_header_t *all = apr_array_make(f->pool, 1, sizeof(bgu_session_t *));
    bgu_session_t *session = NULL;
    int i;

    CHECK_INT(walk(f, 10, NULL), 0);
    for (i = 0; i < 25; i++) {
        session = fixture_session(f);
        session->state = (bgu_state_e)(i % 7);
        REQUIRE(create(f, session) == APR_SUCCESS);
    }
    CHECK_INT(walk(f, 1, NULL), 25);
    CHECK_INT(walk(f, 10, NULL), 25);
    CHECK_INT(walk(f, 25, NULL), 25);
    CHECK_INT(walk(f, 1000, NULL), 25);

    /* what is in the array stays, and what is appended is whole */
    APR_ARRAY_PUSH(all, bgu_session_t *) = NULL;
    CHECK_INT(bgu_store_sqlite.list(f->sessions.store, all, "", 100, f->pool), APR_SUCCESS);
    REQUIRE(all->nelts == 26);
    CHECK(APR_ARRAY_IDX(all, 0, bgu_session_t *) == NULL);
    for (i = 1; i < all->nelts; i++) {
        const bgu_session_t *listed = APR_ARRAY_IDX(all, i, bgu_session_t *);

        check_same(listed, fixture_find(f, listed->id));
    }
}

static void add_one(const fixture_t *f)
{
    bgu_session_t *session = fixture_session(f);

    REQUIRE(create(f, session) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.remove(f->sessions.store, session->id, session->state) == APR_SUCCESS);
}

/** A walk that has not ended keeps nobody from writing. */
static void test_write_while_listing(void)
{
    fixture_t *f = fixture_open();
    int i;

    for (i = 0; i < 5; i++) {
        REQUIRE(create(f, fixture_session(f)) == APR_SUCCESS);
    }
    CHECK_INT(walk(f, 2, add_one), 5);
}

/** Two openings of the same file see each other's changes. */
static void test_two_openings(void)
{
    fixture_t *f = fixture_open();
    bgu_session_t *session = fixture_session(f);
    bgu_session_t *found = NULL;
    bgu_store_t *other = NULL;
    const char *error = NULL;

    REQUIRE(bgu_store_sqlite.open(&other, f->database, 0, &error, f->pool) == APR_SUCCESS);
    REQUIRE(create(f, session) == APR_SUCCESS);
    REQUIRE(bgu_store_sqlite.find(other, &found, session->id, f->pool) == APR_SUCCESS);
    check_same(found, session);
    found->state = BGU_STATE_COMPLETE;
    found->total = 10;
    CHECK_INT(bgu_store_sqlite.update(other, found, BGU_STATE_RECEIVING, 0), APR_SUCCESS);
    CHECK_INT(update(f, session, BGU_STATE_RECEIVING), APR_EAGAIN);
    check_same(fixture_find(f, session->id), found);
}

/** Threads that all want the same steps of the same sessions, and make sessions of their own. */
struct contest {
    const fixture_t *f;
    bgu_store_t *store;
    bgu_session_t *sessions[20];
    atomic_int won;
    atomic_int failures;
};

static void compete(void *baton, int number)
{
    struct contest *contest = baton;
    apr_pool_t *pool;
    int i;

    apr_pool_create(&pool, NULL);
    for (i = 0; i < 20; i++) {
        bgu_session_t mine = *contest->sessions[i];
        bgu_session_t *found = NULL;
        apr_status_t rv;

        mine.state = BGU_STATE_COMMITTING;
        mine.plan.mode = (apr_uint32_t)number;
        rv = bgu_store_sqlite.update(contest->store, &mine, BGU_STATE_RECEIVING, i % 2);
        atomic_fetch_add(&contest->won, rv == APR_SUCCESS);
        atomic_fetch_add(&contest->failures, rv != APR_SUCCESS && rv != APR_EAGAIN);
        rv = bgu_store_sqlite.find(contest->store, &found, mine.id, pool);
        atomic_fetch_add(&contest->failures,
                         rv != APR_SUCCESS || found->state != BGU_STATE_COMMITTING);
        mine.id = apr_psprintf(pool, "%08X-0000-0000-0000-%012X", (unsigned)number, (unsigned)i);
        rv = bgu_store_sqlite.create(contest->store, &mine, NULL, 0);
        atomic_fetch_add(&contest->failures, rv != APR_SUCCESS);
    }
    apr_pool_destroy(pool);
}

static void prepare_contest(struct contest *contest, const fixture_t *f)
{
    int i;

    contest->f = f;
    contest->store = f->sessions.store;
    for (i = 0; i < 20; i++) {
        contest->sessions[i] = fixture_session(f);
        REQUIRE(create(f, contest->sessions[i]) == APR_SUCCESS);
    }
}

static void test_threads(void)
{
    fixture_t *f = fixture_open();
    struct contest contest = {.won = 0};

    prepare_contest(&contest, f);
    fixture_threads(8, compete, &contest);
    CHECK_INT(contest.won, 20);
    CHECK_INT(contest.failures, 0);
    CHECK_INT(walk(f, 100, NULL), 20 + 8 * 20);
}

/** One process of test_processes(); exits with the number of steps that it won. */
static void compete_as_process(struct contest *contest, int number)
{
    const char *error = NULL;

    if (bgu_store_sqlite.open(&contest->store, contest->f->database, 0, &error, contest->f->pool) !=
        APR_SUCCESS) {
        _exit(100);
    }
    compete(contest, number);
    _exit(contest->failures == 0 ? contest->won : 101);
}

/** Each process opens the store by itself; of all of them exactly one makes each step. */
static void test_processes(void)
{
    fixture_t *f = fixture_open_bare();
    struct contest contest = {.won = 0};
    const char *error = NULL;
    apr_pool_t *pool;
    pid_t pids[4];
    int won = 0;
    int i;

    f->sessions.provider = &bgu_store_sqlite;
    apr_pool_create(&pool, f->pool);
    REQUIRE(bgu_store_sqlite.open(&f->sessions.store, f->database, 1, &error, pool) == APR_SUCCESS);
    prepare_contest(&contest, f);
    apr_pool_destroy(pool);
    for (i = 0; i < 4; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            compete_as_process(&contest, i);
        }
    }
    for (i = 0; i < 4; i++) {
        int code = fixture_wait(pids[i]);

        CHECK(code <= 20);
        won += code;
    }
    CHECK_INT(won, 20);
    REQUIRE(bgu_store_sqlite.open(&f->sessions.store, f->database, 0, &error, f->pool) ==
            APR_SUCCESS);
    CHECK_INT(walk(f, 100, NULL), 20 + 4 * 20);
}

static const suite_test_t tests[] = {
    {"create and find", test_create_and_find},
    {"any value comes back", test_values},
    {"an id that is taken", test_create_twice},
    {"what is found is a copy", test_find_copies},
    {"update", test_update},
    {"update leaves who and where", test_update_keeps},
    {"update that comes too late", test_update_lost},
    {"the total is fixed once", test_update_total},
    {"a total of zero is fixed too", test_total_zero},
    {"remove", test_remove},
    {"list in batches", test_list},
    {"write while listing", test_write_while_listing},
    {"two openings", test_two_openings},
    {"threads", test_threads},
    {"processes", test_processes},
};

void suite_store_sqlite(void)
{
    SUITE_ADD("store_sqlite", tests);
}
