/* SPDX-License-Identifier: Apache-2.0 */

/* Clients that lie about lengths: what they claim reserves nothing, and what they send beyond it
 * never becomes a request. */

#include "suites.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";

/** The largest total there is, and a large one. */
#define TOTAL_MAX   9223372036854775807LL
#define TOTAL_LARGE 4611686018427387904LL

/** Most bytes that the module reads only to drop them. */
#define DRAIN_MAX (16LL * 1024 * 1024)

/** The request that an attacker would like to see carried out. */
static const char *cancel_request(const upload_t *up)
{
    return httpd_env_format("BITS_POST %s HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Cancel-Session"
                            "\r\nBITS-Session-Id: %s\r\n\r\n",
                            up->path, up->id);
}

/** The head of a fragment with these lines instead of Content-Length. */
static const char *fragment_head(const upload_t *up, const char *range, const char *lines)
{
    return httpd_env_format("BITS_POST %s HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\n"
                            "BITS-Session-Id: %s\r\nContent-Range: bytes %s\r\n%s\r\n\r\n",
                            up->path, up->id, range, lines);
}

/** Lengths that are none, or two, and what they are answered. */
static const struct {
    const char *lines;
    int status;
} ambiguous[] = {
    {"Content-Length: 5\r\nContent-Length: 5", 400},
    {"Content-Length: 5\r\nContent-Length: 500", 400},
    {"Content-Length: 5, 5", 400},
    {"Content-Length: 5\r\nTransfer-Encoding: chunked", 411},
    {"Transfer-Encoding: chunked\r\nContent-Length: 5", 411},
    {"Transfer-Encoding: identity\r\nContent-Length: 5", 400},
    {"Transfer-Encoding: chunked, identity\r\nContent-Length: 5", 400},
    {"Content-Length: -5", 400},
    {"Content-Length: +5", 400},
    {"Content-Length: 0x5", 400},
    {"Content-Length: 5 5", 400},
    {"Content-Length: 5;", 400},
    {"Content-Length: 5.0", 400},
    {"Content-Length: five", 400},
    {"Content-Length:", 400},
    {"Content-Length : 5", 400},
    {"Content-Length: 5\r\n 5", 400},
    {"Content-Length: 9223372036854775808", 400},
    {"Content-Length: 18446744073709551621", 400},
};

/** Each is refused, the connection is closed, and nothing behind the head is a request. */
static void no_length(void)
{
    upload_t up = upload_begin(NULL, path);

    for (size_t i = 0; i < sizeof(ambiguous) / sizeof(ambiguous[0]); i++) {
        wire_t *wire = wire_connect(up.env);
        int status;

        wire_send(wire, "%s12345%s", fragment_head(&up, "0-4/10", ambiguous[i].lines),
                  cancel_request(&up));
        status = wire_read_any(wire)->status;
        if (status != ambiguous[i].status) {
            CHECK_FAIL("[%s] status %d, expected %d", ambiguous[i].lines, status,
                       ambiguous[i].status);
        }
        if (wire_read_any(wire)->status != 0) {
            CHECK_FAIL("[%s] what came behind was answered", ambiguous[i].lines);
        }
        wire_disconnect(wire);
    }
    CHECK_INT(upload_next(&up, 10), 0);
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), path, up.id), 200, NULL);
}

/** More than Content-Length says: the rest is no part of the file, and no request. */
static void more_than_told(void)
{
    upload_t up = upload_begin(NULL, path);

    wire_send(up.wire, "%s1234567890\r\n\r\n", fragment_head(&up, "0-4/10", "Content-Length: 5"));
    CHECK_NEXT(wire_read(up.wire), 200, 5);
    CHECK_INT(wire_read_any(up.wire)->status, 400);
    CHECK_INT(wire_read_any(up.wire)->status, 0);
    CHECK_INT(upload_next(&up, 10), 5);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "12345abcde", 5, 5, 10), 200, 10);
    upload_finish(&up, "12345abcde", 10);
}

