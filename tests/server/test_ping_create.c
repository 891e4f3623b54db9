/* SPDX-License-Identifier: Apache-2.0 */

/* Ping and Create-Session (protocol: requests and answers). */

#include "suites.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "wire.h"

#define OTHER_GUID "{12345678-90AB-CDEF-1234-567890ABCDEF}"

#define POST "BITS_POST /upload/case.bin HTTP/1.1\nHost: localhost\n"

static void ping(void)
{
    static const wire_case_t cases[] = {
        {"as Windows writes it", POST "BITS-Packet-Type: Ping\nContent-Length: 0\n\n", 200,
         "!BITS-Session-Id\n!BITS-Protocol\n!BITS-Received-Content-Range", WIRE_KEPT},
        {"names and values compare without case",
         POST "bits-packet-TYPE: pING\ncontent-length: 0\n\n", 200, NULL, WIRE_KEPT},
        {"without a length", POST "BITS-Packet-Type: Ping\n\n", 200, NULL, WIRE_KEPT},
        {"headers that nobody knows", POST "BITS-Packet-Type: Ping\nBITS-New: x\nX-Y: z\n\n", 200,
         NULL, WIRE_KEPT},
        {"with a body", POST "BITS-Packet-Type: Ping\nContent-Length: 4\n\nbody", 400,
         "BITS-Error-Code: 0x80070057", WIRE_EITHER},
        {"of a file that is not there",
         "BITS_POST /upload/none.txt HTTP/1.1\nHost: x\nBITS-Packet-Type: Ping\n\n", 200, NULL,
         WIRE_KEPT},
    };

    wire_run(httpd_env_start(NULL), cases, sizeof(cases) / sizeof(cases[0]));
}

/** Send a Create-Session with these protocols and hold it to a status; cancels what it makes. */
static void create_with(wire_t *wire, const char *protocols, int status)
{
    const char *more = "";
    const wire_answer_t *answer;
    const char *id;

    if (protocols != NULL) {
        more = apr_pstrcat(httpd_env_pool(), "BITS-Supported-Protocols: ", protocols, "\r\n", NULL);
    }
    answer = wire_packet(wire, WIRE_CASE_PATH, "Create-Session", NULL, more, NULL, 0);
    id = wire_header(answer, "BITS-Session-Id");
    if (answer->status != status) {
        CHECK_FAIL("protocols \"%.200s\": status %d, expected %d", protocols, answer->status,
                   status);
    }
    CHECK_STR(wire_header(answer, "BITS-Error-Code"), status == 200 ? NULL : "0x80070057");
    CHECK((id != NULL) == (status == 200));
    if (id != NULL) {
        CHECK_ANSWER(wire_cancel(wire, WIRE_CASE_PATH, id), 200, NULL);
    }
}

static void protocols(void)
{
    static const struct {
        const char *protocols;
        int status;
    } cases[] = {
        {WIRE_PROTOCOL, 200},
        {"{7DF0354D-249B-430F-820D-3D2A9BEF4931}", 200},
        {"7df0354d-249b-430f-820d-3d2a9bef4931", 200},
        {OTHER_GUID " " WIRE_PROTOCOL, 200},
        {OTHER_GUID "," WIRE_PROTOCOL, 200},
        {OTHER_GUID ", " WIRE_PROTOCOL " ," OTHER_GUID, 200},
        {OTHER_GUID, 400},
        {"", 400},
        {"7df0354d", 400},
        {"{7df0354d-249b-430f-820d-3d2a9bef4931", 400},
        {NULL, 400},
    };
    httpd_env_t *env = httpd_env_start(NULL);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        create_with(wire_connect(env), cases[i].protocols, cases[i].status);
    }
}

/** Some other protocols, then ours as the last. */
static const char *many_protocols(int count)
{
    const char *list = "";
    int i;

    for (i = 1; i < count; i++) {
        list = httpd_env_format("%s{%08d-90AB-CDEF-1234-567890ABCDEF} ", list, i);
    }
    return apr_pstrcat(httpd_env_pool(), list, WIRE_PROTOCOL, NULL);
}

static void hundred_protocols(void)
{
    httpd_env_t *env = httpd_env_start(NULL);

    create_with(wire_connect(env), many_protocols(100), 200);
    create_with(wire_connect(env), many_protocols(101), 400);
}

