/* SPDX-License-Identifier: Apache-2.0 */

/* Answer in, response headers out. */

#include <string.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_packet.h"
#include "fixture.h"
#include "suites.h"

#define ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** An answer and all of its headers. */
struct answer_case {
    const char *name;
    bgu_answer_t answer;
    const char *headers; /**< "Name: value", one a line */
};

static const struct answer_case cases[] = {
    {"ping", {.result = BGU_OK, .next = -1}, "BITS-Packet-Type: Ack\n"},
    {"created",
     {.result = BGU_OK, .session_id = ID, .next = -1, .created = 1},
     "BITS-Packet-Type: Ack\nBITS-Protocol: {7df0354d-249b-430f-820d-3d2a9bef4931}\n"
     "BITS-Session-Id: {" ID "}\nAccept-Encoding: identity\n"},
    {"created with a host id",
     {.result = BGU_OK,
      .session_id = ID,
      .next = -1,
      .created = 1,
      .host_id = "node7.example.com",
      .host_id_fallback = APR_TIME_C(86400) * APR_USEC_PER_SEC},
     "BITS-Packet-Type: Ack\nBITS-Protocol: {7df0354d-249b-430f-820d-3d2a9bef4931}\n"
     "BITS-Session-Id: {" ID "}\nAccept-Encoding: identity\nBITS-Host-Id: node7.example.com\n"
     "BITS-Host-Id-Fallback-Timeout: 86400\n"},
    {"fragment",
     {.result = BGU_OK, .session_id = ID, .next = 4892},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Received-Content-Range: 4892\n"},
    {"fragment of an empty file",
     {.result = BGU_OK, .session_id = ID, .next = 0},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Received-Content-Range: 0\n"},
    {"64 bits",
     {.result = BGU_OK, .session_id = ID, .next = APR_INT64_C(9223372036854775807)},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\n"
     "BITS-Received-Content-Range: 9223372036854775807\n"},
    {"closed",
     {.result = BGU_OK, .session_id = ID, .next = -1},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\n"},
    {"416",
     {.result = BGU_RANGE, .session_id = ID, .next = 10},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Received-Content-Range: 10\n"
     "BITS-Error-Code: 0x0\nBITS-Error: 0x0\nBITS-Error-Context: 0x5\n"},
    {"416 with nothing there",
     {.result = BGU_RANGE, .session_id = ID, .next = 0},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Received-Content-Range: 0\n"
     "BITS-Error-Code: 0x0\nBITS-Error: 0x0\nBITS-Error-Context: 0x5\n"},
    {"400 without a session",
     {.result = BGU_BAD_REQUEST, .next = -1, .detail = "no good"},
     "BITS-Packet-Type: Ack\nBITS-Error-Code: 0x80070057\nBITS-Error: 0x80070057\n"
     "BITS-Error-Context: 0x5\n"},
    {"500 with a session",
     {.result = BGU_SESSION_NOT_FOUND, .session_id = ID, .next = -1},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Error-Code: 0x8020001F\n"
     "BITS-Error: 0x8020001F\nBITS-Error-Context: 0x5\n"},
    {"413",
     {.result = BGU_FRAGMENT_TOO_LARGE, .session_id = ID, .next = -1},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Error-Code: 0x80200020\n"
     "BITS-Error: 0x80200020\nBITS-Error-Context: 0x5\n"},
    {"503",
     {.result = BGU_BUSY, .session_id = ID, .next = -1},
     "BITS-Packet-Type: Ack\nBITS-Session-Id: {" ID "}\nBITS-Error-Code: 0x80070020\n"
     "BITS-Error: 0x80070020\nBITS-Error-Context: 0x5\nRetry-After: 5\n"},
};

/** Each line is a header, and there are as many headers as lines. */
static void check_headers(const char *name, const apr_table_t *headers, const char *lines,
                          apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, lines);
    char *line;
    int count = 0;

    for (line = apr_strtok(rest, "\n", &rest); line != NULL; line = apr_strtok(NULL, "\n", &rest)) {
        char *colon = strstr(line, ": ");

        REQUIRE(colon != NULL);
        *colon = '\0';
        CASE_STR(apr_psprintf(pool, "%s: %s", name, line), apr_table_get(headers, line), colon + 2);
        count++;
    }
    CASE_INT(name, apr_table_elts(headers)->nelts, count);
}

static void test_headers(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        apr_table_t *headers = apr_table_make(f->pool, 4);

        bgu_answer_write(headers, &cases[i].answer);
        check_headers(cases[i].name, headers, cases[i].headers, f->pool);
    }
}

/** Every error says so twice and names its context; the code is the table's. */
static void test_every_error(void)
{
    fixture_t *f = fixture_open_bare();
    int i;

    for (i = BGU_OK + 1; i < BGU_DISCONNECTED; i++) {
        const bgu_error_t *error = bgu_error((bgu_result_e)i);
        apr_table_t *whole = apr_table_make(f->pool, 4);
        bgu_answer_t answer = {.result = (bgu_result_e)i, .next = -1};
        const char *code =
            error->hresult == 0 ? "0x0" : apr_psprintf(f->pool, "0x%08X", error->hresult);

        bgu_answer_write(whole, &answer);
        CASE_STR(error->name, apr_table_get(whole, BGU_H_ERROR_CODE), code);
        CASE_STR(error->name, apr_table_get(whole, BGU_H_ERROR), code);
        CASE_STR(error->name, apr_table_get(whole, BGU_H_ERROR_CONTEXT),
                 apr_psprintf(f->pool, "0x%x", error->context));
        CASE_STR(error->name, apr_table_get(whole, BGU_H_PACKET_TYPE), "Ack");
        CASE_STR(error->name, apr_table_get(whole, "Retry-After"),
                 i == BGU_BUSY || i == BGU_STORE_BUSY || i == BGU_NOTIFYING ? "5" : NULL);
    }
}

/** Headers outlive what the answer was made of, and replace older ones. */
static void test_copied(void)
{
    fixture_t *f = fixture_open_bare();
    apr_table_t *headers = apr_table_make(f->pool, 4);
    char id[] = ID;
    char host[] = "node7";
    bgu_answer_t answer = {.result = BGU_OK,
                           .session_id = id,
                           .next = 7,
                           .host_id = host,
                           .created = 1,
                           .host_id_fallback = apr_time_from_sec(60)};

    apr_table_setn(headers, BGU_H_SESSION_ID, "{old}");
    apr_table_setn(headers, "Server", "kept");
    bgu_answer_write(headers, &answer);
    memset(id, 'x', sizeof(id) - 1);
    memset(host, 'x', sizeof(host) - 1);
    memset(&answer, 0x5a, sizeof(answer));
    CHECK_STR(apr_table_get(headers, BGU_H_SESSION_ID), "{" ID "}");
    CHECK_STR(apr_table_get(headers, BGU_H_HOST_ID), "node7");
    CHECK_STR(apr_table_get(headers, BGU_H_HOST_ID_FALLBACK), "60");
    CHECK_STR(apr_table_get(headers, BGU_H_RECEIVED_RANGE), "7");
    CHECK_STR(apr_table_get(headers, "Server"), "kept");
}

static const suite_test_t tests[] = {
    {"headers of answers", test_headers},
    {"headers of every error", test_every_error},
    {"headers are copies", test_copied},
};

void suite_answer(void)
{
    SUITE_ADD("answer", tests);
}