/** The body of a fragment that is refused is dropped, though it looks like a request. */
static void request_in_refused_body(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *body = cancel_request(&up);
    const long long length = (long long)strlen(body);

    wire_fragment_head(up.wire, path, up.id, 10, length, 1000);
    wire_send_bytes(up.wire, body, strlen(body));
    CHECK_NEXT(wire_read(up.wire), 416, 0);
    wire_after(up.wire, path, WIRE_KEPT);
    CHECK_INT(upload_next(&up, 1000), 0);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

/** A refused body that is too large to be dropped: the connection is closed instead. */
static void large_refused_body(void)
{
    upload_t up = upload_begin(NULL, path);

    wire_fragment_head(up.wire, path, up.id, 10, DRAIN_MAX + 1, 2 * DRAIN_MAX);
    CHECK_NEXT(wire_read(up.wire), 416, 0);
    wire_after(up.wire, path, WIRE_CLOSED);
    up.wire = wire_connect(up.env);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

/** Bytes on the disk. */
static long long space_of(const char *file)
{
    struct stat info;

    REQUIRE(stat(file, &info) == 0);
    return (long long)info.st_blocks * 512;
}

/** A total of 2^62 bytes, of which ten come: no more is taken from the disk. */
static void claims_reserve_nothing(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *file;

    CHECK_NEXT(wire_fragment(up.wire, path, up.id, "1234567890", 0, 10, TOTAL_LARGE), 200, 10);
    file = upload_spool_file(&up);
    CHECK_INT(files_size(file), 10);
    CHECK(space_of(file) <= 65536);
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

/** As much as can be claimed, as one fragment: httpd's limit answers; without one only what comes
 * is taken, and kept. */
static void largest_length(void)
{
    httpd_env_options_t unlimited = {.directory = "LimitRequestBody 0\n"};
    upload_t up = upload_begin(NULL, path);

    wire_fragment_head(up.wire, path, up.id, 0, TOTAL_MAX, TOTAL_MAX);
    CHECK_ANSWER(wire_read(up.wire), 413, "0x80200020");
    wire_after(up.wire, path, WIRE_CLOSED);
    CHECK_INT(httpd_env_spool_count(up.env), 0);

    up = upload_begin(&unlimited, path);
    wire_fragment_head(up.wire, path, up.id, 0, TOTAL_MAX, TOTAL_MAX);
    wire_send_bytes(up.wire, "1234567890", 10);
    wire_end_sending(up.wire);
    CHECK_INT(wire_read_any(up.wire)->status, 0);
    CHECK_INT(upload_next(&up, TOTAL_MAX), 10);
    CHECK(space_of(upload_spool_file(&up)) <= 65536);
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), path, up.id), 200, NULL);
}

/** Sums beyond 2^63 do not come out small again. */
static void claims_and_limits(void)
{
    httpd_env_options_t options = {
        .directory = "BGUploadQuota 100\n",
        .server = "<Directory \"{DOCROOT}/upload/large\">\nBGUploadQuota 4611686018427387904\n"
                  "</Directory>\n<Directory \"{DOCROOT}/upload/small\">\nBGUploadQuota 0\n"
                  "BGUploadMaxSize 1M\n</Directory>\n"};
    upload_t up = upload_begin(&options, path);
    upload_t small;
    upload_t large[2];

    files_mkdir(httpd_env_path(up.env, "/upload/large"), 0755);
    files_mkdir(httpd_env_path(up.env, "/upload/small"), 0755);
    CHECK_ANSWER(wire_fragment(up.wire, path, up.id, "12345", 0, 5, TOTAL_LARGE), 500,
                 "0x80070070");
    small = upload_another(up.env, "/upload/small/a");
    CHECK_ANSWER(wire_fragment(small.wire, small.path, small.id, "12345", 0, 5, TOTAL_LARGE), 500,
                 "0x80200020");
    for (int i = 0; i < 2; i++) {
        large[i] = upload_another(up.env, httpd_env_format("/upload/large/%d", i));
    }
    CHECK_NEXT(wire_fragment(large[0].wire, large[0].path, large[0].id, "12345", 0, 5, TOTAL_LARGE),
               200, 5);
    CHECK_ANSWER(wire_fragment(large[1].wire, large[1].path, large[1].id, "12345", 0, 5, TOTAL_MAX),
                 500, "0x80070070");
    CHECK_ANSWER(wire_cancel(large[0].wire, large[0].path, large[0].id), 200, NULL);
    CHECK_INT(httpd_env_spool_count(up.env), 0);
}

