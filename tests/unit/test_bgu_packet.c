/* SPDX-License-Identifier: Apache-2.0 */

/* Request headers in, packet out. */

#include <string.h>

#include <apr_strings.h>

#include "../../mod_bgupload/bgu_packet.h"
#include "fixture.h"
#include "suites.h"

#define ID       "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"
#define SESSION  "BITS-Session-Id: {" ID "}\n"
#define PING     "BITS-Packet-Type: Ping\n"
#define CREATE   "BITS-Packet-Type: Create-Session\n"
#define FRAGMENT "BITS-Packet-Type: Fragment\n"
#define CLOSE    "BITS-Packet-Type: Close-Session\n"
#define CANCEL   "BITS-Packet-Type: Cancel-Session\n"
#define EMPTY    "Content-Length: 0\n"
#define OURS     "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}\n"
#define OTHER    "{11111111-2222-3333-4444-555555555555}"

/** A request and what it is read as. */
struct packet_case {
    const char *name;
    const char *headers; /**< one a line */
    bgu_result_e result;
    bgu_packet_e type; /**< also expected of a refused packet */
    const char *id;    /**< also expected of a refused packet */
};

/** Headers from lines "Name: value". */
static apr_table_t *headers_of(const char *lines, apr_pool_t *pool)
{
    apr_table_t *headers = apr_table_make(pool, 10);
    char *rest = apr_pstrdup(pool, lines);
    char *line;

    for (line = apr_strtok(rest, "\n", &rest); line != NULL; line = apr_strtok(NULL, "\n", &rest)) {
        char *colon = strchr(line, ':');

        REQUIRE(colon != NULL);
        *colon = '\0';
        apr_table_addn(headers, line, colon[1] == ' ' ? colon + 2 : colon + 1);
    }
    return headers;
}

/** Parse; a refusal must say why, and an accepted packet must not. */
static bgu_result_e parse(bgu_packet_t *packet, const char *name, const apr_table_t *headers,
                          apr_pool_t *pool)
{
    const char *detail = NULL;
    bgu_result_e result;

    memset(packet, 0x5a, sizeof(*packet));
    result = bgu_packet_parse(packet, &detail, headers, pool);
    if (result != BGU_OK) {
        CASE(name, detail != NULL && *detail != '\0');
    }
    return result;
}

static void run_cases(const struct packet_case *cases, size_t count)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < count; i++) {
        const struct packet_case *c = &cases[i];
        bgu_packet_t packet;

        CASE_INT(c->name, parse(&packet, c->name, headers_of(c->headers, f->pool), f->pool),
                 c->result);
        CASE_INT(c->name, packet.type, c->type);
        CASE_STR(c->name, packet.session_id, c->id);
    }
}

#define RUN_CASES(cases) run_cases((cases), sizeof(cases) / sizeof((cases)[0]))

