/* SPDX-License-Identifier: Apache-2.0 */

/* The table of errors, row by row (protocol: errors). To add a row, add a case. */

#include "suites.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

#define POST     "BITS_POST /upload/case.bin HTTP/1.1\nHost: localhost:{PORT}\n"
#define FRAGMENT POST "BITS-Packet-Type: Fragment\nBITS-Session-Id: {SESSION}\n"
#define CREATE                                                                                     \
    "BITS-Packet-Type: Create-Session\nBITS-Supported-Protocols: " WIRE_PROTOCOL                   \
    "\nContent-Length: 0\n\n"
#define E_INVALIDARG      "BITS-Error-Code: 0x80070057"
#define E_INVALIDARG_ECHO E_INVALIDARG "\nBITS-Session-Id: {SESSION}"
#define SESSION_NOT_FOUND "BITS-Error-Code: 0x8020001F\nBITS-Session-Id: " WIRE_NO_SESSION

#define RUN(env, cases) wire_run((env), (cases), sizeof(cases) / sizeof((cases)[0]))

static void packets(void)
{
    static const wire_case_t cases[] = {
        {"no packet type", POST "Content-Length: 0\n\n", 400,
         E_INVALIDARG "\nBITS-Error: 0x80070057\nBITS-Error-Context: 0x5", WIRE_EITHER},
        {"unknown packet type", POST "BITS-Packet-Type: Fragments\nContent-Length: 0\n\n", 400,
         E_INVALIDARG, WIRE_EITHER},
        {"empty packet type", POST "BITS-Packet-Type:\nContent-Length: 0\n\n", 400, E_INVALIDARG,
         WIRE_EITHER},
        {"unknown packet type with a body",
         POST "BITS-Packet-Type: Nothing\nContent-Length: 6\n\nGET / ", 400, E_INVALIDARG,
         WIRE_EITHER},
        {"unknown packet type echoes the session",
         POST "BITS-Packet-Type: Nothing\nBITS-Session-Id: {SESSION}\n\n", 400, E_INVALIDARG_ECHO,
         WIRE_EITHER},
        {"compressed body",
         FRAGMENT "Content-Range: bytes 0-4/5\nContent-Encoding: gzip\nContent-Length: 5\n\n12345",
         400, E_INVALIDARG_ECHO, WIRE_EITHER},
        {"identity is no compression",
         FRAGMENT "Content-Range: bytes 0-4/5\nContent-Encoding: identity\n"
                  "Content-Length: 5\n\n12345",
         200, "BITS-Received-Content-Range: 5\nBITS-Session-Id: {SESSION}", WIRE_KEPT},
    };

    RUN(httpd_env_start(NULL), cases);
}

static void session_ids(void)
{
    static const wire_case_t cases[] = {
        {"Fragment without an id",
         POST "BITS-Packet-Type: Fragment\nContent-Range: bytes 0-4/5\n"
              "Content-Length: 5\n\n12345",
         400, E_INVALIDARG "\n!BITS-Session-Id", WIRE_EITHER},
        {"Close without an id", POST "BITS-Packet-Type: Close-Session\nContent-Length: 0\n\n", 400,
         E_INVALIDARG, WIRE_EITHER},
        {"Cancel without an id", POST "BITS-Packet-Type: Cancel-Session\nContent-Length: 0\n\n",
         400, E_INVALIDARG, WIRE_EITHER},
        {"id is no GUID", POST "BITS-Packet-Type: Close-Session\nBITS-Session-Id: 1\n\n", 400,
         E_INVALIDARG, WIRE_EITHER},
        {"id with one brace",
         POST "BITS-Packet-Type: Close-Session\n"
              "BITS-Session-Id: {A0FF5911-4144-45B3-BF27-27AFC8EC8A67\n\n",
         400, E_INVALIDARG, WIRE_EITHER},
        {"id that leads out of the spool",
         POST "BITS-Packet-Type: Close-Session\n"
              "BITS-Session-Id: {../../../../../../../../../etc/passwd}\n\n",
         400, E_INVALIDARG, WIRE_EITHER},
        {"Fragment of no session",
         POST "BITS-Packet-Type: Fragment\nBITS-Session-Id: " WIRE_NO_SESSION
              "\nContent-Range: bytes 0-4/5\nContent-Length: 5\n\n12345",
         500, SESSION_NOT_FOUND, WIRE_EITHER},
        {"Close of no session",
         POST "BITS-Packet-Type: Close-Session\nBITS-Session-Id: " WIRE_NO_SESSION "\n\n", 500,
         SESSION_NOT_FOUND, WIRE_EITHER},
        {"Cancel of no session",
         POST "BITS-Packet-Type: Cancel-Session\nBITS-Session-Id: " WIRE_NO_SESSION "\n\n", 500,
         SESSION_NOT_FOUND, WIRE_EITHER},
    };

    RUN(httpd_env_start(NULL), cases);
}

