/* SPDX-License-Identifier: Apache-2.0 */

/* Clients that take their time: with bodies, with headers, and between two requests. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "overload.h"
#include "upload.h"

/** What each slow client wants to upload, more than is written at once; and what it has sent before
 * it stalls. */
enum { LENGTH = 300000, SENT = 10 };

/** Milliseconds without an answer that show that a thread is missing. */
enum { SILENCE = 300 };

/** Connections that are kept alive and do nothing. */
enum { IDLE = 300 };

/** What the module logs of a body that mod_reqtimeout has ended. */
static const char cut[] = "the fragment broke off: The timeout specified has expired";

static const char ping[] =
    "BITS_POST /upload/a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Ping\r\n\r\n";

/** The event MPM takes new connections whatever waits, and when it had no thread for them soon
 * after it has one again. */
static const char waiting_lines[] = "AsyncRequestWorkerFactor 64\nKeepAliveTimeout 1\n";

/** A server that may run out of threads. Then the event MPM closes connections that are kept alive,
 * so each request here has one of its own. */
static httpd_env_t *start(const char *modules, const char *lines)
{
    const httpd_env_options_t options = {
        .modules = modules,
        .server = apr_pstrcat(httpd_env_pool(), OVERLOAD_ONE_CHILD, waiting_lines, lines, NULL)};
    httpd_env_t *env = httpd_env_start(&options);

    httpd_env_expect(env, "AH00484"); /* server reached MaxRequestWorkers */
    return env;
}

/** A client that sends the start of a fragment. Returns when its thread waits for the rest. */
static upload_t stall(httpd_env_t *env, int number, const char *file)
{
    upload_t up = upload_another(env, httpd_env_format("/upload/slow-%d", number));

    wire_disconnect(up.wire);
    up.wire = wire_connect(env);
    wire_fragment_head(up.wire, up.path, up.id, 0, LENGTH, LENGTH);
    wire_send_bytes(up.wire, file, SENT);
    httpd_env_await_spool(env, number + 1);
    return up;
}

/** Another client gets through with all it wants. */
static void check_served(httpd_env_t *env, const char *path, const char *file)
{
    upload_t up = upload_another(env, path);

    for (long long at = 0; at < LENGTH; at += LENGTH / 4) {
        wire_disconnect(up.wire);
        up.wire = wire_connect(env);
        CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, at, LENGTH / 4, LENGTH), 200,
                   at + LENGTH / 4);
    }
    wire_disconnect(up.wire);
    up.wire = wire_connect(env);
    upload_finish(&up, file, LENGTH);
    wire_disconnect(up.wire);
}

/** As long as a thread is left others are served; then they wait for one. */
static void bodies(void)
{
    httpd_env_t *env = start(NULL, "");
    const char *file = files_noise(LENGTH, 50, httpd_env_pool());
    upload_t slow[OVERLOAD_THREADS];
    wire_t *waiting;

    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        if (i % 5 == 0) {
            check_served(env, httpd_env_format("/upload/other-%d", i), file);
        }
        slow[i] = stall(env, i, file);
    }
    waiting = wire_connect(env);
    wire_send_bytes(waiting, ping, strlen(ping));
    CHECK(!wire_hears(waiting, SILENCE));
    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        wire_send_bytes(slow[i].wire, file + SENT, LENGTH - SENT);
        CHECK_NEXT(wire_read(slow[i].wire), 200, LENGTH);
        slow[i].wire = wire_connect(env);
        upload_finish(&slow[i], file, LENGTH);
    }
    CHECK_ANSWER(wire_read(waiting), 200, NULL);
}

/** mod_reqtimeout frees the threads; what the slow clients had sent is kept. */
static void bodies_cut(void)
{
    httpd_env_t *env = start("reqtimeout", "RequestReadTimeout header=20 body=2\n"
                                           "LogLevel bgupload:debug\n");
    const char *file = files_noise(LENGTH, 51, httpd_env_pool());
    upload_t slow[OVERLOAD_THREADS];

    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        slow[i] = stall(env, i, file);
    }
    check_served(env, "/upload/other", file);
    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        CHECK_INT(wire_read_any(slow[i].wire)->status, 0);
        CHECK_INT(upload_next(&slow[i], LENGTH), SENT);
        httpd_env_await_log(env, 0, httpd_env_format("%s; session=%.36s", cut, slow[i].id + 1));
        slow[i].wire = wire_connect(env);
        CHECK_NEXT(wire_fragment(slow[i].wire, slow[i].path, slow[i].id, file, SENT, LENGTH - SENT,
                                 LENGTH),
                   200, LENGTH);
        slow[i].wire = wire_connect(env);
        upload_finish(&slow[i], file, LENGTH);
    }
}