static const struct packet_case type_cases[] = {
    {"ping", PING EMPTY, BGU_OK, BGU_PING, NULL},
    {"create", CREATE OURS EMPTY, BGU_OK, BGU_CREATE_SESSION, NULL},
    {"fragment", FRAGMENT SESSION "Content-Range: bytes 0-4/10\nContent-Length: 5\n", BGU_OK,
     BGU_FRAGMENT, ID},
    {"close", CLOSE SESSION EMPTY, BGU_OK, BGU_CLOSE_SESSION, ID},
    {"cancel", CANCEL SESSION EMPTY, BGU_OK, BGU_CANCEL_SESSION, ID},
    {"type in lower case", "BITS-Packet-Type: ping\n" EMPTY, BGU_OK, BGU_PING, NULL},
    {"type in upper case", "BITS-Packet-Type: CREATE-SESSION\n" OURS EMPTY, BGU_OK,
     BGU_CREATE_SESSION, NULL},
    {"name in lower case", "bits-packet-type: Close-Session\nbits-session-id: " ID "\n" EMPTY,
     BGU_OK, BGU_CLOSE_SESSION, ID},
    {"no type", EMPTY, BGU_BAD_REQUEST, BGU_PACKET_UNKNOWN, NULL},
    {"no type, but a session", SESSION EMPTY, BGU_BAD_REQUEST, BGU_PACKET_UNKNOWN, ID},
    {"empty type", "BITS-Packet-Type:\n" EMPTY, BGU_BAD_REQUEST, BGU_PACKET_UNKNOWN, NULL},
    {"unknown type", "BITS-Packet-Type: Suspend\n" SESSION EMPTY, BGU_BAD_REQUEST,
     BGU_PACKET_UNKNOWN, ID},
    {"the answer's type", "BITS-Packet-Type: Ack\n" EMPTY, BGU_BAD_REQUEST, BGU_PACKET_UNKNOWN,
     NULL},
    {"longer than a type", "BITS-Packet-Type: Pings\n" EMPTY, BGU_BAD_REQUEST, BGU_PACKET_UNKNOWN,
     NULL},
    {"part of a type", "BITS-Packet-Type: Close\n" SESSION EMPTY, BGU_BAD_REQUEST,
     BGU_PACKET_UNKNOWN, ID},
    {"two types", "BITS-Packet-Type: Ping, Ping\n" EMPTY, BGU_BAD_REQUEST, BGU_PACKET_UNKNOWN,
     NULL},
    {"unknown headers", "X-Foo: bar\nBITS-Foo: bar\n" PING EMPTY, BGU_OK, BGU_PING, NULL},
    {"what Windows sends",
     "Accept: */*\n" FRAGMENT SESSION "Content-Name: a.txt\nContent-Range: bytes 0-4891/4892\n"
     "User-Agent: Microsoft BITS/6.7\nHost: server\nContent-Length: 4892\n"
     "Connection: Keep-Alive\n",
     BGU_OK, BGU_FRAGMENT, ID},
};

static void test_types(void)
{
    RUN_CASES(type_cases);
}

