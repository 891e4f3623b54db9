/* SPDX-License-Identifier: Apache-2.0 */

/* A file that comes one byte at a time, each byte a fragment. */

#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "overload.h"
#include "upload.h"

static const char path[] = "/upload/a.bin";

/** Bytes of the file; the first of them come one by one, the rest at once. */
enum { LENGTH = 1024 * 1024, ONE_BY_ONE = 10000 };

/** Requests that are sent before the first answer is read. */
enum { BATCH = 50 };

/** How much the process may grow, in KiB. */
enum { GROWTH_MAX = 2 * 1024 };

/** How many fragments of a byte to send. */
static long long count_of_fragments(void)
{
    const char *wanted = getenv("BGUPLOAD_FRAGMENTS");

    return wanted != NULL ? strtoll(wanted, NULL, 10) : overload_scaled(ONE_BY_ONE);
}

/** Send the bytes [start, end) as one fragment each; hold every answer to its offset. */
static void send_one_by_one(upload_t *up, const char *file, long long start, long long end)
{
    for (long long at = start; at < end; at += BATCH) {
        const long long next = at + BATCH < end ? at + BATCH : end;

        for (long long i = at; i < next; i++) {
            wire_fragment_head(up->wire, path, up->id, i, 1, LENGTH);
            wire_send_bytes(up->wire, file + i, 1);
        }
        for (long long i = at; i < next; i++) {
            CHECK_NEXT(wire_read(up->wire), 200, i + 1);
        }
    }
}

/** Both files of the store, as they are. */
static bytes_t store_file(const httpd_env_t *env, const char *end)
{
    return files_read(apr_pstrcat(httpd_env_pool(), env->store, end, NULL));
}

static int same_bytes(bytes_t one, bytes_t other)
{
    return one.length == other.length && memcmp(one.data, other.data, one.length) == 0;
}

/** They cost time, and nothing else: no memory, not a byte in the store. */
static void one_by_one(void)
{
    const long long count = count_of_fragments();
    httpd_env_options_t options = {.server = OVERLOAD_ONE_CHILD};
    upload_t up = upload_begin(&options, path);
    pid_t child = overload_child(up.env);
    const char *file = files_noise(LENGTH, 60, httpd_env_pool());
    bytes_t database, log;
    long before;

    overload_warm_up(up.env);
    up.wire = wire_connect(up.env);
    REQUIRE(count > BATCH && count < LENGTH);
    send_one_by_one(&up, file, 0, BATCH);
    database = store_file(up.env, "");
    log = store_file(up.env, "-wal");
    before = httpd_env_rss(child);
    send_one_by_one(&up, file, BATCH, count);
    overload_check_memory(child, before, GROWTH_MAX);
    CHECK(database.length > 0 && same_bytes(database, store_file(up.env, "")));
    CHECK(log.length > 0 && same_bytes(log, store_file(up.env, "-wal")));
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, count, (size_t)(LENGTH - count), LENGTH),
               200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

void suite_overload_tiny(void)
{
    static const suite_test_t tests[] = {
        {"thousands of fragments of one byte", one_by_one},
    };

    SUITE_ADD("overload_tiny", tests);
}
