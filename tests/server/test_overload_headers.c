/* SPDX-License-Identifier: Apache-2.0 */

/* Requests whose head is huge, or never ends: httpd's limits answer, and nothing is kept. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "overload.h"
#include "upload.h"

/** What the README's sample sets. */
enum { LINE_MAX_SIZE = 4094, FIELDS_MAX = 50, FIELD_MAX_SIZE = 16380 };

/** The largest fragment that Windows sends. */
enum { LARGEST = 13 * 1024 * 1024 };

/** Bytes after which a client that gets no answer gives up. */
enum { ENDLESS = 64 * 1024 * 1024 };

/** How much the process may grow in all the attacks together, in KiB: what all its threads may hold
 * at once, and what httpd's pools keep of that for the next requests. */
enum { GROWTH_MAX = 3 * OVERLOAD_THREADS * FIELDS_MAX * FIELD_MAX_SIZE / 1024 };

static const char request_line[] = "BITS_POST /upload/a HTTP/1.1\r\nHost: x\r\n";
static const char end[] = "BITS-Packet-Type: Ping\r\n\r\n";

/** The sample configuration of the README's section about overload, for the test's server. */
static const char *sample(void)
{
    apr_pool_t *pool = httpd_env_pool();
    const char *path = apr_pstrcat(pool, httpd_env_setting("BGUPLOAD_SRC"), "/README", NULL);
    char *rest = apr_pstrdup(pool, files_read(path).data);
    char *lines = apr_pstrdup(pool, "");
    char *line, *folder;
    int inside = 0;

    for (line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        inside = inside || strcmp(line, "Under attack or overload") == 0;
        if (inside && strncmp(line, "    ", 4) == 0) {
            lines = apr_pstrcat(pool, lines, line, "\n", NULL);
        } else if (*lines != '\0') {
            break;
        }
    }
    folder = strstr(lines, "/srv/uploads");
    REQUIRE(folder != NULL);
    *folder = '\0';
    return apr_pstrcat(pool, lines, "{DOCROOT}/upload", folder + strlen("/srv/uploads"), NULL);
}

/** A server with that configuration. */
static httpd_env_t *start(void)
{
    const httpd_env_options_t options = {
        .modules = "reqtimeout",
        .server = apr_pstrcat(httpd_env_pool(), OVERLOAD_ONE_CHILD, sample(), NULL)};
    httpd_env_t *env = httpd_env_start(&options);

    httpd_env_expect(env, "AH00484"); /* server reached MaxRequestWorkers */
    return env;
}

/** That many short header lines. */
static const char *fields(int count)
{
    const char *text = "";

    for (int i = 0; i < count; i++) {
        text = httpd_env_format("%sX-Field-%d: x\r\n", text, i);
    }
    return text;
}

/** Send a request; hold its answer, and what the connection does next, to what httpd's limit says.
 * Status 200 is an answer of the module. */
static void check_request(httpd_env_t *env, const char *request, int status)
{
    wire_t *wire = wire_connect(env);

    wire_send_bytes(wire, request, strlen(request));
    CHECK_INT(wire_read_any(wire)->status, status);
    wire_after(wire, "/upload/a", status == 200 ? WIRE_KEPT : WIRE_CLOSED);
}

/** Each limit: what is just allowed, and what is clearly more. */
static void limits(void)
{
    httpd_env_t *env = start();
    apr_pool_t *pool = env->pool;
    const char *field = overload_letters(FIELD_MAX_SIZE - strlen("X: "));
    const char *query = overload_letters(LINE_MAX_SIZE - strlen("BITS_POST /upload/a? HTTP/1.1"));
    const char *version = " HTTP/1.1\r\nHost: x\r\n";
    const char *path = "BITS_POST /upload/a?";

    check_request(env, apr_pstrcat(pool, path, query, version, end, NULL), 200);
    check_request(env, apr_pstrcat(pool, path, query, "and more", version, end, NULL), 414);
    check_request(env, apr_pstrcat(pool, request_line, "X: ", field, "\r\n", end, NULL), 200);
    check_request(env, apr_pstrcat(pool, request_line, "X: ", field, "and more\r\n", end, NULL),
                  400);
    check_request(env, apr_pstrcat(pool, request_line, fields(FIELDS_MAX - 2), end, NULL), 200);
    check_request(env, apr_pstrcat(pool, request_line, fields(FIELDS_MAX - 1), end, NULL), 400);
}

