/* SPDX-License-Identifier: Apache-2.0 */

/* The state machine: fragments, each row of the protocol's table. */

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "suites.h"
#include "upload_driver.h"

#define DATA "0123456789"

/** One fragment of DATA, and what is answered. */
struct step {
    int first;
    int end;   /**< 0: no more steps */
    int total; /**< 0: 10 */
    bgu_result_e result;
    int next; /**< byte wanted next */
};

#define STEPS_MAX 6

/** Fragments of one session. */
struct script {
    const char *name;
    struct step steps[STEPS_MAX];
};

static const struct script scripts[] = {
    {"whole", {{0, 10, 0, BGU_OK, 10}}},
    {"two", {{0, 5, 0, BGU_OK, 5}, {5, 10, 0, BGU_OK, 10}}},
    {"byte by byte", {{0, 1, 0, BGU_OK, 1}, {1, 2, 0, BGU_OK, 2}, {2, 3, 0, BGU_OK, 3}}},
    {"overlap", {{0, 5, 0, BGU_OK, 5}, {3, 8, 0, BGU_OK, 8}, {0, 10, 0, BGU_OK, 10}}},
    {"overlap by one", {{0, 5, 0, BGU_OK, 5}, {4, 6, 0, BGU_OK, 6}}},
    {"duplicate", {{0, 5, 0, BGU_OK, 5}, {0, 5, 0, BGU_RANGE, 5}, {5, 10, 0, BGU_OK, 10}}},
    {"part of a duplicate", {{0, 5, 0, BGU_OK, 5}, {1, 3, 0, BGU_RANGE, 5}}},
    {"gap", {{0, 5, 0, BGU_OK, 5}, {6, 10, 0, BGU_RANGE, 5}, {5, 10, 0, BGU_OK, 10}}},
    {"gap first", {{5, 10, 0, BGU_RANGE, 0}, {0, 10, 0, BGU_OK, 10}}},
    {"last byte missing", {{0, 9, 0, BGU_OK, 9}, {9, 10, 0, BGU_OK, 10}}},
    {"duplicate of a complete upload",
     {{0, 10, 0, BGU_OK, 10},
      {0, 10, 0, BGU_OK, 10},
      {5, 10, 0, BGU_OK, 10},
      {0, 5, 0, BGU_OK, 10},
      {9, 10, 0, BGU_OK, 10}}},
    {"another total",
     {{0, 5, 0, BGU_OK, 5},
      {5, 10, 11, BGU_BAD_REQUEST, NEXT_NONE},
      {0, 5, 9, BGU_BAD_REQUEST, NEXT_NONE},
      {5, 10, 0, BGU_OK, 10},
      {5, 10, 20, BGU_BAD_REQUEST, NEXT_NONE},
      {5, 10, 0, BGU_OK, 10}}},
};

/** Run a script with bodies that come in pieces of a size (0: at once). */
static void run_script(const struct script *script, size_t piece)
{
    upload_driver_t *d = upload_driver_open(DATA);
    int expected = 0;
    int i;

    d->piece = piece;
    upload_begin(d);
    for (i = 0; i < STEPS_MAX && script->steps[i].end > 0; i++) {
        const struct step *step = &script->steps[i];
        const bgu_outcome_t *outcome;
        const char *name = apr_psprintf(d->f->pool, "%s, step %d", script->name, i);
        int before = expected;

        d->total = step->total != 0 ? step->total : 10;
        outcome = upload_fragment(d, step->first, step->end);
        expected = step->result == BGU_OK ? step->next : expected;
        CASE_INT(name, outcome->answer.result, step->result);
        CASE_INT(name, outcome->answer.next < 0 ? NEXT_NONE : outcome->answer.next, step->next);
        CASE_INT(name, upload_spooled(d) < 0 ? 0 : upload_spooled(d), expected);
        CASE(name, expected == 0 || upload_spool_is_sound(d));
        CASE_INT(name, outcome->event,
                 expected == 10 && before < 10 ? BGU_EVENT_COMPLETED : BGU_EVENT_NONE);
        CASE_INT(name, upload_state(d), expected == 10 ? BGU_STATE_COMPLETE : BGU_STATE_RECEIVING);
        CASE(name, outcome->session != NULL);
    }
    CHECK_INT(fixture_count(d->f->docroot), 0);
    fixture_teardown();
}