/** A Fragment with this Content-Range and five bytes. */
#define RANGE(name, range)                                                                         \
    {                                                                                              \
        name, FRAGMENT "Content-Range: " range "\nContent-Length: 5\n\n12345", 400,                \
            E_INVALIDARG_ECHO, WIRE_EITHER                                                         \
    }

static void ranges(void)
{
    static const wire_case_t cases[] = {
        {"no range", FRAGMENT "Content-Length: 5\n\n12345", 400, E_INVALIDARG_ECHO, WIRE_EITHER},
        RANGE("empty", ""),
        RANGE("no unit", "0-4/5"),
        RANGE("other unit", "lines 0-4/5"),
        RANGE("no total", "bytes 0-4"),
        RANGE("unknown total", "bytes 0-4/*"),
        RANGE("a star and a total", "bytes */5"),
        RANGE("no end", "bytes 0-/5"),
        RANGE("no start", "bytes -4/5"),
        RANGE("not a number", "bytes a-e/f"),
        RANGE("hexadecimal", "bytes 0x0-0x4/0x5"),
        RANGE("negative", "bytes 0--4/5"),
        RANGE("signed", "bytes +0-+4/+5"),
        RANGE("something behind", "bytes 0-4/5 and more"),
        RANGE("two ranges", "bytes 0-4/5, 5-9/10"),
        RANGE("given twice", "bytes 0-4/5\nContent-Range: bytes 0-4/5"),
        RANGE("start behind end", "bytes 9-5/20"),
        RANGE("end is total", "bytes 0-5/5"),
        RANGE("end behind total", "bytes 6-10/8"),
        RANGE("shorter than the body", "bytes 0-3/10"),
        RANGE("longer than the body", "bytes 0-5/10"),
        RANGE("an empty file with a body", "bytes 0-0/0"),
        RANGE("an empty file by star with a body", "bytes */0"),
        RANGE("total of 2^63", "bytes 0-4/9223372036854775808"),
        RANGE("total of 2^64 + 5", "bytes 0-4/18446744073709551621"),
        RANGE("end of 2^64 + 4", "bytes 0-18446744073709551620/10"),
        RANGE("start of 2^64", "bytes 18446744073709551616-4/5"),
        RANGE("end of 2^63", "bytes 9223372036854775804-9223372036854775808/9223372036854775807"),
        RANGE("wrapped end with a total", "bytes 0-18446744073709551615/5"),
        RANGE("numbers without end", "bytes 0-4/50000000000000000000000000000000000000000000"),
    };

    RUN(httpd_env_start(NULL), cases);
}

