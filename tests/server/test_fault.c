/* SPDX-License-Identifier: Apache-2.0 */

/* Whether faults.so does what the tests that rest on it believe. */

#include "suites.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <apr_strings.h>

#include "fault.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";
static const httpd_env_options_t disturbed = {.faults = 1};

static void counts(void)
{
    upload_t up = upload_begin(&disturbed, path);

    fault_arm(up.env, &(fault_t){.act = FAULTS_COUNT, .kinds = FAULTS_CHANGES});
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    /* The spool file and its bytes, and the row. */
    CHECK(fault_disarm(up.env) >= 3);
    CHECK_STR(fault_hit(up.env), "");
    fault_arm(up.env, &(fault_t){.act = FAULTS_COUNT, .kinds = FAULTS_SYNCS, .ending = "/upload"});
    upload_finish(&up, "12345", 5);
    CHECK_INT(fault_disarm(up.env), 1);
}

static void fails(void)
{
    upload_t up = upload_begin(&disturbed, path);
    const char *spool_file = apr_pstrmemdup(httpd_env_pool(), up.id + 1, strlen(up.id) - 2);

    httpd_env_expect(up.env, "disk full");
    fault_arm(up.env,
              &(fault_t){FAULTS_FAIL, FAULTS_WRITES, spool_file, .first = 1, .error = ENOSPC});
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 500, "0x80070070");
    CHECK_HAS(fault_hit(up.env), "pwritev spool/");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    fault_disarm(up.env);
    upload_finish(&up, "12345", 5);
}

static void kills(void)
{
    upload_t up = upload_begin(&disturbed, path);

    fault_arm(up.env, &(fault_t){FAULTS_KILL, FAULTS_CHANGES, NULL, .first = 2});
    CHECK_INT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5)->status, 0);
    CHECK_INT(fault_disarm(up.env), 2);
    CHECK(strlen(fault_hit(up.env)) > 0);
    httpd_env_kill(up.env);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 5, 5), 200, 5);
    upload_finish(&up, "12345", 5);
}

static void shifts_the_clock(void)
{
    httpd_env_options_t options = {.faults = 1, .directory = "BGUploadSessionTimeout 1h\n"};
    upload_t up = upload_begin(&options, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345", 0, 3, 5), 200, 3);
    fault_shift_clock(up.env, 7200);
    up.wire = wire_connect(up.env);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, "12345", 3, 2, 5), 500, "0x8020001F");
}

void suite_fault(void)
{
    static const suite_test_t tests[] = {
        {"calls are counted", counts},
        {"a call fails", fails},
        {"a call is the last one", kills},
        {"the clock is shifted", shifts_the_clock},
    };

    SUITE_ADD("fault", tests);
}
