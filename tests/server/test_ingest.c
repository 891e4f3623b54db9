/* SPDX-License-Identifier: Apache-2.0 */

/* How bodies come in: large receives, what lies around them on a connection, and memory. */

#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "fetch.h"
#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";

enum { KIB = 1024, MIB = 1024 * KIB };

/** What httpd receives at once, what makes a body large, what is written at once, the buffer; and
 * all of these with what is received beside them. */
static const int sizes[] = {1,
                            7999,
                            8001,
                            32 * KIB - 1,
                            32 * KIB,
                            32 * KIB + 8001,
                            64 * KIB + 1,
                            256 * KIB - 1,
                            256 * KIB + 8000,
                            256 * KIB + 16001,
                            MIB - 1,
                            MIB,
                            MIB + 1,
                            MIB + 8001,
                            5 * MIB + 7};

/** Upload a file of each size in one fragment, all on one connection. */
static void upload_sizes(httpd_env_t *env, const char *folder)
{
    const char *file = files_noise(5 * MIB + 7, 50, httpd_env_pool());
    upload_t up = {env, wire_connect(env), NULL, NULL};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        up.path = httpd_env_format("%s/%d.bin", folder, sizes[i]);
        wire_upload(up.wire, up.path, file, (size_t)sizes[i], (size_t)sizes[i]);
        upload_check_file(&up, file, (size_t)sizes[i]);
    }
}

static void all_sizes(void)
{
    upload_sizes(httpd_env_start(NULL), "/upload");
}

/** One connection, folders with buffers of different sizes and with none. */
static void buffers(void)
{
    httpd_env_options_t options = {
        .server = "<Directory \"{DOCROOT}/upload/none\">\nBGUploadReceiveBuffer 0\n</Directory>\n"
                  "<Directory \"{DOCROOT}/upload/small\">\nBGUploadReceiveBuffer 64K\n"
                  "</Directory>\n"
                  "<Directory \"{DOCROOT}/upload/middle\">\nBGUploadReceiveBuffer 256K\n"
                  "</Directory>\n"};
    static const char *const folders[] = {"/upload/none", "/upload/small", "/upload/middle"};
    httpd_env_t *env = httpd_env_start(&options);
    const char *file = files_noise(3 * MIB, 51, httpd_env_pool());
    upload_t up = {env, wire_connect(env), NULL, NULL};
    size_t i;

    for (i = 0; i < 3; i++) {
        files_mkdir(httpd_env_path(env, folders[i]), 0755);
        upload_sizes(env, folders[i]);
    }
    for (i = 0; i < 6; i++) {
        up.path =
            httpd_env_format("%s/in-turn-%d.bin", i % 4 == 3 ? "/upload" : folders[i % 4], (int)i);
        wire_upload(up.wire, up.path, file, 3 * MIB, 2 * MIB);
        upload_check_file(&up, file, 3 * MIB);
    }
}

static void under(const char *mpm)
{
    const httpd_env_options_t options = {.mpm = mpm};

    if (httpd_env_has_module(httpd_env_format("mpm_%s", mpm))) {
        upload_sizes(httpd_env_start(&options), "/upload");
    } else {
        check_skip(httpd_env_format("httpd has no mod_mpm_%s", mpm));
    }
}

static void worker(void)
{
    under("worker");
}

static void prefork(void)
{
    under("prefork");
}

/** mod_ssl reads the network by records, and holds back what it has decrypted. */
static void tls(void)
{
    static const size_t fragments[] = {20000, 32 * KIB, 100000, 300000, MIB, 3 * MIB + 5};
    const httpd_env_options_t options = {.tls = 1};
    const char *file;
    httpd_env_t *env;
    fetch_t *client;
    size_t i;

    if (!httpd_env_has_module("ssl")) {
        check_skip("httpd has no mod_ssl");
        return;
    }
    env = httpd_env_start(&options);
    client = fetch_open(env, FETCH_HTTP_1, NULL);
    file = files_noise(3 * MIB + 5, 52, httpd_env_pool());
    for (i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
        upload_t up = {env, NULL, httpd_env_format("/upload/%d.bin", (int)i), NULL};
        size_t length = fragments[i] < 300000 ? 3 * fragments[i] + 1 : 3 * MIB + 5;

        fetch_upload(client, up.path, file, length, fragments[i]);
        upload_check_file(&up, file, length);
        CHECK_INT(fetch(client, "GET", up.path, NULL, NULL, 0)->length, length);
    }
}

