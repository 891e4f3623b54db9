/* SPDX-License-Identifier: Apache-2.0 */

/* POST in the place of BITS_POST (protocol: requests of other clients). */

#include "suites.h"

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

#define OVERRIDE                                                                                   \
    "POST /upload/case.bin HTTP/1.1\nHost: localhost\nX-Http-Method-Override: BITS_POST\n"
#define CREATE                                                                                     \
    "BITS-Packet-Type: Create-Session\nBITS-Supported-Protocols: " WIRE_PROTOCOL                   \
    "\nContent-Length: 0\n\n"

static const httpd_env_options_t on = {.directory = "BGUploadMethodOverride On\n"};

/** Send a request that is httpd's own business; returns its status. */
static int plain_status(httpd_env_t *env, const char *request)
{
    wire_t *wire = wire_connect(env);
    const wire_answer_t *answer;

    wire_send(wire, "%s", request);
    answer = wire_read_any(wire);
    CHECK_STR(wire_header(answer, "BITS-Packet-Type"), NULL);
    CHECK_STR(wire_header(answer, "BITS-Session-Id"), NULL);
    return answer->status;
}

static void off_by_default(void)
{
    httpd_env_t *env = httpd_env_start(NULL);

    CHECK(plain_status(env, "POST /upload/a.txt HTTP/1.1\r\nHost: x\r\n"
                            "X-Http-Method-Override: BITS_POST\r\n"
                            "BITS-Packet-Type: Ping\r\nContent-Length: 0\r\n\r\n") >= 400);
}

static void other_requests(void)
{
    httpd_env_t *env = httpd_env_start(&on);

    files_write(httpd_env_path(env, "/upload/a.txt"), "hello", 5);
    CHECK(plain_status(env, "POST /upload/b.txt HTTP/1.1\r\nHost: x\r\n"
                            "BITS-Packet-Type: Ping\r\nContent-Length: 0\r\n\r\n") >= 400);
    CHECK_INT(plain_status(env, "GET /upload/a.txt HTTP/1.1\r\nHost: x\r\n"
                                "X-Http-Method-Override: BITS_POST\r\n"
                                "BITS-Packet-Type: Ping\r\n\r\n"),
              200);
    CHECK_INT(plain_status(env, "GET /upload/a.txt HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
}

static void same_rules(void)
{
    static const wire_case_t cases[] = {
        {"Ping", OVERRIDE "BITS-Packet-Type: Ping\nContent-Length: 0\n\n", 200, NULL, WIRE_KEPT},
        {"Fragment",
         OVERRIDE "BITS-Packet-Type: Fragment\nBITS-Session-Id: {SESSION}\n"
                  "Content-Range: bytes 0-4/10\nContent-Length: 5\n\n12345",
         200, "BITS-Received-Content-Range: 5", WIRE_KEPT},
        {"gap",
         OVERRIDE "BITS-Packet-Type: Fragment\nBITS-Session-Id: {SESSION}\n"
                  "Content-Range: bytes 5-9/10\nContent-Length: 5\n\n12345",
         416, "BITS-Received-Content-Range: 0", WIRE_KEPT},
        {"no packet type", OVERRIDE "Content-Length: 0\n\n", 400, "BITS-Error-Code: 0x80070057",
         WIRE_EITHER},
        {"no such folder",
         "POST /upload/none/a.txt HTTP/1.1\nHost: localhost\n"
         "X-Http-Method-Override: BITS_POST\n" CREATE,
         404, "BITS-Error-Code: 0x80070003", WIRE_EITHER},
        {"a folder",
         "POST /upload HTTP/1.1\nHost: localhost\nX-Http-Method-Override: BITS_POST\n" CREATE, 400,
         "BITS-Error-Code: 0x80070057", WIRE_EITHER},
        {"chunks", OVERRIDE "BITS-Packet-Type: Ping\nTransfer-Encoding: chunked\n\n0\n\n", 411,
         "BITS-Error-Code: 0x80070057", WIRE_EITHER},
    };

    wire_run(httpd_env_start(&on), cases, sizeof(cases) / sizeof(cases[0]));
}

/** Send a packet as POST with the override; more brings session and range. */
static const wire_answer_t *post(wire_t *wire, const char *type, const char *more, const char *body)
{
    wire_send(wire,
              "POST /upload/a.txt HTTP/1.1\r\nHost: localhost\r\n"
              "X-Http-Method-Override: BITS_POST\r\nBITS-Packet-Type: %s\r\n%s"
              "Content-Length: %d\r\n\r\n%s",
              type, more, *body != '\0' ? 5 : 0, body);
    return wire_read(wire);
}

static void whole_upload(void)
{
    httpd_env_t *env = httpd_env_start(&on);
    wire_t *wire = wire_connect(env);
    apr_pool_t *pool = httpd_env_pool();
    const wire_answer_t *answer =
        post(wire, "Create-Session", "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", "");
    upload_t up = {env, wire, "/upload/a.txt", wire_header(answer, "BITS-Session-Id")};
    const char *session;

    REQUIRE(answer->status == 200 && up.id != NULL);
    session = apr_pstrcat(pool, "BITS-Session-Id: ", up.id, "\r\n", NULL);
    CHECK_NEXT(post(wire, "Fragment",
                    apr_pstrcat(pool, session, "Content-Range: bytes 0-4/10\r\n", NULL), "12345"),
               200, 5);
    CHECK_NEXT(post(wire, "Fragment",
                    apr_pstrcat(pool, session, "Content-Range: bytes 5-9/10\r\n", NULL), "67890"),
               200, 10);
    CHECK_ANSWER(post(wire, "Close-Session", session, ""), 200, NULL);
    upload_check_file(&up, "1234567890", 10);
}

void suite_override(void)
{
    static const suite_test_t tests[] = {
        {"off by default", off_by_default},
        {"other requests are httpd's", other_requests},
        {"the same rules", same_rules},
        {"a whole upload", whole_upload},
    };

    SUITE_ADD("override", tests);
}
