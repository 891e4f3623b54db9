/* SPDX-License-Identifier: Apache-2.0 */

/* Fragments that follow, overlap, repeat, leave a gap or break off (protocol: fragments). */

#include "suites.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";
static const char bytes[] = "0123456789abcdefghij";

static void append(void)
{
    upload_t up = upload_begin(NULL, path);
    const wire_answer_t *answer = wire_fragment(up.wire, path, up.id, bytes, 0, 5, 20);

    CHECK_NEXT(answer, 200, 5);
    CHECK_STR(wire_header(answer, "BITS-Reply-URL"), NULL);
    CHECK_STR(wire_header(answer, "BITS-Protocol"), NULL);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 5, 5, 20), 200, 10);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 10, 10, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void overlap(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 8, 20), 200, 8);
    /* What is there is never rewritten: the other bytes in the overlap must not show. */
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "01234XXX89abcdefghij", 5, 7, 20), 200, 12);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "XXXXXXXXXXXXcdefghij", 0, 20, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void duplicate(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 8, 20), 200, 8);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "XXXXXXXX", 0, 8, 20), 416, 8);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "XXXXXXXX", 2, 3, 20), 416, 8);
    wire_after(up.wire, path, WIRE_KEPT);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 8, 12, 20), 200, 20);
    /* All is there: who lost the last answer gets it again. */
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 8, 12, 20), 200, 20);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "XXXXXXXX", 0, 8, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void gap(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 3, 5, 20), 416, 0);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 3, 20), 200, 3);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 4, 16, 20), 416, 3);
    wire_after(up.wire, path, WIRE_KEPT);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 3, 17, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void large_body_behind_416(void)
{
    upload_t up = upload_begin(NULL, path);
    const size_t length = 3 * 1024 * 1024;
    const char *file = files_noise(length, 1, httpd_env_pool());

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 10, length - 10, (long long)length), 416,
               0);
    wire_after(up.wire, path, WIRE_KEPT);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, length, (long long)length), 200,
               (long long)length);
    upload_finish(&up, file, length);
}

/** Send the first bytes of the fragment [start, end) and hang up; wait until they are all there. */
static void break_off(const upload_t *up, const char *file, long long start, long long cut,
                      long long end, long long total)
{
    wire_t *wire = wire_connect(up->env);

    wire_fragment_head(wire, path, up->id, start, end - start, total);
    wire_send_bytes(wire, file + start, (size_t)(cut - start));
    wire_disconnect(wire);
    upload_await_next(up, cut, total);
}

static void broken_off(void)
{
    upload_t up = upload_begin(NULL, path);
    const long long total = 1500000;
    const char *file = files_noise((size_t)total, 2, httpd_env_pool());

    break_off(&up, file, 0, 1, 1000, total);
    break_off(&up, file, 1, 70000, 900000, total);
    /* More than the server gathers before it writes. */
    break_off(&up, file, 70000, 1000001, total, total);
    break_off(&up, file, 1000001, total - 2, total, total);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, total - 2, 2, total), 200, total);
    upload_finish(&up, file, (size_t)total);
}

static void broken_off_unanswered(void)
{
    upload_t up = upload_begin(NULL, path);
    wire_t *broken = wire_connect(up.env);

    wire_fragment_head(broken, path, up.id, 0, 20, 20);
    wire_send_bytes(broken, bytes, 7);
    wire_end_sending(broken);
    CHECK_INT(wire_read_any(broken)->status, 0);
    CHECK_INT(upload_next(&up, 20), 7);
    broken = wire_connect(up.env);
    wire_fragment_head(broken, path, up.id, 7, 13, 20);
    wire_send_bytes(broken, bytes + 7, 3);
    wire_reset(broken);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 20, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void stalled_until_timeout(void)
{
    httpd_env_options_t options = {.server = "Timeout 1\n"};
    upload_t up = upload_begin(&options, path);
    wire_t *stalled = wire_connect(up.env);

    wire_fragment_head(stalled, path, up.id, 0, 20, 20);
    wire_send_bytes(stalled, bytes, 7);
    /* Whatever httpd says, if anything, it hangs up. */
    while (wire_read_any(stalled)->status != 0) {
    }
    CHECK_INT(upload_next(&up, 20), 7);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 7, 13, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void expect_continue(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxFragment 10\n"};
    upload_t up = upload_begin(&options, path);
    static const char head[] = "BITS_POST /upload/a.bin HTTP/1.1\r\nHost: localhost\r\n"
                               "Expect: 100-continue\r\nBITS-Packet-Type: Fragment\r\n"
                               "BITS-Session-Id: %s\r\nContent-Range: bytes 0-%d/20\r\n"
                               "Content-Length: %d\r\n\r\n";

    wire_send(up.wire, head, up.id, 9, 10);
    wire_await_continue(up.wire);
    wire_send_bytes(up.wire, bytes, 10);
    CHECK_NEXT(wire_read(up.wire), 200, 10);
    wire_send(up.wire, head, up.id, 10, 11);
    CHECK_ANSWER(wire_read(up.wire), 413, "0x80200020");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 10, 10, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void total_is_fixed(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 5, 20), 200, 5);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, bytes, 5, 5, 19), 400, "0x80070057");
    up.wire = wire_connect(up.env);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, bytes, 5, 5, 21), 400, "0x80070057");
    up.wire = wire_connect(up.env);
    CHECK_ANSWER(
        wire_packet(up.wire, path, "Fragment", up.id, "Content-Range: bytes */0\r\n", NULL, 0), 400,
        "0x80070057");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 5, 15, 20), 200, 20);
    upload_finish(&up, bytes, 20);
}