/** The requests behind a body come in with its last bytes. */
static void pipelined(void)
{
    upload_t up = upload_begin(NULL, path);
    const char *file = files_noise(5 * MIB + 7, 53, httpd_env_pool());
    size_t i;

    files_write(httpd_env_path(up.env, "/plain.txt"), "plain", 5);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const wire_answer_t *answer;

        up.path = httpd_env_format("/upload/%d.bin", sizes[i]);
        up.id = wire_create(up.wire, up.path);
        wire_fragment_head(up.wire, up.path, up.id, 0, sizes[i], sizes[i]);
        wire_send_bytes(up.wire, file, (size_t)sizes[i]);
        wire_send(up.wire,
                  "GET /plain.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: Close-Session\r\n"
                  "BITS-Session-Id: %s\r\nContent-Length: 0\r\n\r\n"
                  "GET /plain.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
                  up.path, up.id);
        CHECK_NEXT(wire_read(up.wire), 200, sizes[i]);
        answer = wire_read_any(up.wire);
        CHECK_INT(answer->status, 200);
        CHECK_INT(answer->body, 5);
        CHECK_ANSWER(wire_read(up.wire), 200, NULL);
        CHECK_INT(wire_read_any(up.wire)->body, 5);
        upload_check_file(&up, file, (size_t)sizes[i]);
    }
    up.path = path;
}

/** A body in small pieces, each sent for itself. */
static void dribble(void)
{
    static const size_t pieces[] = {1, 7, 1000, 8000, 65536};
    upload_t up = upload_begin(NULL, path);
    const long long total = 700000;
    const char *file = files_noise((size_t)total, 54, httpd_env_pool());
    long long at = 0;
    size_t i;

    wire_fragment_head(up.wire, path, up.id, 0, total, total);
    for (i = 0; at < total; i++) {
        size_t piece = pieces[i % 5];

        piece = (long long)piece > total - at ? (size_t)(total - at) : piece;
        wire_send_bytes(up.wire, file + at, piece);
        at += (long long)piece;
    }
    CHECK_NEXT(wire_read(up.wire), 200, total);
    upload_finish(&up, file, (size_t)total);
}

/** Whether what was sent, far more than is gathered for a write, has come to the spool. */
struct progress {
    const upload_t *up;
    long long least;
    long long total;
};

static int has_progressed(void *baton)
{
    const struct progress *progress = baton;

    return upload_next(progress->up, progress->total) >= progress->least;
}

/** Begin a fragment of the whole file on a new connection, and send that much of it. */
static wire_t *stall(const upload_t *up, const char *file, long long sent, long long total)
{
    struct progress progress = {up, sent - MIB, total};
    wire_t *wire = wire_connect(up->env);

    wire_fragment_head(wire, up->path, up->id, 0, total, total);
    wire_send_bytes(wire, file, (size_t)sent);
    REQUIRE(check_wait(has_progressed, &progress, HTTPD_ENV_DEADLINE));
    return wire;
}

/** A large body stops, in the middle of a buffer, and the connection ends. */
static void broken_off(void)
{
    upload_t up = upload_begin(NULL, path);
    const long long total = 6 * MIB;
    const char *file = files_noise((size_t)total, 55, httpd_env_pool());

    wire_disconnect(stall(&up, file, 2 * MIB + 77, total));
    upload_await_next(&up, 2 * MIB + 77, total);
    wire_end_sending(stall(&up, file, 4 * MIB + 12345, total));
    upload_await_next(&up, 4 * MIB + 12345, total);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 4 * MIB + 12345,
                             (size_t)(total - 4 * MIB - 12345), total),
               200, total);
    upload_finish(&up, file, (size_t)total);
}

/** A large body stops, and the server gives up waiting. */
static void given_up(const httpd_env_options_t *options)
{
    upload_t up = upload_begin(options, path);
    const long long total = 6 * MIB;
    const char *file = files_noise((size_t)total, 56, httpd_env_pool());
    wire_t *stalled = wire_connect(up.env);

    wire_fragment_head(stalled, path, up.id, 0, total, total);
    wire_send_bytes(stalled, file, 2 * MIB + 77);
    while (wire_read_any(stalled)->status != 0) {
    }
    CHECK_INT(upload_next(&up, total), 2 * MIB + 77);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, (size_t)total, total), 200, total);
    upload_finish(&up, file, (size_t)total);
}

static void stalled_until_timeout(void)
{
    const httpd_env_options_t options = {.server = "Timeout 1\n"};

    given_up(&options);
}

