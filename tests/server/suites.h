/* SPDX-License-Identifier: Apache-2.0 */

/* The suites of this folder. Each function adds its suite to CUnit's registry. */

#ifndef SUITES_H
#define SUITES_H

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>
#include "httpd_env.h"

/** Tests of a suite: name and function. */
typedef struct suite_test_t {
    const char *name;
    CU_TestFunc run;
} suite_test_t;

/** Add a suite whose tests clean up through httpd_env_teardown(). */
void suite_add(const char *name, const suite_test_t *tests, size_t count);

/** suite_add() for an array. */
#define SUITE_ADD(name, tests) suite_add((name), (tests), sizeof(tests) / sizeof((tests)[0]))

void suite_harness(void);
void suite_fault(void);
void suite_crash_matrix(void);
void suite_crash_reply(void);
void suite_crash_upkeep(void);
void suite_crash_random(void);
void suite_power(void);
void suite_faults_upload(void);
void suite_faults_ways(void);
void suite_faults_store(void);
void suite_faults_places(void);
void suite_ping_create(void);
void suite_fragment(void);
void suite_ingest(void);
void suite_ingest_pipe(void);
void suite_close(void);
void suite_cancel(void);
void suite_session(void);
void suite_isolation(void);
void suite_limits(void);
void suite_names(void);
void suite_planted(void);
void suite_errors(void);
void suite_windows(void);
void suite_override(void);
void suite_config(void);
void suite_selfcheck(void);
void suite_selfcheck_notify(void);
void suite_default_spool(void);
void suite_merge(void);
void suite_restart(void);
void suite_mpm(void);
void suite_resources(void);
void suite_overload_slow(void);
void suite_overload_headers(void);
void suite_overload_lengths(void);
void suite_overload_tiny(void);
void suite_overload_vanish(void);
void suite_overload_sessions(void);
void suite_leaks(void);
void suite_overload_http2(void);
void suite_client(void);
void suite_client_reply(void);
void suite_admin(void);
void suite_admin_errors(void);
void suite_admin_list(void);
void suite_admin_check(void);
void suite_admin_config(void);
void suite_admin_load(void);
void suite_report(void);
void suite_report_hostile(void);
void suite_cleanup_script(void);
void suite_cleanup_race(void);
void suite_races(void);
void suite_reply_answers(void);
void suite_reply_notify(void);
void suite_reply_serving(void);
void suite_reply_slow(void);
void suite_reply_life(void);
void suite_reply_crash(void);
void suite_reply_load(void);

#endif
