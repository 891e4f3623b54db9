/* SPDX-License-Identifier: Apache-2.0 */

/* Runs the suites of the core: all, or those named as arguments ("guid range"). */

#include <CUnit/Basic.h>
#include <apr_general.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

/** A suite's name and what registers it. */
struct suite {
    const char *name;
    void (*add)(void);
};

static const struct suite suites[] = {
    {"guid", suite_guid},
    {"range", suite_range},
    {"units", suite_units},
    {"packet", suite_packet},
    {"folder", suite_folder},
    {"answer", suite_answer},
    {"error", suite_error},
    {"spool", suite_spool},
    {"spool_planted", suite_spool_planted},
    {"spool_pipe", suite_spool_pipe},
    {"spool_reply", suite_spool_reply},
    {"notify_url", suite_notify_url},
    {"sqlite_group", suite_sqlite_group},
    {"notify_answer", suite_notify_answer},
    {"store_sqlite", suite_store_sqlite},
    {"store_open", suite_store_open},
    {"store_bounds", suite_store_bounds},
    {"publish", suite_publish},
    {"publish_copy", suite_publish_copy},
    {"publish_planted", suite_publish_planted},
    {"commit", suite_commit},
    {"session", suite_session},
    {"upload_create", suite_upload_create},
    {"upload_fragment", suite_upload_fragment},
    {"upload_close", suite_upload_close},
    {"upload_last", suite_upload_last},
    {"upload_race", suite_upload_race},
    {"upload_swap", suite_upload_swap},
    {"upload_whole", suite_upload_whole},
    {"upload_ask", suite_upload_ask},
    {"cleanup", suite_cleanup},
    {"orphans", suite_orphans},
    {"client_text", suite_client_text},
    {"client_url", suite_client_url},
    {"client_state", suite_client_state},
    {"client_answer", suite_client_answer},
    {"client_head", suite_client_head},
    {"client_out", suite_client_out},
};

#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

void suite_add(const char *name, const suite_test_t *tests, size_t count)
{
    CU_pSuite suite =
        CU_add_suite_with_setup_and_teardown(name, NULL, NULL, NULL, fixture_teardown);
    size_t i;

    for (i = 0; i < count; i++) {
        CU_add_test(suite, tests[i].name, tests[i].run);
    }
}

static const struct suite *find_suite(const char *name)
{
    size_t i;

    for (i = 0; i < SUITE_COUNT; i++) {
        if (strcmp(suites[i].name, name) == 0) {
            return &suites[i];
        }
    }
    return NULL;
}

/** Register the suites that are named, or all. Returns 0 if there is one that does not exist. */
static int register_suites(int argc, char **argv)
{
    size_t i;
    int arg;

    for (arg = 1; arg < argc; arg++) {
        const struct suite *suite = find_suite(argv[arg]);

        if (suite == NULL) {
            fprintf(stderr, "%s: there is no suite %s\n", argv[0], argv[arg]);
            return 0;
        }
        suite->add();
    }
    for (i = 0; argc < 2 && i < SUITE_COUNT; i++) {
        suites[i].add();
    }
    return 1;
}

int main(int argc, char **argv)
{
    unsigned failed;

    signal(SIGXFSZ, SIG_IGN); /* a file size limit is to be seen as EFBIG */
    apr_initialize();
    if (CU_initialize_registry() != CUE_SUCCESS || !register_suites(argc, argv)) {
        return 2;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_tests_failed();
    printf("\n%u passed, %u failed\n", CU_get_number_of_tests_run() - failed, failed);
    CU_cleanup_registry();
    apr_terminate();
    return failed == 0 ? 0 : 1;
}