static void test_scripts(void)
{
    size_t i;

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        run_script(&scripts[i], 0);
        run_script(&scripts[i], 1);
        run_script(&scripts[i], 3);
    }
}

/** Larger than what is written at once, in pieces large and small. */
static void test_large(void)
{
    static const size_t pieces[] = {0, 1000, 8192, 300000};
    size_t i;

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        upload_driver_t *d = upload_driver_open_bytes(3 * BGU_WRITE_SIZE + 17);
        const bgu_outcome_t *outcome;

        d->piece = pieces[i];
        upload_begin(d);
        outcome = upload_fragment(d, 0, 2 * BGU_WRITE_SIZE + 5);
        UPLOAD_EXPECT(outcome, BGU_OK, 2 * BGU_WRITE_SIZE + 5);
        outcome = upload_fragment(d, BGU_WRITE_SIZE - 1, d->total);
        UPLOAD_EXPECT(outcome, BGU_OK, d->total);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        fixture_teardown();
    }
}

/** The connection is lost in the middle: what arrived stays, and the client goes on from there. */
static void test_broken(void)
{
    static const size_t pieces[] = {0, 1, 4};
    size_t i;

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        upload_driver_t *d = upload_driver_open(DATA);
        const bgu_outcome_t *outcome;

        d->piece = pieces[i];
        upload_begin(d);
        outcome = upload_broken(d, 0, 8, 3);
        UPLOAD_EXPECT(outcome, BGU_DISCONNECTED, NEXT_ANY);
        CHECK_INT(upload_spooled(d), 3);
        UPLOAD_EXPECT(upload_broken(d, 3, 8, 0), BGU_DISCONNECTED, NEXT_ANY);
        UPLOAD_EXPECT(upload_broken(d, 0, 8, 2), BGU_DISCONNECTED, NEXT_ANY);
        CHECK_INT(upload_spooled(d), 3);
        UPLOAD_EXPECT(upload_fragment(d, 8, 10), BGU_RANGE, 3);
        UPLOAD_EXPECT(upload_broken(d, 0, 10, 6), BGU_DISCONNECTED, NEXT_ANY);
        CHECK_INT(upload_spooled(d), 6);
        CHECK(upload_spool_is_sound(d));
        d->total = 11;
        UPLOAD_EXPECT(upload_fragment(d, 6, 10), BGU_BAD_REQUEST, NEXT_NONE);
        d->total = 10;
        UPLOAD_EXPECT(upload_fragment(d, 6, 10), BGU_OK, 10);
        UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
        CHECK(upload_is_published(d));
        fixture_teardown();
    }
}

/** All bytes are there, only the connection was lost before the answer. */
static void test_broken_at_the_end(void)
{
    upload_driver_t *d = upload_driver_open_bytes(BGU_WRITE_SIZE + 100);

    upload_begin(d);
    UPLOAD_EXPECT(upload_broken(d, 0, d->total, d->total - 1), BGU_DISCONNECTED, NEXT_ANY);
    CHECK_INT(upload_spooled(d), d->total - 1);
    UPLOAD_EXPECT(upload_fragment(d, d->total - 1, d->total), BGU_OK, d->total);
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
    CHECK(upload_spool_is_sound(d));
}

static void test_limits(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    d->policy.max_fragment = 5;
    d->policy.max_size = 10;
    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 6), BGU_FRAGMENT_TOO_LARGE, NEXT_NONE);
    CHECK_INT(d->read, 0);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    CHECK(upload_spool_is_sound(d));
    upload_begin(d);
    d->total = 11;
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_UPLOAD_TOO_LARGE, NEXT_NONE);
    CHECK_INT(d->read, 0);
    d->total = APR_INT64_C(9223372036854775807);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_UPLOAD_TOO_LARGE, NEXT_NONE);
    CHECK(upload_spooled(d) <= 0);
}