static const struct packet_case session_cases[] = {
    {"close: no braces", CLOSE "BITS-Session-Id: " ID "\n" EMPTY, BGU_OK, BGU_CLOSE_SESSION, ID},
    {"close: lower case", CLOSE "BITS-Session-Id: {a0ff5911-4144-45b3-bf27-27afc8ec8a67}\n" EMPTY,
     BGU_OK, BGU_CLOSE_SESSION, ID},
    {"close: one brace", CLOSE "BITS-Session-Id: {" ID "\n" EMPTY, BGU_BAD_REQUEST,
     BGU_CLOSE_SESSION, NULL},
    {"close: none", CLOSE EMPTY, BGU_BAD_REQUEST, BGU_CLOSE_SESSION, NULL},
    {"close: empty", CLOSE "BITS-Session-Id:\n" EMPTY, BGU_BAD_REQUEST, BGU_CLOSE_SESSION, NULL},
    {"close: garbage", CLOSE "BITS-Session-Id: {../../etc/passwd}\n" EMPTY, BGU_BAD_REQUEST,
     BGU_CLOSE_SESSION, NULL},
    {"close: two", CLOSE "BITS-Session-Id: {" ID "}, {" ID "}\n" EMPTY, BGU_BAD_REQUEST,
     BGU_CLOSE_SESSION, NULL},
    {"cancel: none", CANCEL EMPTY, BGU_BAD_REQUEST, BGU_CANCEL_SESSION, NULL},
    {"cancel: garbage", CANCEL "BITS-Session-Id: 42\n" EMPTY, BGU_BAD_REQUEST, BGU_CANCEL_SESSION,
     NULL},
    {"fragment: none", FRAGMENT "Content-Range: bytes 0-4/10\nContent-Length: 5\n", BGU_BAD_REQUEST,
     BGU_FRAGMENT, NULL},
    {"fragment: garbage",
     FRAGMENT "BITS-Session-Id: x\nContent-Range: bytes 0-4/10\nContent-Length: 5\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, NULL},
};

static void test_sessions(void)
{
    RUN_CASES(session_cases);
}

static const struct packet_case body_cases[] = {
    {"ping without length", PING, BGU_OK, BGU_PING, NULL},
    {"create without length", CREATE OURS, BGU_OK, BGU_CREATE_SESSION, NULL},
    {"close without length", CLOSE SESSION, BGU_OK, BGU_CLOSE_SESSION, ID},
    {"cancel without length", CANCEL SESSION, BGU_OK, BGU_CANCEL_SESSION, ID},
    {"ping with a body", PING "Content-Length: 1\n", BGU_BAD_REQUEST, BGU_PING, NULL},
    {"create with a body", CREATE OURS "Content-Length: 5\n", BGU_BAD_REQUEST, BGU_CREATE_SESSION,
     NULL},
    {"close with a body", CLOSE SESSION "Content-Length: 9223372036854775807\n", BGU_BAD_REQUEST,
     BGU_CLOSE_SESSION, ID},
    {"cancel with a body", CANCEL SESSION "Content-Length: 5\n", BGU_BAD_REQUEST,
     BGU_CANCEL_SESSION, ID},
    {"length is garbage", PING "Content-Length: none\n", BGU_BAD_REQUEST, BGU_PING, NULL},
    {"length is negative", PING "Content-Length: -1\n", BGU_BAD_REQUEST, BGU_PING, NULL},
    {"length is 2^63", CLOSE SESSION "Content-Length: 9223372036854775808\n", BGU_BAD_REQUEST,
     BGU_CLOSE_SESSION, ID},
    {"length is 2^64", CLOSE SESSION "Content-Length: 18446744073709551616\n", BGU_BAD_REQUEST,
     BGU_CLOSE_SESSION, ID},
    {"chunked ping", PING "Transfer-Encoding: chunked\n", BGU_LENGTH_REQUIRED, BGU_PING, NULL},
    {"chunked create", CREATE OURS "Transfer-Encoding: chunked\n", BGU_LENGTH_REQUIRED,
     BGU_CREATE_SESSION, NULL},
    {"chunked fragment",
     FRAGMENT SESSION "Content-Range: bytes 0-4/10\nTransfer-Encoding: chunked\n",
     BGU_LENGTH_REQUIRED, BGU_FRAGMENT, ID},
    {"chunked close", CLOSE SESSION "Transfer-Encoding: Chunked\n", BGU_LENGTH_REQUIRED,
     BGU_CLOSE_SESSION, ID},
    {"chunked cancel", CANCEL SESSION "transfer-encoding: chunked\n", BGU_LENGTH_REQUIRED,
     BGU_CANCEL_SESSION, ID},
    {"chunked and a length", CLOSE SESSION "Transfer-Encoding: chunked\n" EMPTY,
     BGU_LENGTH_REQUIRED, BGU_CLOSE_SESSION, ID},
    {"fragment without length", FRAGMENT SESSION "Content-Range: bytes 0-4/10\n",
     BGU_LENGTH_REQUIRED, BGU_FRAGMENT, ID},
    {"compressed",
     FRAGMENT SESSION "Content-Encoding: gzip\nContent-Range: bytes 0-4/10\nContent-Length: 5\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"compressed twice",
     FRAGMENT SESSION
     "Content-Encoding: identity, gzip\nContent-Range: bytes 0-4/10\nContent-Length: 5\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"identity",
     FRAGMENT SESSION
     "Content-Encoding: identity\nContent-Range: bytes 0-4/10\nContent-Length: 5\n",
     BGU_OK, BGU_FRAGMENT, ID},
    {"identity in capitals",
     FRAGMENT SESSION
     "Content-Encoding: Identity\nContent-Range: bytes 0-4/10\nContent-Length: 5\n",
     BGU_OK, BGU_FRAGMENT, ID},
};

static void test_bodies(void)
{
    RUN_CASES(body_cases);
}

static const struct packet_case range_cases[] = {
    {"none", FRAGMENT SESSION "Content-Length: 5\n", BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"empty", FRAGMENT SESSION "Content-Range:\nContent-Length: 5\n", BGU_BAD_REQUEST, BGU_FRAGMENT,
     ID},
    {"garbage", FRAGMENT SESSION "Content-Range: all of it\nContent-Length: 5\n", BGU_BAD_REQUEST,
     BGU_FRAGMENT, ID},
    {"one byte more than said", FRAGMENT SESSION "Content-Range: bytes 0-4/10\nContent-Length: 6\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"one byte less than said", FRAGMENT SESSION "Content-Range: bytes 0-4/10\nContent-Length: 4\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"no body", FRAGMENT SESSION "Content-Range: bytes 0-0/10\nContent-Length: 0\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"length is garbage", FRAGMENT SESSION "Content-Range: bytes 0-4/10\nContent-Length: 5x\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"two lengths", FRAGMENT SESSION "Content-Range: bytes 0-4/10\nContent-Length: 5, 5\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"S > E", FRAGMENT SESSION "Content-Range: bytes 4-3/10\nContent-Length: 0\n", BGU_BAD_REQUEST,
     BGU_FRAGMENT, ID},
    {"E = T", FRAGMENT SESSION "Content-Range: bytes 0-10/10\nContent-Length: 11\n",
     BGU_BAD_REQUEST, BGU_FRAGMENT, ID},
    {"empty file: a byte after a star",
     FRAGMENT SESSION "Content-Range: bytes */0\nContent-Length: 1\n", BGU_BAD_REQUEST,
     BGU_FRAGMENT, ID},
    {"empty file: a byte after 0-0/0",
     FRAGMENT SESSION "Content-Range: bytes 0-0/0\nContent-Length: 1\n", BGU_BAD_REQUEST,
     BGU_FRAGMENT, ID},
};

static void test_ranges(void)
{
    RUN_CASES(range_cases);
}

/** The numbers of a fragment that is accepted. */
struct number_case {
    const char *range;
    const char *length;
    long long first;
    long long end;
    long long total;
};

static const struct number_case number_cases[] = {
    {"bytes 0-4/10", "5", 0, 5, 10},
    {"bytes 5-9/10", "5", 5, 10, 10},
    {"bytes 9-9/10", "1", 9, 10, 10},
    {"bytes 4294967296-4294967300/4294967301", "5", 4294967296LL, 4294967301LL, 4294967301LL},
    {"bytes 0-9223372036854775806/9223372036854775807", "9223372036854775807", 0,
     9223372036854775807LL, 9223372036854775807LL},
    {"bytes */0", "0", 0, 0, 0},
    {"bytes 0-0/0", "0", 0, 0, 0},
    {"bytes 0-18446744073709551615/0", "0", 0, 0, 0},
};

static void test_numbers(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(number_cases) / sizeof(number_cases[0]); i++) {
        const struct number_case *c = &number_cases[i];
        apr_table_t *headers = headers_of(FRAGMENT SESSION, f->pool);
        bgu_packet_t packet;

        apr_table_setn(headers, "Content-Range", c->range);
        apr_table_setn(headers, "Content-Length", c->length);
        CASE_INT(c->range, parse(&packet, c->range, headers, f->pool), BGU_OK);
        CASE_INT(c->range, packet.range.first, c->first);
        CASE_INT(c->range, packet.range.end, c->end);
        CASE_INT(c->range, packet.range.total, c->total);
        CASE_INT(c->range, packet.length, c->end - c->first);
    }
}