/** What dripping bodies may take, in KiB each: the buffers of what waits to be written. */
enum { DRIPS_MAX = 64 * 8000 / 1024 + 32 };

/** Bytes that drip one by one. */
enum { DRIPS = 8000 };

/** Each drip takes a buffer; they are written before they are too many. */
static void drips(void)
{
    const char *file = files_noise(LENGTH, 55, httpd_env_pool());
    upload_t slow[OVERLOAD_THREADS];
    httpd_env_t *env;
    pid_t child;
    long before;

    if (httpd_env_is_instrumented()) {
        check_skip("memory is not measured in an instrumented server");
        return;
    }
    env = start(NULL, "");
    overload_warm_up(env);
    child = overload_child(env);
    before = httpd_env_rss(child);
    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        slow[i] = stall(env, i, file);
    }
    for (int k = SENT; k < SENT + DRIPS; k++) {
        for (int i = 0; i < OVERLOAD_THREADS; i++) {
            wire_send_bytes(slow[i].wire, file + k, 1);
        }
        overload_check_memory(child, before, OVERLOAD_THREADS * DRIPS_MAX);
    }
    for (int i = 0; i < OVERLOAD_THREADS; i++) {
        wire_send_bytes(slow[i].wire, file + SENT + DRIPS, LENGTH - SENT - DRIPS);
        CHECK_NEXT(wire_read(slow[i].wire), 200, LENGTH);
        slow[i].wire = wire_connect(env);
        upload_finish(&slow[i], file, LENGTH);
    }
}

/** Drips that never stop: only the rate ends them. */
static void drips_cut(void)
{
    httpd_env_t *env = start("reqtimeout", "RequestReadTimeout header=20 body=1,MinRate=1000000\n");
    upload_t up = upload_another(env, "/upload/a");
    const long long total = 100000000;
    const char *file = files_noise(LENGTH, 52, httpd_env_pool());
    long long sent = 0;

    wire_fragment_head(up.wire, up.path, up.id, 0, total, total);
    while (sent < LENGTH && !wire_hears(up.wire, 10)) {
        wire_send_bytes(up.wire, file + sent, 1);
        sent++;
    }
    CHECK_INT(wire_read_any(up.wire)->status, 0);
    /* The last bytes may have met a closed door. */
    CHECK(sent > 1 && upload_next(&up, total) >= 1 && upload_next(&up, total) <= sent);
    CHECK_ANSWER(wire_cancel(wire_connect(up.env), up.path, up.id), 200, NULL);
}

/** The same for headers: a request that never becomes one holds its thread no longer. */
static void headers_cut(void)
{
    httpd_env_t *env = start("reqtimeout", "RequestReadTimeout header=1 body=20\n");
    wire_t *slow[2 * OVERLOAD_THREADS];

    for (int i = 0; i < 2 * OVERLOAD_THREADS; i++) {
        slow[i] = wire_connect(env);
        wire_send_bytes(slow[i], ping, i % 2 == 0 ? 0 : strlen(ping) - 4);
    }
    check_served(env, "/upload/other", files_noise(LENGTH, 53, httpd_env_pool()));
    for (int i = 0; i < 2 * OVERLOAD_THREADS; i++) {
        int status = wire_read_any(slow[i])->status;

        CHECK(status == 408 || status == 0);
    }
}

/** Connections between two requests need no thread, and stay. */
static void kept_alive(void)
{
    httpd_env_t *env = start(NULL, "KeepAliveTimeout 300\n");
    wire_t *idle[IDLE];

    for (int i = 0; i < IDLE; i++) {
        idle[i] = wire_connect(env);
        wire_after(idle[i], "/upload/a", WIRE_KEPT);
    }
    check_served(env, "/upload/other", files_noise(LENGTH, 54, httpd_env_pool()));
    for (int i = 0; i < IDLE; i++) {
        wire_after(idle[i], "/upload/a", WIRE_KEPT);
    }
}

void suite_overload_slow(void)
{
    static const suite_test_t tests[] = {
        {"bodies that stall", bodies},
        {"bodies that stall, with RequestReadTimeout", bodies_cut},
        {"memory of bodies that drip", drips},
        {"bodies that drip, with RequestReadTimeout", drips_cut},
        {"headers that never end, with RequestReadTimeout", headers_cut},
        {"hundreds of connections that are kept alive", kept_alive},
    };

    SUITE_ADD("overload_slow", tests);
}
