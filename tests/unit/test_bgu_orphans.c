/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_orphans.h"
#include "fixture.h"
#include "suites.h"

#define DATA    "0123456789"
#define OLD     4000
#define MIN_AGE apr_time_from_sec(3600)
#define NOBODY  "0A1B2C3D-0000-1111-2222-333344445555"

static void count(void *baton, const char *path, apr_status_t status)
{
    CHECK(path != NULL);
    CHECK_INT(status, APR_SUCCESS);
    ++*(int *)baton;
}

/** Walk the fixture's spool; returns the number of orphans that were told. */
static int walk(const fixture_t *f, int dry_run)
{
    int told = 0;
    bgu_orphans_t orphans = {
        .sessions = &f->sessions,
        .min_age = MIN_AGE,
        .dry_run = dry_run,
        .report = count,
        .baton = &told,
    };

    CHECK_INT(bgu_orphans(&orphans, f->spool, f->pool), APR_SUCCESS);
    return told;
}

static const char *leave(const fixture_t *f, const char *name, int age)
{
    const char *path = fixture_spool_path(f, name);

    fixture_write(path, "x", 1);
    fixture_age_spool(f, name, age);
    return path;
}

/** Sessions that are open keep their files, however old; those that are over lose them. */
static void test_sessions(void)
{
    static const bgu_state_e states[] = {
        BGU_STATE_RECEIVING, BGU_STATE_NOTIFYING, BGU_STATE_COMPLETE, BGU_STATE_COMMITTING,
        BGU_STATE_PUBLISHED, BGU_STATE_CLOSED,    BGU_STATE_CANCELLED};
    size_t i;

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        fixture_t *f = fixture_open();
        bgu_session_t *session = fixture_stored(f, states[i], DATA, strlen(DATA));
        int over = bgu_state_is_tombstone(states[i]);

        fixture_age_spool(f, session->id, OLD);
        CHECK_INT(walk(f, 0), over);
        CHECK_INT(fixture_exists(fixture_spool_path(f, session->id)), !over);
        fixture_teardown();
    }
}

/** Files without a row, if they are old and bear a session's name. */
static void test_names(void)
{
    fixture_t *f = fixture_open();
    const char *data = leave(f, NOBODY, OLD);
    const char *lock = leave(f, NOBODY ".lock", OLD);
    const char *young = leave(f, "AAAABBBB-0000-1111-2222-333344445555", 10);
    const char *lower = leave(f, "aaaabbbb-0000-1111-2222-333344445555", OLD);
    const char *foreign = leave(f, "README", OLD);
    const char *longer = leave(f, NOBODY ".bak", OLD);

    CHECK_INT(walk(f, 1), 2);
    CHECK(fixture_exists(data) && fixture_exists(lock));
    CHECK_INT(walk(f, 0), 2);
    CHECK(!fixture_exists(data) && !fixture_exists(lock));
    CHECK(fixture_exists(young) && fixture_exists(lower));
    CHECK(fixture_exists(foreign) && fixture_exists(longer));
    CHECK_INT(walk(f, 0), 0);
}

/** A reply with what the application left beside it. */
static void test_reply(void)
{
    fixture_t *f = fixture_open();
    const char *folder = fixture_spool_path(f, NOBODY ".reply");

    REQUIRE(mkdir(folder, 0700) == 0);
    fixture_write(apr_pstrcat(f->pool, folder, "/response", NULL), DATA, strlen(DATA));
    CHECK_INT(walk(f, 0), 0);
    fixture_age_spool(f, NOBODY ".reply", OLD);
    CHECK_INT(walk(f, 0), 1);
    CHECK(!fixture_exists(folder));
}

static void test_no_folder(void)
{
    fixture_t *f = fixture_open();
    int told = 0;
    bgu_orphans_t orphans = {.sessions = &f->sessions, .report = count, .baton = &told};

    CHECK(APR_STATUS_IS_ENOENT(bgu_orphans(&orphans, fixture_path(f, "none"), f->pool)));
    CHECK_INT(told, 0);
}

static const suite_test_t tests[] = {
    {"sessions of every state", test_sessions},
    {"names and ages", test_names},
    {"a reply", test_reply},
    {"no folder", test_no_folder},
};

void suite_orphans(void)
{
    SUITE_ADD("orphans", tests);
}
