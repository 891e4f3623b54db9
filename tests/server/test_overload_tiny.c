/* SPDX-License-Identifier: Apache-2.0 */

/* A file that comes one byte at a time, each byte a fragment. */

#include "suites.h"

#include <stdio.h>
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

/** How many fragments of a byte to send: all of them takes a minute or more, so ask for it with
 * BGUPLOAD_FRAGMENTS=1048575 (the last byte comes anyway). */
static long long count_of_fragments(void)
{
    const char *wanted = getenv("BGUPLOAD_FRAGMENTS");

    return wanted != NULL ? strtoll(wanted, NULL, 10) : overload_scaled(ONE_BY_ONE);
}

/** Send a byte of the file as a fragment. Like read_next() it takes no memory, so that a million of
 * them can come. */
static void send_byte(const upload_t *up, const char *file, long long at)
{
    char request[512];
    int length = snprintf(request, sizeof(request),
                          "BITS_POST %s HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\n"
                          "BITS-Session-Id: %s\r\nContent-Range: bytes %lld-%lld/%d\r\n"
                          "Content-Length: 1\r\n\r\n%c",
                          path, up->id, at, at, LENGTH, file[at]);

    REQUIRE(length > 0 && length < (int)sizeof(request));
    wire_send_bytes(up->wire, request, (size_t)length);
}

/** Read one answer; returns what it says to be wanted next, or -1 if it is no 200. */
static long long read_next(const upload_t *up)
{
    static const char name[] = "BITS-Received-Content-Range: ";
    static const char ok[] = "HTTP/1.1 200 ";
    char line[512] = "";
    long long next = -1;
    int good = 0;

    while (strcmp(line, "\r\n") != 0) {
        size_t length = 0;

        do {
            if (length + 1 == sizeof(line) || !wire_read_bytes(up->wire, line + length, 1)) {
                return -1;
            }
        } while (line[length++] != '\n');
        line[length] = '\0';
        good = good || strncmp(line, ok, strlen(ok)) == 0;
        if (strncmp(line, name, strlen(name)) == 0) {
            next = strtoll(line + strlen(name), NULL, 10);
        }
    }
    return good ? next : -1;
}

/** Send the bytes [start, end) as one fragment each; hold every answer to its offset. */
static void send_one_by_one(const upload_t *up, const char *file, long long start, long long end)
{
    for (long long at = start; at < end; at += BATCH) {
        const long long next = at + BATCH < end ? at + BATCH : end;

        for (long long i = at; i < next; i++) {
            send_byte(up, file, i);
        }
        for (long long i = at; i < next; i++) {
            long long told = read_next(up);

            if (told != i + 1) {
                REQUIRE_FAIL("byte %lld: next is %lld", i, told);
            }
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