static void lengths(void)
{
    static const wire_case_t cases[] = {
        {"Fragment without a length", FRAGMENT "Content-Range: bytes 0-4/5\n\n", 411,
         E_INVALIDARG_ECHO, WIRE_EITHER},
        {"Fragment in chunks",
         FRAGMENT "Content-Range: bytes 0-4/5\nTransfer-Encoding: chunked\n\n5\n12345\n0\n\n", 411,
         E_INVALIDARG_ECHO, WIRE_EITHER},
        {"Ping in chunks",
         POST "BITS-Packet-Type: Ping\nTransfer-Encoding: chunked\n\n5\n12345\n0\n\n", 411,
         E_INVALIDARG, WIRE_EITHER},
        {"Create-Session in no chunks",
         POST "BITS-Packet-Type: Create-Session\nBITS-Supported-Protocols: " WIRE_PROTOCOL
              "\nTransfer-Encoding: chunked\n\n0\n\n",
         411, E_INVALIDARG, WIRE_EITHER},
        {"Close-Session in no chunks",
         POST "BITS-Packet-Type: Close-Session\nBITS-Session-Id: {SESSION}\n"
              "Transfer-Encoding: chunked\n\n0\n\n",
         411, E_INVALIDARG_ECHO, WIRE_EITHER},
        {"Cancel-Session in no chunks",
         POST "BITS-Packet-Type: Cancel-Session\nBITS-Session-Id: {SESSION}\n"
              "Transfer-Encoding: chunked\n\n0\n\n",
         411, E_INVALIDARG_ECHO, WIRE_EITHER},
        {"Close-Session with a body",
         POST "BITS-Packet-Type: Close-Session\nBITS-Session-Id: {SESSION}\n"
              "Content-Length: 5\n\n12345",
         400, E_INVALIDARG_ECHO, WIRE_EITHER},
        {"Cancel-Session with a body",
         POST "BITS-Packet-Type: Cancel-Session\nBITS-Session-Id: {SESSION}\n"
              "Content-Length: 5\n\n12345",
         400, E_INVALIDARG_ECHO, WIRE_EITHER},
        {"a body that looks like a request is none",
         POST "BITS-Packet-Type: Ping\nContent-Length: 167\n\n"
              "BITS_POST /upload/case.bin HTTP/1.1\nHost: x\n" CREATE,
         400, E_INVALIDARG, WIRE_EITHER},
    };

    RUN(httpd_env_start(NULL), cases);
}

/** Send a Ping with a header of that many bytes and hold the answer to a status. */
static void ping_with(httpd_env_t *env, const char *name, size_t length, int status)
{
    wire_t *wire = wire_connect(env);
    char *value = apr_palloc(httpd_env_pool(), length + 1);

    memset(value, 'x', length);
    value[length] = '\0';
    wire_send(wire,
              "BITS_POST /upload/a.txt HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: Ping\r\n"
              "%s: %s\r\n\r\n",
              name, value);
    CHECK_ANSWER(wire_read(wire), status, status == 200 ? NULL : "0x80070057");
}

static void long_values(void)
{
    httpd_env_t *env = httpd_env_start(NULL);

    ping_with(env, "Content-Name", 4096, 200);
    ping_with(env, "Content-Name", 4097, 400);
    ping_with(env, "BITS-Session-Id", 4097, 400);
    ping_with(env, "bits-something-new", 4097, 400);
    ping_with(env, "Content-Range", 4097, 400);
    ping_with(env, "Authorization", 6000, 200);
    ping_with(env, "X-Other", 6000, 200);
}

static void destinations(void)
{
    static const wire_case_t cases[] = {
        {"a folder", "BITS_POST /upload/folder HTTP/1.1\nHost: x\n" CREATE, 400,
         E_INVALIDARG "\n!Location\n!BITS-Session-Id", WIRE_EITHER},
        {"a folder with a slash", "BITS_POST /upload/folder/ HTTP/1.1\nHost: x\n" CREATE, 400,
         E_INVALIDARG "\n!Location", WIRE_EITHER},
        {"the upload folder itself", "BITS_POST /upload HTTP/1.1\nHost: x\n" CREATE, 400,
         E_INVALIDARG "\n!Location", WIRE_EITHER},
        {"a folder that has an index", "BITS_POST /upload/index/ HTTP/1.1\nHost: x\n" CREATE, 400,
         E_INVALIDARG, WIRE_EITHER},
        {"no such folder", "BITS_POST /upload/none/a.txt HTTP/1.1\nHost: x\n" CREATE, 404,
         "BITS-Error-Code: 0x80070003\n!BITS-Session-Id", WIRE_EITHER},
        {"no such folders", "BITS_POST /upload/none/none/a.txt HTTP/1.1\nHost: x\n" CREATE, 404,
         "BITS-Error-Code: 0x80070003", WIRE_EITHER},
        {"a file in the place of a folder",
         "BITS_POST /upload/old.txt/a.txt HTTP/1.1\nHost: x\n" CREATE, 404,
         "BITS-Error-Code: 0x80070003", WIRE_EITHER},
        {"a file that exists", "BITS_POST /upload/old.txt HTTP/1.1\nHost: x\n" CREATE, 403,
         "BITS-Error-Code: 0x80070005\n!BITS-Session-Id", WIRE_EITHER},
        {"a folder that cannot be written",
         "BITS_POST /upload/closed/a.txt HTTP/1.1\nHost: x\n" CREATE, 403,
         "BITS-Error-Code: 0x80070005", WIRE_EITHER},
    };
    httpd_env_t *env = httpd_env_start(NULL);

    files_mkdir(httpd_env_path(env, "/upload/folder"), 0755);
    files_mkdir(httpd_env_path(env, "/upload/index"), 0755);
    files_write(httpd_env_path(env, "/upload/index/index.html"), "index", 5);
    files_mkdir(httpd_env_path(env, "/upload/closed"), 0555);
    files_write(httpd_env_path(env, "/upload/old.txt"), "old", 3);
    RUN(env, cases);
    CHECK_INT(files_size(httpd_env_path(env, "/upload/old.txt")), 3);
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), 4);
}

