/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "client_answer.h"
#include "fixture.h"
#include "suites.h"

#define GUID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** Feed lines split by \n, then the empty line. */
static void feed(client_answer_t *answer, const char *text)
{
    client_answer_clear(answer);
    while (*text) {
        size_t len = strcspn(text, "\n");

        client_answer_line(answer, text, len);
        text += len + (text[len] == '\n');
    }
    client_answer_line(answer, "\r\n", 2);
}

static void test_headers(void)
{
    client_answer_t answer;

    feed(&answer,
         "HTTP/1.1 200 OK\r\nbits-packet-type:ack\r\nBITS-Session-Id: {" GUID "} \r\n"
         "BITS-RECEIVED-CONTENT-RANGE: \t 9223372036854775807\r\nBITS-Host-Id: [::1]:80\r\n"
         "BITS-Host-Id-Fallback-Timeout: 60\r\nX-Other: 1\r\nno colon\r\n");
    CHECK_INT(answer.reach, CLIENT_ANSWERED);
    CHECK_INT(answer.status, 200);
    CHECK(answer.ack);
    CHECK_STR(answer.session_id, GUID);
    CHECK(answer.next == APR_INT64_MAX);
    CHECK_STR(answer.host_id, "[::1]:80");
    CHECK_INT(answer.host_fallback, apr_time_from_sec(60));
}

/** What is malformed counts as missing. */
static void test_hostile_headers(void)
{
    static const char *const lines[] = {
        "BITS-Session-Id: {A0FF5911}",
        "BITS-Session-Id:",
        "BITS-Received-Content-Range: 9223372036854775808",
        "BITS-Received-Content-Range: -1",
        "BITS-Received-Content-Range: 12 34",
        "BITS-Host-Id: evil/../host",
        "BITS-Host-Id: user@host",
        "BITS-Host-Id: a b",
        "BITS-Host-Id-Fallback-Timeout: 99999999999999999",
        "BITS-Error-Code: 0x",
        "BITS-Error-Code: 0x123456789",
        "BITS-Error-Code: 80200020",
        "BITS-Error: 0xZZ",
        ": value",
        ":",
    };
    client_answer_t answer;
    char host[600] = "BITS-Host-Id: ";

    memset(host + strlen(host), 'a', sizeof(host) - strlen(host) - 1);
    for (size_t i = 0; i <= sizeof(lines) / sizeof(lines[0]); i++) {
        int is_last = i == sizeof(lines) / sizeof(lines[0]);
        const char *line = is_last ? host : lines[i];

        client_answer_clear(&answer);
        client_answer_line(&answer, "HTTP/1.1 500 Oops", 17);
        client_answer_line(&answer, line, is_last ? sizeof(host) - 1 : strlen(line));
        CASE_STR(line, answer.session_id, "");
        CASE_INT(line, answer.next, -1);
        CASE_STR(line, answer.host_id, "");
        CASE_INT(line, answer.host_fallback, 0);
        CASE_INT(line, answer.hresult, 0);
    }
}

static void test_host_with_nul(void)
{
    static const char line[] = "BITS-Host-Id: good\0.example";
    client_answer_t answer;

    client_answer_clear(&answer);
    client_answer_line(&answer, line, sizeof(line) - 1);
    CHECK_STR(answer.host_id, "");
}

/** Only the last of several answers counts, and an interim one is none. */
static void test_answers_in_a_row(void)
{
    client_answer_t answer;

    feed(&answer, "HTTP/1.1 100 Continue\r\n");
    CHECK_INT(answer.reach, CLIENT_UNREACHED);
    feed(&answer, "HTTP/1.1 401 No\r\nBITS-Packet-Type: Ack\r\nBITS-Error: 0x80070005\r\n\r\n"
                  "HTTP/1.1 200 OK\r\n");
    CHECK_INT(answer.status, 200);
    CHECK(!answer.ack);
    CHECK_INT(answer.hresult, 0);
}

/** A packet, an answer to it, and what that means. */
struct verdict_case {
    const char *lines;
    bgu_packet_e type;
    client_verdict_e verdict;
};

#define ACK "\nBITS-Packet-Type: Ack\n"

