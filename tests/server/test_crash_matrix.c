/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 before every system call that changes the disk: uploads without a server application. */

#include "suites.h"

#include "check.h"
#include "crash_matrix.h"

/** Bytes of most files, which are one fragment: packet 1 creates, 2 brings them, 3 ends. */
enum { LENGTH = 2500, PART = 1000, END = 3 };

/** Bytes of a fragment that is written in two pieces. */
enum { LONG_PART = 300000, LONG = 700000 };

/** Bytes of one that does not come through httpd's memory. */
enum { LARGE = 3000000 };

static const char overwriting[] = "BGUploadAllowOverwrites On\n";

static void plain(void)
{
    crash_matrix(&(crash_scenario_t){.name = "plain",
                                     .length = LONG,
                                     .fragment = LONG_PART,
                                     .stop = LONG,
                                     .first = 1,
                                     .thorough = 1});
}

/** Large enough to go through a pipe. */
static void large(void)
{
    crash_matrix(&(crash_scenario_t){
        .name = "a large fragment", .length = LARGE, .stop = LARGE, .first = 2});
}

static void synced(void)
{
    crash_matrix(&(crash_scenario_t){.name = "every fragment synced",
                                     .directory = "BGUploadSync Fragment\n",
                                     .length = LENGTH,
                                     .fragment = PART,
                                     .stop = LENGTH,
                                     .first = 1});
}

static void unsynced(void)
{
    crash_matrix(&(crash_scenario_t){.name = "nothing synced",
                                     .directory = "BGUploadSync Off\n",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = END});
}

static void overwrites(void)
{
    crash_matrix(&(crash_scenario_t){.name = "overwriting",
                                     .directory = overwriting,
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = END,
                                     .thorough = 1,
                                     .overwrites = 1});
}

static void on_last_fragment(void)
{
    crash_matrix(&(crash_scenario_t){.name = "OnLastFragment",
                                     .directory = "BGUploadCommit OnLastFragment\n",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = 2});
}

static void elsewhere(void)
{
    crash_matrix(&(crash_scenario_t){.name = "other file system",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = END,
                                     .elsewhere = 1});
}

static void elsewhere_overwrites(void)
{
    crash_matrix(&(crash_scenario_t){.name = "other file system, overwriting",
                                     .directory = overwriting,
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = END,
                                     .overwrites = 1,
                                     .elsewhere = 1});
}

static void cancelled(void)
{
    crash_matrix(&(crash_scenario_t){.name = "cancelled half way",
                                     .length = LENGTH,
                                     .fragment = PART,
                                     .stop = PART,
                                     .end = CRASH_CANCEL,
                                     .first = END});
}

static void cancelled_late(void)
{
    crash_matrix(&(crash_scenario_t){.name = "cancelled when complete",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .end = CRASH_CANCEL,
                                     .first = END});
}

static void closed_early(void)
{
    crash_matrix(&(crash_scenario_t){
        .name = "closed half way", .length = LENGTH, .fragment = PART, .stop = PART, .first = END});
}

static void empty(void)
{
    crash_matrix(&(crash_scenario_t){.name = "empty file", .stop = 0, .first = 2});
}

static void empty_unsaid(void)
{
    crash_matrix(&(crash_scenario_t){.name = "empty file, no fragment", .stop = -1, .first = 2});
}

static void then_cancelled(void)
{
    crash_matrix(&(crash_scenario_t){.name = "cancelled after the crash",
                                     .directory = overwriting,
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .then = CRASH_GIVE_UP,
                                     .first = 2,
                                     .overwrites = 1,
                                     .elsewhere = 1});
}

static void then_left(void)
{
    crash_matrix(&(crash_scenario_t){.name = "left alone after the crash",
                                     .directory = overwriting,
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .then = CRASH_STAY_AWAY,
                                     .first = 2,
                                     .overwrites = 1,
                                     .elsewhere = 1});
}

static void last_then_cancelled(void)
{
    crash_matrix(&(crash_scenario_t){.name = "OnLastFragment, cancelled after the crash",
                                     .directory = "BGUploadCommit OnLastFragment\n",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .then = CRASH_GIVE_UP,
                                     .first = 2});
}

static void empty_then_left(void)
{
    crash_matrix(&(crash_scenario_t){.name = "empty file, left alone after the crash",
                                     .stop = -1,
                                     .then = CRASH_STAY_AWAY,
                                     .first = 2});
}

static void twice(void)
{
    crash_matrix(&(crash_scenario_t){
        .name = "twice", .length = LENGTH, .stop = LENGTH, .then = CRASH_TWICE, .first = END});
}

static void twice_elsewhere(void)
{
    crash_matrix(&(crash_scenario_t){.name = "twice, other file system, overwriting",
                                     .directory = overwriting,
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .then = CRASH_TWICE,
                                     .first = END,
                                     .overwrites = 1,
                                     .elsewhere = 1});
}

void suite_crash_matrix(void)
{
    static const suite_test_t tests[] = {
        {"an upload", plain},
        {"an upload in one large fragment", large},
        {"an upload that is synced all the time", synced},
        {"an upload that is never synced", unsynced},
        {"an upload onto a file", overwrites},
        {"an upload that is published with its last byte", on_last_fragment},
        {"an upload from another file system", elsewhere},
        {"an upload from another file system onto a file", elsewhere_overwrites},
        {"Cancel-Session half way", cancelled},
        {"Cancel-Session of a complete upload", cancelled_late},
        {"Close-Session half way", closed_early},
        {"an empty file", empty},
        {"an empty file without a fragment", empty_unsaid},
        {"Cancel-Session after the crash", then_cancelled},
        {"Cancel-Session after a crash with the last byte", last_then_cancelled},
        {"a client that never comes back", then_left},
        {"a client of an empty file that never comes back", empty_then_left},
        {"two crashes", twice},
        {"two crashes, from another file system onto a file", twice_elsewhere},
    };

    SUITE_ADD("crash_matrix", tests);
}
