/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that the kernel moves through a pipe, when the file takes no more of them. */

#include "suites.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "fault.h"
#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";

enum { MIB = 1024 * 1024 };

/** Each write of a large body fails once: what is there is told, and the rest is sent. */
static void failing_writes(void)
{
    const httpd_env_options_t options = {.faults = 1};
    upload_t up = upload_begin(&options, path);
    const char *file = files_noise(5 * MIB, 54, httpd_env_pool());
    const char *spool_file = apr_pstrmemdup(httpd_env_pool(), up.id + 1, strlen(up.id) - 2);
    long long next = 0;
    int spliced = 0;
    unsigned i;

    httpd_env_expect(up.env, "disk full");
    for (i = 1; i <= 4; i++) {
        fault_arm(up.env,
                  &(fault_t){FAULTS_FAIL, FAULTS_WRITES, spool_file, .first = i, .error = ENOSPC});
        CHECK_ANSWER(
            wire_fragment(up.wire, path, up.id, file, next, (size_t)(5 * MIB - next), 5 * MIB), 500,
            "0x80070070");
        spliced += strncmp(fault_hit(up.env), "splice spool/", 13) == 0;
        fault_disarm(up.env);
        up.wire = wire_connect(up.env);
        next = upload_next(&up, 5 * MIB);
        CHECK(next < 5 * MIB);
    }
    CHECK(spliced > 0);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, next, (size_t)(5 * MIB - next), 5 * MIB),
               200, 5 * MIB);
    upload_finish(&up, file, 5 * MIB);
}

void suite_ingest_pipe(void)
{
    static const suite_test_t tests[] = {
        {"a write of a large body fails", failing_writes},
    };

    SUITE_ADD("ingest_pipe", tests);
}