static void stalled_predecessor(void)
{
    upload_t up = upload_begin(NULL, path);
    wire_t *old = wire_connect(up.env);
    const wire_answer_t *answer;

    wire_fragment_head(old, path, up.id, 0, 20, 20);
    wire_send_bytes(old, bytes, 7);
    /* The client has given up that connection; the server does not know yet. */
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 10, 20), 200, 10);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 10, 10, 20), 200, 20);
    wire_send_bytes(old, "XXXXXXXXXXXXX", 13);
    answer = wire_read(old);
    CHECK_NEXT(answer, 200, 20);
    upload_finish(&up, bytes, 20);
}

static int has_bytes(void *baton)
{
    return upload_next(baton, 600000) > 0;
}

static void stalled_across_commit(void)
{
    upload_t up = upload_begin(NULL, path);
    wire_t *old = wire_connect(up.env);
    const char *file = files_noise(600000, 9, httpd_env_pool());
    const char *wrong = files_noise(600000, 10, httpd_env_pool());

    wire_fragment_head(old, path, up.id, 0, 600000, 600000);
    wire_send_bytes(old, file, 300000);
    REQUIRE(check_wait(has_bytes, &up, HTTPD_ENV_DEADLINE));
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 600000, 600000), 200, 600000);
    upload_finish(&up, file, 600000);
    wire_send_bytes(old, wrong, 300000);
    CHECK_ANSWER(wire_read(old), 500, "0x8020001F");
    upload_check_file(&up, file, 600000);
}

static void both_at_once(void)
{
    upload_t up = upload_begin(NULL, path);
    const size_t length = 4 * 1024 * 1024;
    const size_t piece = 128 * 1024;
    const char *file = files_noise(length, 3, httpd_env_pool());
    wire_t *other = wire_connect(up.env);
    size_t at;

    /* Two writers of the same bytes, in step: whoever is first, the file is right. */
    wire_fragment_head(up.wire, path, up.id, 0, (long long)length, (long long)length);
    wire_fragment_head(other, path, up.id, 0, (long long)length, (long long)length);
    for (at = 0; at < length; at += piece) {
        wire_send_bytes(up.wire, file + at, piece);
        wire_send_bytes(other, file + at, piece);
    }
    CHECK_NEXT(wire_read(up.wire), 200, (long long)length);
    CHECK_NEXT(wire_read(other), 200, (long long)length);
    upload_finish(&up, file, length);
}

static void empty_file(void)
{
    static const char *const ranges[] = {"bytes */0", "bytes 0-0/0",
                                         "bytes 0-18446744073709551615/0"};
    httpd_env_options_t options = {.directory = "BGUploadAllowOverwrites On\n"};
    upload_t up = upload_begin(&options, path);
    size_t i;

    upload_finish(&up, "", 0); /* no fragment at all */
    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const char *range =
            apr_pstrcat(httpd_env_pool(), "Content-Range: ", ranges[i], "\r\n", NULL);

        REQUIRE(unlink(httpd_env_path(up.env, path)) == 0);
        up.id = wire_create(up.wire, path);
        CHECK_NEXT(wire_packet(up.wire, path, "Fragment", up.id, range, NULL, 0), 200, 0);
        upload_finish(&up, "", 0);
    }
}

static void large_totals(void)
{
    upload_t up = upload_begin(NULL, path);
    const long long totals[] = {1LL << 40, 0x7FFFFFFFFFFFFFFFLL};
    size_t i;

    for (i = 0; i < 2; i++) {
        CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 10, totals[i]), 200, 10);
        CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 10, 10, totals[i]), 200, 20);
        CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
        up.id = wire_create(up.wire, path);
    }
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

static void beyond_4_gib(void)
{
    upload_t up = upload_begin(NULL, path);
    const long long base = (1LL << 32) + 5;
    const char *range =
        httpd_env_format("Content-Range: bytes %lld-%lld/%lld\r\n", base, base + 19, base + 20);

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 1, base + 20), 200, 1);
    /* Instead of sending them all: a hole, which the file system does not store. */
    REQUIRE(truncate(upload_spool_file(&up), base) == 0);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, bytes, 0, 1, base + 20), 416, base);
    CHECK_NEXT(wire_packet(up.wire, path, "Fragment", up.id, range, bytes, 20), 200, base + 20);
    CHECK_ANSWER(wire_close(up.wire, path, up.id), 200, NULL);
    CHECK_INT(files_size(httpd_env_path(up.env, path)), base + 20);
}

void suite_fragment(void)
{
    static const suite_test_t tests[] = {
        {"append", append},
        {"overlap: only what is new is written", overlap},
        {"duplicate before and after completion", duplicate},
        {"gap", gap},
        {"a large body behind a 416 is read", large_body_behind_416},
        {"broken off: what arrived stays", broken_off},
        {"broken off: nothing is answered", broken_off_unanswered},
        {"a body that stalls until httpd's Timeout", stalled_until_timeout},
        {"Expect: 100-continue", expect_continue},
        {"the total is fixed by the first fragment", total_is_fixed},
        {"a stalled connection does not hold up its successor", stalled_predecessor},
        {"a stalled connection cannot change a committed file", stalled_across_commit},
        {"two writers at once", both_at_once},
        {"an empty file in all four ways", empty_file},
        {"totals of 2^40 and 2^63-1", large_totals},
        {"offsets beyond 4 GiB", beyond_4_gib},
    };

    SUITE_ADD("fragment", tests);
}