/** Whether a text is a GUID in upper case with braces. */
static int is_guid(const char *text)
{
    static const char form[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    size_t i;

    if (text == NULL || strlen(text) != strlen(form)) {
        return 0;
    }
    for (i = 0; form[i] != '\0'; i++) {
        if (form[i] == 'x' ? strchr("0123456789ABCDEF", text[i]) == NULL : form[i] != text[i]) {
            return 0;
        }
    }
    return 1;
}

static void create_answer(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    wire_t *wire = wire_connect(env);
    const wire_answer_t *answer =
        wire_packet(wire, "/upload/a.txt", "Create-Session", NULL,
                    "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0);
    const char *first = wire_header(answer, "BITS-Session-Id");
    const char *second = wire_create(wire, "/upload/a.txt");

    CHECK_ANSWER(answer, 200, NULL);
    CHECK_STR(wire_header(answer, "BITS-Protocol"), WIRE_PROTOCOL);
    CHECK_STR(wire_header(answer, "Accept-Encoding"), "identity");
    CHECK_STR(wire_header(answer, "BITS-Host-Id"), NULL);
    CHECK_STR(wire_header(answer, "BITS-Host-Id-Fallback-Timeout"), NULL);
    CHECK_STR(wire_header(answer, "BITS-Received-Content-Range"), NULL);
    CHECK(is_guid(first));
    CHECK(is_guid(second));
    CHECK(first != NULL && strcmp(first, second) != 0);
    CHECK(!files_exists(httpd_env_path(env, "/upload/a.txt")));
    wire_cancel(wire, "/upload/a.txt", first);
    wire_cancel(wire, "/upload/a.txt", second);
}

static void create_forms(void)
{
    static const wire_case_t cases[] = {
        {"without a length",
         POST "BITS-Packet-Type: Create-Session\nBITS-Supported-Protocols: " OTHER_GUID "\n\n", 400,
         "BITS-Error-Code: 0x80070057", WIRE_EITHER},
        {"with a body",
         POST "BITS-Packet-Type: Create-Session\nBITS-Supported-Protocols: " WIRE_PROTOCOL
              "\nContent-Length: 4\n\nbody",
         400, "BITS-Error-Code: 0x80070057\n!BITS-Session-Id", WIRE_EITHER},
    };
    httpd_env_t *env = httpd_env_start(NULL);
    wire_t *wire = wire_connect(env);
    const wire_answer_t *answer;

    wire_run(env, cases, sizeof(cases) / sizeof(cases[0]));
    wire_send(wire, "BITS_POST /upload/a.txt?x=1&y HTTP/1.1\r\nHost: localhost\r\n"
                    "BITS-Packet-Type: Create-Session\r\n"
                    "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n\r\n");
    answer = wire_read(wire);
    CHECK_ANSWER(answer, 200, NULL);
    wire_after(wire, "/upload/a.txt", WIRE_KEPT);
    wire_cancel(wire, "/upload/a.txt", wire_header(answer, "BITS-Session-Id"));
}

static void host_id(void)
{
    httpd_env_options_t options = {.directory = "BGUploadHostId node7.example.com\n"
                                                "BGUploadHostIdFallbackTimeout 2mi\n"};
    httpd_env_t *env = httpd_env_start(&options);
    wire_t *wire = wire_connect(env);
    const wire_answer_t *answer =
        wire_packet(wire, "/upload/a.txt", "Create-Session", NULL,
                    "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0);
    const char *id = wire_header(answer, "BITS-Session-Id");

    CHECK_ANSWER(answer, 200, NULL);
    CHECK_STR(wire_header(answer, "BITS-Host-Id"), "node7.example.com");
    CHECK_STR(wire_header(answer, "BITS-Host-Id-Fallback-Timeout"), "120");
    answer = wire_packet(wire, "/upload/a.txt", "Ping", NULL, NULL, NULL, 0);
    CHECK_STR(wire_header(answer, "BITS-Host-Id"), NULL);
    wire_cancel(wire, "/upload/a.txt", id);
}

void suite_ping_create(void)
{
    static const suite_test_t tests[] = {
        {"Ping", ping},
        {"protocols in all their forms", protocols},
        {"a hundred protocols, not more", hundred_protocols},
        {"what Create-Session is answered", create_answer},
        {"Create-Session with a body, without a length, with a query", create_forms},
        {"host id and its fallback", host_id},
    };

    SUITE_ADD("ping_create", tests);
}