/** Offsets beyond 4 GiB, in a sparse file. */
static void test_64_bit(void)
{
    const apr_off_t start = APR_INT64_C(5) * 1024 * 1024 * 1024;
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    d->total = start + 10;
    UPLOAD_EXPECT(upload_fragment(d, 0, 1), BGU_OK, 1);
    REQUIRE(truncate(fixture_spool_path(d->f, d->id), start) == 0);
    d->data_at = start;
    UPLOAD_EXPECT(upload_fragment(d, start + 1, start + 5), BGU_RANGE, start);
    UPLOAD_EXPECT(upload_fragment(d, start, start + 5), BGU_OK, start + 5);
    UPLOAD_EXPECT(upload_fragment(d, start + 2, start + 4), BGU_RANGE, start + 5);
    UPLOAD_EXPECT(upload_fragment(d, start + 4, start + 10), BGU_OK, start + 10);
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
    CHECK_INT(upload_spooled(d), start + 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK_INT(fixture_size(d->request.dest), start + 10);
}

static void test_empty_file(void)
{
    upload_driver_t *d = upload_driver_open("");
    const bgu_outcome_t *outcome;

    upload_begin(d);
    outcome = upload_fragment(d, 0, 0);
    UPLOAD_EXPECT(outcome, BGU_OK, 0);
    CHECK_INT(outcome->event, BGU_EVENT_COMPLETED);
    CHECK_INT(upload_state(d), BGU_STATE_COMPLETE);
    UPLOAD_EXPECT(upload_fragment(d, 0, 0), BGU_OK, 0);
    d->total = 1;
    d->data = "x";
    UPLOAD_EXPECT(upload_fragment(d, 0, 1), BGU_BAD_REQUEST, NEXT_NONE);
    d->data = "";
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** "The whole of nothing" for a file that is not empty. */
static void test_empty_fragment_of_a_file(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    d->total = 0;
    UPLOAD_EXPECT(upload_fragment(d, 0, 0), BGU_BAD_REQUEST, NEXT_NONE);
    CHECK_INT(upload_spooled(d), 5);
    CHECK_INT(upload_state(d), BGU_STATE_RECEIVING);
}

/** No room half-way: what fitted stays, and the client goes on later. */
static void test_disk_full(void)
{
    const apr_off_t limit = 1024 * 1024;
    upload_driver_t *d = upload_driver_open_bytes(3 * 1024 * 1024);
    const bgu_outcome_t *outcome;

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 1000), BGU_OK, 1000);
    fixture_limit_files(limit);
    outcome = upload_fragment(d, 1000, d->total);
    fixture_limit_files(-1);
    UPLOAD_EXPECT(outcome, BGU_DISK_FULL, NEXT_ANY);
    CHECK(outcome->answer.cause != APR_SUCCESS);
    CHECK_INT(upload_spooled(d), limit);
    CHECK(upload_spool_is_sound(d));
    CHECK_INT(upload_state(d), BGU_STATE_RECEIVING);
    UPLOAD_EXPECT(upload_fragment(d, 1000, d->total), BGU_OK, d->total);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** Bytes that vanished: the client is sent back to the start, and all goes well from there. */
static void test_bytes_vanished(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    REQUIRE(unlink(fixture_spool_path(d->f, d->id)) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_RANGE, 0);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static void test_complete_bytes_vanished(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const bgu_outcome_t *outcome;

    upload_all(d);
    REQUIRE(unlink(fixture_spool_path(d->f, d->id)) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_RANGE, 0);
    outcome = upload_fragment(d, 0, 10);
    if (outcome->answer.result == BGU_RANGE) {
        outcome = upload_fragment(d, 0, 10);
    }
    UPLOAD_EXPECT(outcome, BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** A power cut took the end of a complete upload. */
static void test_complete_bytes_short(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_all(d);
    REQUIRE(truncate(fixture_spool_path(d->f, d->id), 5) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 8, 10), BGU_RANGE, 5);
    UPLOAD_EXPECT(upload_fragment(d, 0, 3), BGU_RANGE, 5);
    UPLOAD_EXPECT(upload_fragment(d, 3, 8), BGU_OK, 8);
    UPLOAD_EXPECT(upload_fragment(d, 8, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** BGUploadSpool was changed: a session stays where it began. */
static void test_spool_moved(void)
{
    upload_driver_t *d = upload_driver_open(DATA);

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
    d->policy.spool = fixture_path(d->f, "new-spool");
    REQUIRE(mkdir(d->policy.spool, 0755) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
    CHECK_INT(fixture_count(d->policy.spool), 0);
}

/** The spool is not there (not mounted, say): the client tries again until it is. */
static void test_spool_missing(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const bgu_outcome_t *outcome;

    upload_begin(d);
    if (upload_spooled(d) >= 0) {
        REQUIRE(unlink(fixture_spool_path(d->f, d->id)) == 0);
    }
    REQUIRE(rmdir(d->f->spool) == 0);
    outcome = upload_fragment(d, 0, 5);
    UPLOAD_EXPECT(outcome, BGU_IO_ERROR, NEXT_ANY);
    CHECK(APR_STATUS_IS_ENOENT(outcome->answer.cause));
    REQUIRE(mkdir(d->f->spool, 0755) == 0);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

/** What "PRAGMA data_version" says: it changes when another connection has written. */
static long long data_version(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    long long version;

    REQUIRE(sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &statement, NULL) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    version = (long long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

/** Only the first fragment and the last one write to the store. */
static void test_store_is_left_alone(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    sqlite3 *db = NULL;
    long long before;

    upload_begin(d);
    UPLOAD_EXPECT(upload_fragment(d, 0, 2), BGU_OK, 2);
    CHECK_INT(fixture_find(d->f, d->id)->total, 10);
    REQUIRE(sqlite3_open(d->f->database, &db) == SQLITE_OK);
    before = data_version(db);
    UPLOAD_EXPECT(upload_fragment(d, 2, 4), BGU_OK, 4);
    UPLOAD_EXPECT(upload_fragment(d, 0, 2), BGU_RANGE, 4);
    UPLOAD_EXPECT(upload_broken(d, 4, 9, 2), BGU_DISCONNECTED, NEXT_ANY);
    UPLOAD_EXPECT(upload_fragment(d, 6, 9), BGU_OK, 9);
    CHECK_INT(data_version(db), before);
    UPLOAD_EXPECT(upload_fragment(d, 9, 10), BGU_OK, 10);
    CHECK(data_version(db) != before);
    sqlite3_close(db);
}

/** A power cut took the row's total back, and the client starts another file. */
static void test_more_than_total(void)
{
    upload_driver_t *d = upload_driver_open(DATA);
    const char *path;

    upload_begin(d);
    path = fixture_spool_path(d->f, d->id);
    fixture_write(path, "01234567890123456789", 20);
    UPLOAD_EXPECT(upload_fragment(d, 5, 10), BGU_RANGE, 0);
    UPLOAD_EXPECT(upload_fragment(d, 0, 10), BGU_OK, 10);
    UPLOAD_EXPECT(upload_close(d), BGU_OK, NEXT_NONE);
    CHECK(upload_is_published(d));
}

static const suite_test_t tests[] = {
    {"more bytes than the total", test_more_than_total},
    {"append, overlap, duplicate, gap", test_scripts},
    {"fragments larger than a write", test_large},
    {"a connection that breaks", test_broken},
    {"one byte short", test_broken_at_the_end},
    {"limits", test_limits},
    {"beyond 4 GiB", test_64_bit},
    {"an empty file", test_empty_file},
    {"an empty fragment of another file", test_empty_fragment_of_a_file},
    {"no room", test_disk_full},
    {"bytes that vanished", test_bytes_vanished},
    {"bytes of a complete upload that vanished", test_complete_bytes_vanished},
    {"bytes of a complete upload that are short", test_complete_bytes_short},
    {"the spool has moved", test_spool_moved},
    {"the spool is missing", test_spool_missing},
    {"middle fragments write nothing to the store", test_store_is_left_alone},
};

void suite_upload_fragment(void)
{
    SUITE_ADD("upload_fragment", tests);
}