static const struct verdict_case verdicts[] = {
    {"HTTP/1.1 200 OK" ACK, BGU_FRAGMENT, CLIENT_OK},
    {"HTTP/1.1 200 OK\n", BGU_CREATE_SESSION, CLIENT_FATAL},
    {"HTTP/1.1 204 OK" ACK, BGU_FRAGMENT, CLIENT_FATAL},
    {"HTTP/1.1 416 Range" ACK "BITS-Received-Content-Range: 5\n", BGU_FRAGMENT, CLIENT_RANGE},
    {"HTTP/1.1 416 Range" ACK, BGU_CLOSE_SESSION, CLIENT_FATAL},
    {"HTTP/1.1 413 Big\n", BGU_FRAGMENT, CLIENT_SMALLER},
    {"HTTP/1.1 413 Big\n", BGU_CREATE_SESSION, CLIENT_FATAL},
    {"HTTP/1.1 500 Gone" ACK "BITS-Error-Code: 0x8020001f\n", BGU_FRAGMENT, CLIENT_GONE},
    {"HTTP/1.1 500 Gone" ACK "BITS-Error: 0x8020001F\n", BGU_CLOSE_SESSION, CLIENT_GONE},
    {"HTTP/1.1 500 Big" ACK "BITS-Error-Code: 0x80200020\n", BGU_FRAGMENT, CLIENT_FATAL},
    {"HTTP/1.1 500 Full" ACK "BITS-Error-Code: 0x80070070\n", BGU_FRAGMENT, CLIENT_TRANSIENT},
    {"HTTP/1.1 404 Lost" ACK "BITS-Error-Code: 0x80070002\n", BGU_CLOSE_SESSION, CLIENT_BYTES_LOST},
    {"HTTP/1.1 404 None" ACK "BITS-Error-Code: 0x80070003\n", BGU_CREATE_SESSION, CLIENT_FATAL},
    {"HTTP/1.1 300 x\n", BGU_PING, CLIENT_FATAL},
    {"HTTP/1.1 301 x\n", BGU_PING, CLIENT_FATAL},
    {"HTTP/1.1 305 x\n", BGU_PING, CLIENT_FATAL},
    {"HTTP/1.1 306 x\n", BGU_PING, CLIENT_TRANSIENT},
    {"HTTP/1.1 307 x\n", BGU_PING, CLIENT_FATAL},
    {"HTTP/1.1 308 x\n", BGU_PING, CLIENT_TRANSIENT},
    {"HTTP/1.1 400 x\n", BGU_FRAGMENT, CLIENT_FATAL},
    {"HTTP/1.1 401 x\n", BGU_FRAGMENT, CLIENT_FATAL},
    {"HTTP/1.1 403 x\n", BGU_CLOSE_SESSION, CLIENT_FATAL},
    {"HTTP/1.1 408 x\n", BGU_FRAGMENT, CLIENT_TRANSIENT},
    {"HTTP/1.1 409 x\n", BGU_FRAGMENT, CLIENT_TRANSIENT},
    {"HTTP/1.1 500 x\n", BGU_FRAGMENT, CLIENT_TRANSIENT},
    {"HTTP/1.1 501 x\n", BGU_FRAGMENT, CLIENT_FATAL},
    {"HTTP/1.1 502 x\n", BGU_FRAGMENT, CLIENT_TRANSIENT},
    {"HTTP/1.1 503 x\n", BGU_CREATE_SESSION, CLIENT_TRANSIENT},
    {"HTTP/1.1 505 x\n", BGU_FRAGMENT, CLIENT_FATAL},
    {"HTTP/1.1 x\n", BGU_FRAGMENT, CLIENT_TRANSIENT},
    {"", BGU_FRAGMENT, CLIENT_TRANSIENT},
};

static void test_verdicts(void)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        client_answer_t answer;

        feed(&answer, verdicts[i].lines);
        CASE_INT(verdicts[i].lines, client_answer_verdict(&answer, verdicts[i].type),
                 verdicts[i].verdict);
    }
}

static void test_reply_url(void)
{
    static char line[CLIENT_REPLY_URL_SIZE + 64] = "BITS-Reply-URL: ";
    size_t name = strlen(line);
    client_answer_t answer;

    feed(&answer, "HTTP/1.1 200 OK" ACK "bits-reply-url: http://h/r \n");
    CHECK_STR(answer.reply_url, "http://h/r");
    /* One that is too long is not the same as none: closing would destroy the reply. */
    memset(line + name, 'a', CLIENT_REPLY_URL_SIZE);
    client_answer_clear(&answer);
    client_answer_line(&answer, line, name + CLIENT_REPLY_URL_SIZE);
    CHECK_STR(answer.reply_url, "");
    CHECK(answer.reply_url_too_long);
    client_answer_line(&answer, line, name + CLIENT_REPLY_URL_SIZE - 1);
    CHECK_INT(strlen(answer.reply_url), CLIENT_REPLY_URL_SIZE - 1);
    CHECK(!answer.reply_url_too_long);
}

/** The advice tells whose error it was. */
static void test_application(void)
{
    client_answer_t answer;

    feed(&answer, "HTTP/1.1 403 No" ACK "BITS-Error-Context: 0x7\n");
    CHECK_HAS(client_answer_advice(&answer), "application refused");
    feed(&answer, "HTTP/1.1 503 No" ACK "BITS-Error-Context: 0x00000007\n");
    CHECK_HAS(client_answer_advice(&answer), "application did not take");
    feed(&answer, "HTTP/1.1 403 No" ACK "BITS-Error-Context: 0x5\n");
    CHECK(strstr(client_answer_advice(&answer), "application") == NULL);
}

static void test_text(void)
{
    fixture_t *f = fixture_open_bare();
    client_answer_t answer;

    feed(&answer, "HTTP/1.1 403 No" ACK "BITS-Error-Code: 0x80070005\n");
    CHECK_STR(client_answer_text(&answer, f->pool),
              "the server answered 403 (0x80070005 E_ACCESSDENIED)");
    feed(&answer, "HTTP/1.1 503 No" ACK "BITS-Error-Code: 0x12345678\n");
    CHECK_STR(client_answer_text(&answer, f->pool), "the server answered 503 (0x12345678)");
    CHECK_STR(client_hresult_name(0x80190194u, f->pool), "BG_E_HTTP_ERROR_404");
    CHECK(client_hresult_name(0x80190000u, f->pool) == NULL);
}

static const suite_test_t tests[] = {
    {"headers", test_headers},
    {"malformed headers count as missing", test_hostile_headers},
    {"a host with a NUL", test_host_with_nul},
    {"several answers in a row", test_answers_in_a_row},
    {"what answers mean", test_verdicts},
    {"what answers say", test_text},
    {"the reply's URL", test_reply_url},
    {"errors of the application", test_application},
};

void suite_client_answer(void)
{
    SUITE_ADD("client_answer", tests);
}