static void not_enabled(void)
{
    static const wire_case_t cases[] = {
        {"a file", "BITS_POST /plain/a.txt HTTP/1.1\nHost: x\n" CREATE, 501,
         "BITS-Error-Code: 0x80070005\nBITS-Error-Context: 0x5", WIRE_EITHER},
        {"a folder", "BITS_POST /plain HTTP/1.1\nHost: x\n" CREATE, 501,
         "BITS-Error-Code: 0x80070005\n!Location", WIRE_EITHER},
        {"a folder with a slash", "BITS_POST /plain/ HTTP/1.1\nHost: x\n" CREATE, 501,
         "BITS-Error-Code: 0x80070005", WIRE_EITHER},
        {"a Ping", "BITS_POST /plain/a.txt HTTP/1.1\nHost: x\nBITS-Packet-Type: Ping\n\n", 501,
         "BITS-Error-Code: 0x80070005", WIRE_EITHER},
        {"a Fragment",
         "BITS_POST /plain/a.txt HTTP/1.1\nHost: x\nBITS-Packet-Type: Fragment\n"
         "BITS-Session-Id: " WIRE_NO_SESSION
         "\nContent-Range: bytes 0-4/5\nContent-Length: 5\n\n12345",
         501, "BITS-Error-Code: 0x80070005\nBITS-Session-Id: " WIRE_NO_SESSION, WIRE_EITHER},
    };

    RUN(httpd_env_start(NULL), cases);
}

static void not_authorised(void)
{
    static const wire_case_t cases[] = {
        {"Create-Session", "BITS_POST /upload/denied/a.txt HTTP/1.1\nHost: x\n" CREATE, 403,
         "BITS-Error-Code: 0x80070005\nBITS-Error: 0x80070005\nBITS-Error-Context: 0x5",
         WIRE_EITHER},
        {"Fragment",
         "BITS_POST /upload/denied/a.txt HTTP/1.1\nHost: x\nBITS-Packet-Type: Fragment\n"
         "BITS-Session-Id: " WIRE_NO_SESSION
         "\nContent-Range: bytes 0-4/5\nContent-Length: 5\n\n12345",
         403, "BITS-Error-Code: 0x80070005\nBITS-Session-Id: " WIRE_NO_SESSION, WIRE_EITHER},
    };
    httpd_env_options_t options = {.directory = "ErrorDocument 403 \"a page for people\"\n",
                                   .server = "<Directory \"{DOCROOT}/upload/denied\">\n"
                                             "Require all denied\n</Directory>\n"};
    httpd_env_t *env = httpd_env_start(&options);

    httpd_env_expect(env, "AH01630"); /* client denied by server configuration */
    files_mkdir(httpd_env_path(env, "/upload/denied"), 0755);
    RUN(env, cases);
    CHECK_INT(files_count(httpd_env_path(env, "/upload/denied")), 0);
}