/** A value of BITS-Supported-Protocols. */
struct protocol_case {
    const char *value; /**< NULL: no such header */
    bgu_result_e result;
};

static const struct protocol_case protocol_cases[] = {
    {BGU_PROTOCOL, BGU_OK},
    {"{7DF0354D-249B-430F-820D-3D2A9BEF4931}", BGU_OK},
    {"7df0354d-249b-430f-820d-3d2a9bef4931", BGU_OK},
    {OTHER " " BGU_PROTOCOL, BGU_OK},
    {OTHER "," BGU_PROTOCOL, BGU_OK},
    {OTHER ", " BGU_PROTOCOL, BGU_OK},
    {OTHER " , " BGU_PROTOCOL, BGU_OK},
    {BGU_PROTOCOL "," OTHER, BGU_OK},
    {BGU_PROTOCOL " " OTHER " " OTHER, BGU_OK},
    {" " BGU_PROTOCOL " ", BGU_OK},
    {"," BGU_PROTOCOL ",", BGU_OK},
    {OTHER ",,  ," BGU_PROTOCOL, BGU_OK},
    {OTHER, BGU_BAD_REQUEST},
    {OTHER "," OTHER, BGU_BAD_REQUEST},
    {"", BGU_BAD_REQUEST},
    {" ", BGU_BAD_REQUEST},
    {",", BGU_BAD_REQUEST},
    {NULL, BGU_BAD_REQUEST},
    {"garbage", BGU_BAD_REQUEST},
    {"garbage " BGU_PROTOCOL, BGU_BAD_REQUEST},
    {BGU_PROTOCOL " garbage", BGU_BAD_REQUEST},
    {BGU_PROTOCOL ", {7df0354d}", BGU_BAD_REQUEST},
    {BGU_PROTOCOL ";" OTHER, BGU_BAD_REQUEST},
    {BGU_PROTOCOL BGU_PROTOCOL, BGU_BAD_REQUEST},
    {"{7df0354d-249b-430f-820d-3d2a9bef4931", BGU_BAD_REQUEST},
    {"{" OTHER " " BGU_PROTOCOL "}", BGU_BAD_REQUEST},
};

