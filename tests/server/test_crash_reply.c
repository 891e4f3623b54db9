/* SPDX-License-Identifier: Apache-2.0 */

/* kill -9 before every system call that changes the disk: uploads with a server application. */

#include "suites.h"

#include "crash_matrix.h"

/** Bytes of a file, which is one fragment: packet 1 creates, 2 asks the application, 3 ends. */
enum { LENGTH = 2500, ASK = 2, END = 3 };

static void by_value(void)
{
    crash_matrix(&(crash_scenario_t){.name = "reply by value",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = ASK,
                                     .thorough = 1,
                                     .by = "Value"});
}

static void by_reference(void)
{
    crash_matrix(&(crash_scenario_t){.name = "reply by reference",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = ASK,
                                     .by = "Reference"});
}

static void taken(void)
{
    crash_matrix(&(crash_scenario_t){.name = "taken by the application",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = ASK,
                                     .by = "Reference",
                                     .taken = 1});
}

static void taken_by_value(void)
{
    crash_matrix(&(crash_scenario_t){.name = "taken by the application, by value",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = END,
                                     .by = "Value",
                                     .taken = 1});
}

static void on_last_fragment(void)
{
    crash_matrix(&(crash_scenario_t){.name = "reply, OnLastFragment",
                                     .directory = "BGUploadCommit OnLastFragment\n",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .first = ASK,
                                     .by = "Value"});
}

static void then_cancelled(void)
{
    crash_matrix(&(crash_scenario_t){.name = "reply, cancelled after the crash",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .then = CRASH_GIVE_UP,
                                     .first = ASK,
                                     .by = "Value"});
}

static void then_left(void)
{
    crash_matrix(&(crash_scenario_t){.name = "reply, left alone after the crash",
                                     .length = LENGTH,
                                     .stop = LENGTH,
                                     .then = CRASH_STAY_AWAY,
                                     .first = ASK,
                                     .by = "Reference"});
}

void suite_crash_reply(void)
{
    static const suite_test_t tests[] = {
        {"a reply by value", by_value},
        {"a reply by reference", by_reference},
        {"the application keeps the file", taken},
        {"the application keeps the file, by value", taken_by_value},
        {"an upload that is published with its last byte", on_last_fragment},
        {"Cancel-Session after the crash", then_cancelled},
        {"a client that never comes back", then_left},
    };

    SUITE_ADD("crash_reply", tests);
}
