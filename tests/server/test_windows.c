/* SPDX-License-Identifier: Apache-2.0 */

/* What a Windows client sends, header by header in its order, on one connection that is kept
 * (protocol: what a Windows client sends). */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.txt";
enum { LENGTH = 4892 };

static const wire_answer_t *windows_create(wire_t *wire, int port)
{
    wire_send(wire,
              "BITS_POST /upload/a.txt HTTP/1.1\r\n"
              "Accept: */*\r\n"
              "BITS-Packet-Type: Create-Session\r\n"
              "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}\r\n"
              "Content-Name: a.txt\r\n"
              "User-Agent: Microsoft BITS/6.7\r\n"
              "Host: 127.0.0.1:%d\r\n"
              "Content-Length: 0\r\n"
              "Connection: Keep-Alive\r\n\r\n",
              port);
    return wire_read(wire);
}

static const wire_answer_t *windows_fragment(wire_t *wire, int port, const char *id,
                                             const char *file, int start, int end)
{
    wire_send(wire,
              "BITS_POST /upload/a.txt HTTP/1.1\r\n"
              "Accept: */*\r\n"
              "BITS-Packet-Type: Fragment\r\n"
              "BITS-Session-Id: %s\r\n"
              "Content-Name: a.txt\r\n"
              "Content-Range: bytes %d-%d/%d\r\n"
              "User-Agent: Microsoft BITS/6.7\r\n"
              "Host: 127.0.0.1:%d\r\n"
              "Content-Length: %d\r\n"
              "Connection: Keep-Alive\r\n\r\n",
              id, start, end, LENGTH, port, end - start + 1);
    wire_send_bytes(wire, file + start, (size_t)(end - start + 1));
    return wire_read(wire);
}

/** Ping, Close-Session or Cancel-Session; more is its further header lines. */
static const wire_answer_t *windows_packet(wire_t *wire, int port, const char *type,
                                           const char *more)
{
    wire_send(wire,
              "BITS_POST /upload/a.txt HTTP/1.1\r\n"
              "Accept: */*\r\n"
              "BITS-Packet-Type: %s\r\n"
              "%s"
              "User-Agent: Microsoft BITS/6.7\r\n"
              "Host: 127.0.0.1:%d\r\n"
              "Content-Length: 0\r\n"
              "Connection: Keep-Alive\r\n\r\n",
              type, more, port);
    return wire_read(wire);
}

/** The header lines of a packet that names its session. */
static const char *of_session(const char *id)
{
    return httpd_env_format("BITS-Session-Id: %s\r\nContent-Name: a.txt\r\n", id);
}

/** An upload from Ping to Close-Session in fragments, all on one connection. */
static void whole_job(int fragment)
{
    httpd_env_t *env = httpd_env_start(NULL);
    wire_t *wire = wire_connect(env);
    const char *file = files_noise(LENGTH, 8, httpd_env_pool());
    upload_t up = {env, wire, path, NULL};
    const wire_answer_t *answer;
    int at;

    CHECK_ANSWER(windows_packet(wire, env->port, "Ping", ""), 200, NULL);
    answer = windows_create(wire, env->port);
    CHECK_ANSWER(answer, 200, NULL);
    CHECK_STR(wire_header(answer, "BITS-Protocol"), WIRE_PROTOCOL);
    CHECK_STR(wire_header(answer, "Accept-Encoding"), "identity");
    up.id = wire_header(answer, "BITS-Session-Id");
    REQUIRE(up.id != NULL);
    for (at = 0; at < LENGTH; at += fragment) {
        int end = at + fragment < LENGTH ? at + fragment : LENGTH;

        answer = windows_fragment(wire, env->port, up.id, file, at, end - 1);
        CHECK_NEXT(answer, 200, end);
        CHECK_STR(wire_header(answer, "BITS-Session-Id"), up.id);
    }
    answer = windows_packet(wire, env->port, "Close-Session", of_session(up.id));
    CHECK_ANSWER(answer, 200, NULL);
    CHECK_STR(wire_header(answer, "BITS-Session-Id"), up.id);
    upload_check_file(&up, file, LENGTH);
    wire_after(wire, path, WIRE_KEPT);
}

static void one_fragment(void)
{
    whole_job(LENGTH);
}

static void many_fragments(void)
{
    whole_job(777);
}

static void cancelled_job(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    wire_t *wire = wire_connect(env);
    const char *file = files_noise(LENGTH, 8, httpd_env_pool());
    const char *id = wire_header(windows_create(wire, env->port), "BITS-Session-Id");

    REQUIRE(id != NULL);
    CHECK_NEXT(windows_fragment(wire, env->port, id, file, 0, 99), 200, 100);
    CHECK_ANSWER(windows_packet(wire, env->port, "Cancel-Session", of_session(id)), 200, NULL);
    CHECK(!files_exists(httpd_env_path(env, path)));
    wire_after(wire, path, WIRE_KEPT);
}

static void answers_lost(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *file = files_noise(LENGTH, 8, httpd_env_pool());
    wire_t *wire = wire_connect(env);
    upload_t up = {env, wire, path, NULL};
    int i;

    up.id = wire_header(windows_create(wire, env->port), "BITS-Session-Id");
    REQUIRE(up.id != NULL);
    /* Each request is sent again on a new connection, as after a lost answer. */
    CHECK_NEXT(windows_fragment(wire, env->port, up.id, file, 0, 999), 200, 1000);
    wire = wire_connect(env);
    CHECK_NEXT(windows_fragment(wire, env->port, up.id, file, 0, 999), 416, 1000);
    CHECK_NEXT(windows_fragment(wire, env->port, up.id, file, 1000, LENGTH - 1), 200, LENGTH);
    wire = wire_connect(env);
    CHECK_NEXT(windows_fragment(wire, env->port, up.id, file, 1000, LENGTH - 1), 200, LENGTH);
    for (i = 0; i < 3; i++) {
        wire = wire_connect(env);
        CHECK_ANSWER(windows_packet(wire, env->port, "Close-Session", of_session(up.id)), 200,
                     NULL);
        upload_check_file(&up, file, LENGTH);
    }
}

void suite_windows(void)
{
    static const suite_test_t tests[] = {
        {"a job in one fragment", one_fragment},
        {"a job in many fragments", many_fragments},
        {"a cancelled job", cancelled_job},
        {"a job whose answers are lost", answers_lost},
    };

    SUITE_ADD("windows", tests);
}
