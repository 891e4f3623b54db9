/* SPDX-License-Identifier: Apache-2.0 */

/* Runs the suites against real httpds: all, or those named as arguments ("fragment close"). */

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <apr_general.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

/** A suite's name and what registers it. */
struct suite {
    const char *name;
    void (*add)(void);
};

static const struct suite suites[] = {
    {"harness", suite_harness},
    {"fault", suite_fault},
    {"power", suite_power},
    {"faults_upload", suite_faults_upload},
    {"faults_ways", suite_faults_ways},
    {"faults_store", suite_faults_store},
    {"faults_places", suite_faults_places},
    {"ping_create", suite_ping_create},
    {"fragment", suite_fragment},
    {"ingest", suite_ingest},
    {"ingest_pipe", suite_ingest_pipe},
    {"close", suite_close},
    {"cancel", suite_cancel},
    {"session", suite_session},
    {"isolation", suite_isolation},
    {"names", suite_names},
    {"planted", suite_planted},
    {"limits", suite_limits},
    {"errors", suite_errors},
    {"windows", suite_windows},
    {"override", suite_override},
    {"config", suite_config},
    {"selfcheck", suite_selfcheck},
    {"selfcheck_notify", suite_selfcheck_notify},
    {"default_spool", suite_default_spool},
    {"merge", suite_merge},
    {"restart", suite_restart},
    {"mpm", suite_mpm},
    {"resources", suite_resources},
    {"overload_slow", suite_overload_slow},
    {"overload_headers", suite_overload_headers},
    {"overload_lengths", suite_overload_lengths},
    {"overload_tiny", suite_overload_tiny},
    {"overload_vanish", suite_overload_vanish},
    {"overload_sessions", suite_overload_sessions},
    {"leaks", suite_leaks},
    {"overload_http2", suite_overload_http2},
    {"client", suite_client},
    {"admin", suite_admin},
    {"client_reply", suite_client_reply},
    {"admin_errors", suite_admin_errors},
    {"admin_list", suite_admin_list},
    {"admin_check", suite_admin_check},
    {"admin_config", suite_admin_config},
    {"admin_load", suite_admin_load},
    {"report", suite_report},
    {"report_hostile", suite_report_hostile},
    {"cleanup_script", suite_cleanup_script},
    {"cleanup_race", suite_cleanup_race},
    {"races", suite_races},
    {"reply_answers", suite_reply_answers},
    {"reply_notify", suite_reply_notify},
    {"reply_serving", suite_reply_serving},
    {"reply_slow", suite_reply_slow},
    {"reply_life", suite_reply_life},
    {"reply_crash", suite_reply_crash},
    {"reply_load", suite_reply_load},
    {"crash_matrix", suite_crash_matrix},
    {"crash_reply", suite_crash_reply},
    {"crash_upkeep", suite_crash_upkeep},
    {"crash_random", suite_crash_random},
};

static void test_started(const CU_pTest test, const CU_pSuite suite)
{
    printf("%s: %s ... ", suite->pName, test->pName);
    fflush(stdout);
}

static void test_ended(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    CU_pFailureRecord each;

    (void)test;
    (void)suite;
    printf("%s\n", failure == NULL ? "ok" : "FAILED");
    for (each = failure; each != NULL; each = each->pNext) {
        printf("    %s:%u: %s\n", each->strFileName, each->uiLineNumber, each->strCondition);
    }
    fflush(stdout);
}

static int is_wanted(const char *name, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

static int register_suites(int argc, char **argv)
{
    int added = 0;
    size_t i;

    for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (is_wanted(suites[i].name, argc, argv)) {
            suites[i].add();
            added++;
        }
    }
    return added;
}

int main(int argc, char **argv)
{
    unsigned failed;

    if (getenv("BGUPLOAD_HTTPD") == NULL) {
        fprintf(stderr, "%s: run me with make check-server\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    apr_initialize();
    curl_global_init(CURL_GLOBAL_ALL);
    if (CU_initialize_registry() != CUE_SUCCESS || register_suites(argc, argv) == 0) {
        fprintf(stderr, "usage: %s [SUITE]...\n", argv[0]);
        return 2;
    }
    CU_set_test_start_handler(test_started);
    CU_set_test_complete_handler(test_ended);
    CU_run_all_tests();
    failed = CU_get_number_of_tests_failed();
    printf("%u passed, %u failed\n", CU_get_number_of_tests_run() - failed, failed);
    CU_cleanup_registry();
    curl_global_cleanup();
    apr_terminate();
    return failed == 0 ? 0 : 1;
}