static bgu_result_e create_with(const char *name, const char *protocols, apr_pool_t *pool)
{
    apr_table_t *headers = headers_of(CREATE EMPTY, pool);
    bgu_packet_t packet;

    if (protocols != NULL) {
        apr_table_setn(headers, "BITS-Supported-Protocols", protocols);
    }
    return parse(&packet, name, headers, pool);
}

static void test_protocols(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(protocol_cases) / sizeof(protocol_cases[0]); i++) {
        const struct protocol_case *c = &protocol_cases[i];
        const char *name = c->value != NULL ? c->value : "(no header)";

        CASE_INT(name, create_with(name, c->value, f->pool), c->result);
    }
}

/** So many other protocols, then ours. */
static const char *many_protocols(int others, const char *separator, apr_pool_t *pool)
{
    const char *list = "";
    int i;

    for (i = 0; i < others; i++) {
        list = apr_psprintf(pool, "%s{%08x-0000-0000-0000-000000000000}%s", list, (unsigned)i,
                            separator);
    }
    return apr_pstrcat(pool, list, BGU_PROTOCOL, NULL);
}

static void test_protocol_count(void)
{
    fixture_t *f = fixture_open_bare();

    CHECK_INT(create_with("99", many_protocols(98, ",", f->pool), f->pool), BGU_OK);
    CHECK_INT(create_with("100, commas", many_protocols(99, ",", f->pool), f->pool), BGU_OK);
    CHECK_INT(create_with("100, spaces", many_protocols(99, " ", f->pool), f->pool), BGU_OK);
    CHECK_INT(create_with("100, both", many_protocols(99, ", ", f->pool), f->pool), BGU_OK);
    CHECK_INT(create_with("101", many_protocols(100, ",", f->pool), f->pool), BGU_BAD_REQUEST);
    CHECK_INT(
        create_with("ours first, then 100",
                    apr_pstrcat(f->pool, BGU_PROTOCOL ",", many_protocols(99, ",", f->pool), NULL),
                    f->pool),
        BGU_BAD_REQUEST);
}

/** A header whose value is as long as allowed, or longer. */
struct length_case {
    const char *header;
    size_t length;
    bgu_result_e result;
};