/** mod_reqtimeout shortens the time for which the socket waits, from read to read. */
static void stalled_until_reqtimeout(void)
{
    const httpd_env_options_t options = {.modules = "reqtimeout",
                                         .server = "RequestReadTimeout body=1,MinRate=10000000\n"};

    if (httpd_env_has_module("reqtimeout")) {
        given_up(&options);
    } else {
        check_skip("httpd has no mod_reqtimeout");
    }
}

static void expect_continue(void)
{
    upload_t up = upload_begin(NULL, path);
    const int total = 2 * MIB;
    const char *file = files_noise((size_t)total, 57, httpd_env_pool());

    wire_send(up.wire,
              "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
              "BITS-Packet-Type: Fragment\r\nBITS-Session-Id: %s\r\n"
              "Content-Range: bytes 0-%d/%d\r\nContent-Length: %d\r\n\r\n",
              path, up.id, total - 1, total, total);
    wire_await_continue(up.wire);
    wire_send_bytes(up.wire, file, (size_t)total);
    CHECK_NEXT(wire_read(up.wire), 200, total);
    upload_finish(&up, file, (size_t)total);
}

/** A small body that does not wait for it: the connection stays. */
static void expect_and_go_on(void)
{
    upload_t up = upload_begin(NULL, path);

    wire_send(up.wire,
              "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
              "BITS-Packet-Type: Fragment\r\nBITS-Session-Id: %s\r\n"
              "Content-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\n12345",
              path, up.id);
    wire_await_continue(up.wire);
    CHECK_NEXT(wire_read(up.wire), 200, 5);
    upload_finish(&up, "12345", 5);
}

/** Bodies for other modules, and answers, on the connections of uploads; and a connection to a
 * server behind this one. */
static void others(void)
{
    httpd_env_options_t options = {.modules = "dav dav_fs proxy proxy_http",
                                   .server =
                                       "DavLockDB \"{ROOT}/run/dav\"\n"
                                       "<Directory \"{DOCROOT}/plain\">\nDav On\n</Directory>\n"
                                       "ProxyPass /behind http://127.0.0.1:{PORT}/plain\n"};
    const char *file = files_noise(3 * MIB, 58, httpd_env_pool());
    upload_t up, put;
    int i;

    if (!httpd_env_has_module("dav_fs") || !httpd_env_has_module("proxy_http")) {
        check_skip("httpd has no mod_dav_fs or no mod_proxy_http");
        return;
    }
    up = upload_begin(&options, path);
    put = up;
    for (i = 0; i < 4; i++) {
        const char *name = httpd_env_format("%d.bin", i);
        size_t length = i == 0 ? 10 : (size_t)(i * MIB - 5);

        put.path = apr_pstrcat(httpd_env_pool(), "/plain/", name, NULL);
        wire_send(up.wire, "PUT %s%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %lu\r\n\r\n",
                  i % 2 ? "/behind/" : "/plain/", name, (unsigned long)length);
        wire_send_bytes(up.wire, file + i, length);
        CHECK_INT(wire_read_any(up.wire)->status, 201);
        upload_check_file(&put, file + i, length);
        wire_send(up.wire, "GET /behind/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", name);
        CHECK_INT(wire_read_any(up.wire)->body, (long)length);
        wire_upload(up.wire, httpd_env_format("/upload/%d.bin", i), file, 3 * MIB, 2 * MIB);
        put.path = httpd_env_format("/upload/%d.bin", i);
        upload_check_file(&put, file, 3 * MIB);
    }
    CHECK_ANSWER(wire_cancel(up.wire, path, up.id), 200, NULL);
}