static void error_documents(void)
{
    static const wire_case_t cases[] = {
        {"400", POST "BITS-Packet-Type: Nothing\n\n", 400, E_INVALIDARG, WIRE_EITHER},
        {"404", "BITS_POST /upload/none/a.txt HTTP/1.1\nHost: x\n" CREATE, 404,
         "BITS-Error-Code: 0x80070003", WIRE_EITHER},
        {"411", FRAGMENT "Content-Range: bytes 0-4/5\n\n", 411, E_INVALIDARG_ECHO, WIRE_EITHER},
        {"500", POST "BITS-Packet-Type: Close-Session\nBITS-Session-Id: " WIRE_NO_SESSION "\n\n",
         500, SESSION_NOT_FOUND, WIRE_EITHER},
        {"501", "BITS_POST /plain/a.txt HTTP/1.1\nHost: x\n" CREATE, 501,
         "BITS-Error-Code: 0x80070005", WIRE_EITHER},
    };
    httpd_env_options_t options = {.server = "ErrorDocument 400 \"page\"\n"
                                             "ErrorDocument 404 /plain/page.html\n"
                                             "ErrorDocument 411 \"page\"\n"
                                             "ErrorDocument 500 /plain/page.html\n"
                                             "ErrorDocument 501 \"page\"\n"};
    httpd_env_t *env = httpd_env_start(&options);

    files_write(httpd_env_path(env, "/plain/page.html"), "page", 4);
    RUN(env, cases);
}

static void fragment_too_large(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxFragment 100\n"};
    upload_t up = upload_begin(&options, "/upload/a.bin");
    const char *file = files_noise(300, 6, httpd_env_pool());

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 100, 300), 200, 100);
    CHECK_ANSWER(wire_fragment(up.wire, up.path, up.id, file, 100, 101, 300), 413, "0x80200020");
    up.wire = wire_connect(up.env);
    wire_fragment_head(up.wire, up.path, up.id, 100, 200, 300);
    CHECK_ANSWER(wire_read(up.wire), 413, "0x80200020"); /* without waiting for the body */
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 100, 100, 300), 200, 200);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 200, 100, 300), 200, 300);
    upload_finish(&up, file, 300);
}

static void httpds_own_limit(void)
{
    httpd_env_options_t options = {.directory = "LimitRequestBody 1000\n"};
    upload_t up = upload_begin(&options, "/upload/a.bin");
    const char *file = files_noise(1500, 14, httpd_env_pool());

    CHECK_ANSWER(wire_fragment(up.wire, up.path, up.id, file, 0, 1500, 1500), 413, "0x80200020");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 750, 1500), 200, 750);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 750, 750, 1500), 200, 1500);
    upload_finish(&up, file, 1500);
}

static void upload_too_large(void)
{
    httpd_env_options_t options = {.directory = "BGUploadMaxSize 1K\n"};
    upload_t up = upload_begin(&options, "/upload/a.bin");
    const char *file = files_noise(1025, 7, httpd_env_pool());

    wire_fragment_head(up.wire, up.path, up.id, 0, 1025, 1025);
    CHECK_ANSWER(wire_read(up.wire), 500, "0x80200020"); /* before a byte is read */
    up.wire = wire_connect(up.env);
    CHECK_ANSWER(wire_fragment(up.wire, up.path, up.id, file, 0, 10, 1025), 500, "0x80200020");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 1024, 1024), 200, 1024);
    upload_finish(&up, file, 1024);
}

void suite_errors(void)
{
    static const suite_test_t tests[] = {
        {"packet types and encodings", packets},
        {"session ids", session_ids},
        {"Content-Range", ranges},
        {"lengths and bodies", lengths},
        {"values over 4 KiB", long_values},
        {"destinations", destinations},
        {"uploads are not enabled", not_enabled},
        {"httpd's authorisation refuses", not_authorised},
        {"no ErrorDocument for this protocol", error_documents},
        {"413 and smaller fragments", fragment_too_large},
        {"413 by LimitRequestBody", httpds_own_limit},
        {"total over the maximum", upload_too_large},
    };

    SUITE_ADD("errors", tests);
}