/** A refusal comes instead of 100 Continue; a client that waited for that need not send a byte. */
static void expect_and_refusal(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxFragment 1K\nBGUploadMaxSize 1M\n"};
    upload_t up = upload_begin(&options, path);
    const struct {
        const char *path, *id, *range;
        int length, status;
    } refused[] = {
        {path, up.id, "5-1/10", 5, 400},           {path, up.id, "0-4/10", 6, 400},
        {path, up.id, "10-14/100", 5, 416},        {path, up.id, "0-2047/4096", 2048, 413},
        {path, up.id, "0-4/2000000", 5, 500},      {path, WIRE_NO_SESSION, "0-4/10", 5, 500},
        {"/plain/a.bin", up.id, "0-4/10", 5, 501},
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        wire_t *wire = wire_connect(up.env);
        const wire_answer_t *answer;

        wire_send(wire,
                  "BITS_POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  "BITS-Packet-Type: Fragment\r\nBITS-Session-Id: %s\r\n"
                  "Content-Range: bytes %s\r\nContent-Length: %d\r\n\r\n",
                  refused[i].path, refused[i].id, refused[i].range, refused[i].length);
        answer = wire_read(wire);
        CHECK_INT(answer->status, refused[i].status);
        CHECK_INT(answer->interim, 0);
        wire_after(wire, path, WIRE_CLOSED);
        wire_disconnect(wire);
    }
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), path, up.id), 200, NULL);
}

/** One packet of the elder protocol on a connection of its own. */
static const wire_answer_t *old_packet(const upload_t *up, const char *lines, wire_after_e after)
{
    wire_t *wire = wire_connect(up->env);
    const wire_answer_t *answer;

    wire_send(wire, "BITS_POST %s HTTP/1.0\r\nBITS-Session-Id: %s\r\n%s", up->path, up->id, lines);
    answer = wire_read(wire);
    wire_after(wire, up->path, after);
    wire_disconnect(wire);
    return answer;
}

/** HTTP/1.0 has no persistent connections unless it says so, and bodies that end with them. */
static void http_1_0(void)
{
    upload_t up = upload_begin(NULL, path);

    CHECK_ANSWER(old_packet(&up,
                            "BITS-Packet-Type: Fragment\r\nContent-Range: bytes 0-4/10\r\n\r\n"
                            "12345",
                            WIRE_CLOSED),
                 411, "0x80070057");
    CHECK_NEXT(old_packet(&up,
                          "BITS-Packet-Type: Fragment\r\nContent-Range: bytes 0-4/10\r\n"
                          "Content-Length: 5\r\n\r\n12345",
                          WIRE_CLOSED),
               200, 5);
    CHECK_NEXT(old_packet(&up,
                          "BITS-Packet-Type: Fragment\r\nContent-Range: bytes 5-9/10\r\n"
                          "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n67890",
                          WIRE_KEPT),
               200, 10);
    CHECK_ANSWER(old_packet(&up, "BITS-Packet-Type: Close-Session\r\n\r\n", WIRE_CLOSED), 200,
                 NULL);
    upload_check_file(&up, "1234567890", 10);
}

void suite_overload_lengths(void)
{
    static const suite_test_t tests[] = {
        {"a length that is none, or two", no_length},
        {"more bytes than told", more_than_told},
        {"a request in a refused body", request_in_refused_body},
        {"a refused body of more than 16 MiB", large_refused_body},
        {"2^62 bytes reserve nothing", claims_reserve_nothing},
        {"a fragment of 2^63-1 bytes", largest_length},
        {"sums beyond 2^63", claims_and_limits},
        {"Expect: 100-continue, and a refusal", expect_and_refusal},
        {"HTTP/1.0", http_1_0},
    };

    SUITE_ADD("overload_lengths", tests);
}