/** The module is loaded, and enabled nowhere. */
static void nowhere_enabled(void)
{
    httpd_env_options_t options = {
        .stock = 1,
        .server = httpd_env_format("LoadModule bgupload_module \"%s/mod_bgupload.so\"\n"
                                   "BGUploadStore sqlite \"{STORE}\"\n",
                                   httpd_env_setting("BGUPLOAD_BUILD"))};
    httpd_env_t *env = httpd_env_start(&options);
    const char *file = files_noise(MIB, 60, httpd_env_pool());
    wire_t *wire = wire_connect(env);

    files_write(httpd_env_path(env, "/a.bin"), file, MIB);
    wire_send(wire, "GET /a.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_INT(wire_read_any(wire)->body, MIB);
    CHECK_ANSWER(wire_packet(wire, path, "Ping", NULL, NULL, NULL, 0), 501, "0x80070005");
}

/** Resident memory of the server's only child, in KiB. */
static long child_memory(const httpd_env_t *env)
{
    pid_t child = 0;

    REQUIRE(httpd_env_children(env, &child, 1) == 1);
    return httpd_env_rss(child);
}

/** What memory has to come down to. */
struct memory_limit {
    const httpd_env_t *env;
    long most;
};

static int is_below(void *baton)
{
    const struct memory_limit *limit = baton;

    return child_memory(limit->env) <= limit->most;
}

enum { STREAMS = 6, BUFFER_KIB = 4 * KIB, SLACK_KIB = 2 * KIB };

static const httpd_env_options_t one_child = {
    .server = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n",
    .directory = "BGUploadReceiveBuffer 4M\n"};

/** Start one, unless it could not be measured. */
static httpd_env_t *start_measured(void)
{
    const char *preload = getenv("BGUPLOAD_PRELOAD");

    if (preload != NULL && *preload != '\0') {
        check_skip("memory is not measured in an instrumented server");
        return NULL;
    }
    return httpd_env_start(&one_child);
}

/** Wait until the child has come down to so much. */
static void await_memory(const httpd_env_t *env, long most)
{
    struct memory_limit limit = {env, most};

    if (!check_wait(is_below, &limit, HTTPD_ENV_DEADLINE)) {
        CHECK_FAIL("the child has %ld KiB, expected at most %ld", child_memory(env), most);
    }
}

/** Large bodies that stall in one child: at most a buffer for each, and none when they are over. */
static void memory_of_stalled(void)
{
    httpd_env_t *env = start_measured();
    const char *file;
    wire_t *wires[STREAMS];
    long before, most;
    int i;

    if (env == NULL) {
        return;
    }
    file = files_noise(12 * MIB, 59, httpd_env_pool());
    wire_upload(wire_connect(env), path, file, 10, 10);
    before = child_memory(env);
    for (i = 0; i < STREAMS; i++) {
        upload_t up = upload_another(env, httpd_env_format("/upload/%d.bin", i));

        wires[i] = stall(&up, file, 12 * MIB, 16 * MIB);
        wire_disconnect(up.wire);
    }
    most = child_memory(env);
    if (most > before + STREAMS * BUFFER_KIB + SLACK_KIB) {
        CHECK_FAIL("the child grew from %ld to %ld KiB", before, most);
    }
    for (i = 0; i < STREAMS; i++) {
        wire_disconnect(wires[i]);
    }
    await_memory(env, before + SLACK_KIB);
    httpd_env_expect_spool(env, STREAMS);
}

/** Connections that stay after a large body, with a part of the next request behind it: one buffer
 * is kept for all of them. */
static void memory_of_idle(void)
{
    httpd_env_t *env = start_measured();
    const long long total = 16 * MIB;
    const char *file;
    long before;
    int i;

    if (env == NULL) {
        return;
    }
    file = files_noise((size_t)total, 61, httpd_env_pool());
    wire_upload(wire_connect(env), path, file, 10, 10);
    before = child_memory(env);
    for (i = 0; i < STREAMS; i++) {
        upload_t up = upload_another(env, httpd_env_format("/upload/%d.bin", i));

        wire_fragment_head(up.wire, up.path, up.id, 0, total, total);
        wire_send_bytes(up.wire, file, (size_t)total);
        wire_send(up.wire, "GET / HTTP/1.1\r\nHost: loc");
        CHECK_NEXT(wire_read(up.wire), 200, total);
    }
    await_memory(env, before + BUFFER_KIB + SLACK_KIB);
    httpd_env_expect_spool(env, STREAMS);
}

void suite_ingest(void)
{
    static const suite_test_t tests[] = {
        {"fragments of all sizes", all_sizes},
        {"buffers of other sizes, and none", buffers},
        {"fragments of all sizes, worker", worker},
        {"fragments of all sizes, prefork", prefork},
        {"fragments of many sizes over TLS", tls},
        {"requests right behind a body", pipelined},
        {"a body in small pieces", dribble},
        {"a large body breaks off", broken_off},
        {"a large body stalls until httpd's Timeout", stalled_until_timeout},
        {"a large body stalls until mod_reqtimeout", stalled_until_reqtimeout},
        {"Expect: 100-continue", expect_continue},
        {"Expect: 100-continue, and a body at once", expect_and_go_on},
        {"other modules' bodies and a proxy", others},
        {"a server without uploads", nowhere_enabled},
        {"memory of large bodies that stall", memory_of_stalled},
        {"memory of idle connections", memory_of_idle},
    };

    SUITE_ADD("ingest", tests);
}
