/* SPDX-License-Identifier: Apache-2.0 */

/* The suites of this folder. Each function adds its suite to CUnit's registry. */

#ifndef SUITES_H
#define SUITES_H

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>

/** Tests of a suite: name and function. */
typedef struct suite_test_t {
    const char *name;
    CU_TestFunc run;
} suite_test_t;

/** Add a suite whose tests clean up through fixture_teardown(). */
void suite_add(const char *name, const suite_test_t *tests, size_t count);

/** suite_add() for an array. */
#define SUITE_ADD(name, tests) suite_add((name), (tests), sizeof(tests) / sizeof((tests)[0]))

void suite_guid(void);
void suite_range(void);
void suite_units(void);
void suite_packet(void);
void suite_folder(void);
void suite_answer(void);
void suite_error(void);
void suite_spool(void);
void suite_spool_planted(void);
void suite_spool_pipe(void);
void suite_spool_reply(void);
void suite_notify_url(void);
void suite_sqlite_group(void);
void suite_notify_answer(void);
void suite_store_sqlite(void);
void suite_store_open(void);
void suite_store_bounds(void);
void suite_publish(void);
void suite_publish_copy(void);
void suite_publish_planted(void);
void suite_commit(void);
void suite_session(void);
void suite_upload_create(void);
void suite_upload_fragment(void);
void suite_upload_close(void);
void suite_upload_last(void);
void suite_upload_race(void);
void suite_upload_swap(void);
void suite_upload_whole(void);
void suite_upload_ask(void);
void suite_cleanup(void);
void suite_orphans(void);
void suite_client_text(void);
void suite_client_url(void);
void suite_client_state(void);
void suite_client_answer(void);
void suite_client_head(void);
void suite_client_out(void);

#endif