/** A client with good manners does not meet them. */
static void manners(void)
{
    upload_t up = upload_another(start(), "/upload/a.bin");
    const char *file = files_noise(LARGEST, 75, httpd_env_pool());

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, LARGEST, LARGEST), 200, LARGEST);
    wire_disconnect(up.wire);
    up.wire = wire_connect(up.env);
    upload_finish(&up, file, LARGEST);
}

/** Send the same piece for ever, or until there is an answer. */
static wire_t *send_for_ever(httpd_env_t *env, const char *head, const char *piece)
{
    wire_t *wire = wire_connect(env);
    size_t sent = 0;

    wire_send_bytes(wire, head, strlen(head));
    while (sent < ENDLESS && !wire_hears(wire, 0)) {
        wire_send_bytes(wire, piece, strlen(piece));
        sent += strlen(piece);
    }
    CHECK(sent < ENDLESS);
    return wire;
}

/** Heads without an end, of all kinds. */
static void attack(httpd_env_t *env)
{
    const char *long_field = httpd_env_format("X: %s\r\n", overload_letters(FIELD_MAX_SIZE - 100));
    const struct {
        const char *head, *piece;
        int status;
    } attacks[] = {
        {"BITS_POST /upload/", "xxxxxxxxxxxxxxxx", 414},
        {request_line, "xxxxxxxxxxxxxxxx", 400},
        {request_line, "X: x\r\n", 400},
        {request_line, long_field, 400},
        {apr_pstrcat(env->pool, request_line, "X: x\r\n", NULL), " folded\r\n", 400},
    };

    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        wire_t *wire = send_for_ever(env, attacks[i].head, attacks[i].piece);

        CHECK_INT(wire_read_any(wire)->status, attacks[i].status);
        CHECK_INT(wire_read_any(wire)->status, 0);
        wire_disconnect(wire);
    }
}

/** As large as they may be, all at once, and none complete. */
static void hold(httpd_env_t *env)
{
    const char *value = overload_letters(FIELD_MAX_SIZE - 100);
    wire_t *wires[OVERLOAD_THREADS];

    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        wires[i] = wire_connect(env);
        wire_send_bytes(wires[i], request_line, strlen(request_line));
        for (int k = 0; k < FIELDS_MAX - 2; k++) {
            wire_send(wires[i], "X-%d: %s\r\n", k, value);
        }
    }
    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        wire_send_bytes(wires[i], end, strlen(end));
        CHECK_ANSWER(wire_read(wires[i]), 200, NULL);
        wire_disconnect(wires[i]);
    }
}

/** They are ended, others are served, and the process does not grow with their number. */
static void endless(void)
{
    httpd_env_t *env = start();
    pid_t child = overload_child(env);
    int sockets = overload_open(env, child).sockets;
    const int rounds = overload_scaled(4);
    long before = httpd_env_rss(child);

    for (int i = 0; i < rounds; i++) {
        attack(env);
        hold(env);
    }
    overload_check_memory(child, before, GROWTH_MAX);
    check_request(env, apr_pstrcat(env->pool, request_line, end, NULL), 200);
    overload_await_closed(env, child, sockets);
}

void suite_overload_headers(void)
{
    static const suite_test_t tests[] = {
        {"the README's limits, and what they let through", manners},
        {"the README's limits of headers", limits},
        {"heads that never end", endless},
    };

    SUITE_ADD("overload_headers", tests);
}
