/* SPDX-License-Identifier: Apache-2.0 */

/* Runs the scenarios: each with threads, then with processes. */

#include "stress.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <apr_general.h>

/** What is run when nothing else is asked for. */
#define ROUNDS 20

static const scenario_t *const scenarios[] = {&stress_first, &stress_writers, &stress_ends,
                                              &stress_one_destination, &stress_notify};

/** Suites. */
static const char threads[] = "threads";
static const char processes[] = "processes";

/** From the command line; the seed goes on with each pass. */
static int rounds = ROUNDS;
static double minutes;
static unsigned long long seed;

static const char usage[] =
    "usage: tests/stress/run [--rounds N] [--minutes N] [--seed N] [SCENARIO]...\n"
    "\n"
    "Does to the core what many clients can do at the same time, and holds the answers\n"
    "to each other. The seed of what is chosen by chance is printed.\n"
    "  --rounds N   of each scenario in a pass (20)\n"
    "  --minutes N  make one pass after the other for so long (else one)\n"
    "  --seed N     of the first pass (else by chance); each pass adds 1\n";

/** The scenario that bears the running test's name. */
static void run_scenario(void)
{
    const char *name = CU_get_current_test()->pName;
    int with_processes = strcmp(CU_get_current_suite()->pName, processes) == 0;

    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(scenarios[i]->name, name) == 0) {
            stress_run(scenarios[i], with_processes, rounds, seed);
        }
    }
}

static int is_wanted(const char *name, char **wanted)
{
    int found = *wanted == NULL;

    for (; *wanted != NULL; wanted++) {
        found = found || strcmp(*wanted, name) == 0;
    }
    return found;
}

static void add_suite(const char *name, char **wanted)
{
    CU_pSuite suite =
        CU_add_suite_with_setup_and_teardown(name, NULL, NULL, NULL, fixture_teardown);

    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (is_wanted(scenarios[i]->name, wanted)) {
            CU_add_test(suite, scenarios[i]->name, run_scenario);
        }
    }
}

static void test_started(const CU_pTest test, const CU_pSuite suite)
{
    printf("%s: %s ... ", suite->pName, test->pName);
    fflush(stdout);
}

static void test_ended(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    (void)test;
    (void)suite;
    printf("%s\n", failure == NULL ? "ok" : "FAILED");
    for (CU_pFailureRecord each = failure; each != NULL; each = each->pNext) {
        printf("    %s:%u: %s\n", each->strFileName, each->uiLineNumber, each->strCondition);
    }
    fflush(stdout);
}

/** Returns 0 if the command line makes no sense. */
static int read_options(int argc, char **argv)
{
    static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
                                            {"minutes", required_argument, NULL, 'm'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    seed = (unsigned long long)time(NULL) * 1000 + (unsigned long long)getpid() % 1000;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'r':
            rounds = (int)strtol(optarg, NULL, 10);
            break;
        case 'm':
            minutes = strtod(optarg, NULL);
            break;
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return 0;
        }
    }
    return rounds > 0 && minutes >= 0;
}

int main(int argc, char **argv)
{
    time_t start = time(NULL);
    unsigned run = 0;
    unsigned failed = 0;

    if (!read_options(argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    apr_initialize();
    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 2;
    }
    add_suite(threads, argv + optind);
    add_suite(processes, argv + optind);
    CU_set_test_start_handler(test_started);
    CU_set_test_complete_handler(test_ended);
    do {
        printf("seed %llu\n", seed);
        CU_run_all_tests();
        run += CU_get_number_of_tests_run();
        failed += CU_get_number_of_tests_failed();
        seed++;
    } while (failed == 0 && difftime(time(NULL), start) < minutes * 60);
    printf("%u passed, %u failed\n", run - failed, failed);
    CU_cleanup_registry();
    apr_terminate();
    return failed == 0 ? 0 : 1;
}