static const struct length_case length_cases[] = {
    {"Content-Name", BGU_VALUE_MAX, BGU_OK},
    {"Content-Name", BGU_VALUE_MAX + 1, BGU_BAD_REQUEST},
    {"content-name", BGU_VALUE_MAX + 1, BGU_BAD_REQUEST},
    {"BITS-Foo", BGU_VALUE_MAX, BGU_OK},
    {"BITS-Foo", BGU_VALUE_MAX + 1, BGU_BAD_REQUEST},
    {"bits-foo", BGU_VALUE_MAX + 1, BGU_BAD_REQUEST},
    {"BITS-Original-Request-URL", 100000, BGU_BAD_REQUEST},
    {"Content-Range", BGU_VALUE_MAX + 1, BGU_BAD_REQUEST},
    {"BITS-Supported-Protocols", BGU_VALUE_MAX + 1, BGU_BAD_REQUEST},
    {"Authorization", 60000, BGU_OK},
    {"X-BITS-Foo", BGU_VALUE_MAX + 1, BGU_OK},
    {"Cookie", BGU_VALUE_MAX + 1, BGU_OK},
};

static void test_value_length(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    REQUIRE(BGU_VALUE_MAX == 4096);
    for (i = 0; i < sizeof(length_cases) / sizeof(length_cases[0]); i++) {
        const struct length_case *c = &length_cases[i];
        apr_table_t *headers = headers_of(CLOSE SESSION EMPTY, f->pool);
        char *value = apr_palloc(f->pool, c->length + 1);
        bgu_packet_t packet;

        memset(value, 'a', c->length);
        value[c->length] = '\0';
        apr_table_setn(headers, c->header, value);
        CASE_INT(c->header, parse(&packet, c->header, headers, f->pool), c->result);
        CASE_STR(c->header, packet.session_id, ID);
    }
}

/** A list that would be right but for its length. */
static void test_protocols_too_long(void)
{
    fixture_t *f = fixture_open_bare();
    char spaces[BGU_VALUE_MAX];

    memset(spaces, ' ', sizeof(spaces) - 1);
    spaces[sizeof(spaces) - 1] = '\0';
    CHECK_INT(create_with("too long", apr_pstrcat(f->pool, BGU_PROTOCOL, spaces, NULL), f->pool),
              BGU_BAD_REQUEST);
}

static void test_session_id_too_long(void)
{
    fixture_t *f = fixture_open_bare();
    apr_table_t *headers = headers_of(CLOSE EMPTY, f->pool);
    char *value = apr_palloc(f->pool, BGU_VALUE_MAX + 2);
    bgu_packet_t packet;

    memset(value, 'A', BGU_VALUE_MAX + 1);
    value[BGU_VALUE_MAX + 1] = '\0';
    apr_table_setn(headers, "BITS-Session-Id", value);
    CHECK_INT(parse(&packet, "session id", headers, f->pool), BGU_BAD_REQUEST);
    CHECK(packet.session_id == NULL);
}

static void test_names(void)
{
    CHECK_STR(bgu_packet_name(BGU_PING), "Ping");
    CHECK_STR(bgu_packet_name(BGU_CREATE_SESSION), "Create-Session");
    CHECK_STR(bgu_packet_name(BGU_FRAGMENT), "Fragment");
    CHECK_STR(bgu_packet_name(BGU_CLOSE_SESSION), "Close-Session");
    CHECK_STR(bgu_packet_name(BGU_CANCEL_SESSION), "Cancel-Session");
    CHECK(bgu_packet_name(BGU_PACKET_UNKNOWN) != NULL);
}

static const suite_test_t tests[] = {
    {"packet types", test_types},
    {"session ids", test_sessions},
    {"bodies", test_bodies},
    {"ranges that do not fit", test_ranges},
    {"numbers of a fragment", test_numbers},
    {"protocols", test_protocols},
    {"100 and 101 protocols", test_protocol_count},
    {"values over 4 KiB", test_value_length},
    {"a list over 4 KiB", test_protocols_too_long},
    {"a session id over 4 KiB", test_session_id_too_long},
    {"names of the types", test_names},
};

void suite_packet(void)
{
    SUITE_ADD("packet", tests);
}
