/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP/2 frame by frame: many uploads in one connection that stall, lie, or vanish with it. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "overload.h"
#include "upload.h"

/** Bytes of each file, and of the part that is sent before a stream stalls. */
enum { LENGTH = 1000, SENT = 10 };

/** Streams of one connection. */
enum { STREAMS = 12 };

/** Frames of HTTP/2 (RFC 9113) and their flags, as far as they are needed here. */
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/** Length of a frame's head; longest frame that is read here. */
enum { HEAD = 9, FRAME_MAX = 16384 };

static void send_frame(wire_t *wire, int type, int flags, int stream, const char *data,
                       size_t length)
{
    const unsigned char head[HEAD] = {
        (unsigned char)(length >> 16), (unsigned char)(length >> 8), (unsigned char)length,
        (unsigned char)type,           (unsigned char)flags,         0,
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};

    wire_send_bytes(wire, head, HEAD);
    wire_send_bytes(wire, data, length);
}

/** Read frames until one ends a stream; returns the stream's number and what ended it, or 0 at the
 * end of the connection. */
static int read_end(wire_t *wire, int *type)
{
    unsigned char head[HEAD];
    char data[FRAME_MAX];

    while (wire_read_bytes(wire, head, HEAD)) {
        const size_t length = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        REQUIRE(length <= FRAME_MAX);
        *type = head[3];
        if (!wire_read_bytes(wire, data, length) || *type == GOAWAY) {
            return 0;
        }
        if (*type == SETTINGS && !(head[4] & ACK)) {
            send_frame(wire, SETTINGS, ACK, 0, NULL, 0);
        } else if (*type == RST_STREAM ||
                   ((*type == DATA || *type == HEADERS) && (head[4] & END_STREAM))) {
            return (head[6] << 16) | (head[7] << 8) | head[8];
        }
    }
    return 0;
}

/** A header without compression: "literal, not indexed, new name". */
static const char *literal(const char *name, const char *value)
{
    REQUIRE(strlen(name) < 127 && strlen(value) < 127);
    return httpd_env_format("%c%s%c%s", (char)strlen(name), name, (char)strlen(value), value);
}

/** Begin a fragment of the first bytes of a file of LENGTH bytes.
 * @param length what Content-Length is to say */
static void send_fragment_head(wire_t *wire, int stream, const upload_t *up, int bytes,
                               const char *length)
{
    const char *const headers[] = {
        literal(":method", "BITS_POST"),
        literal(":scheme", "http"),
        literal(":authority", "x"),
        literal(":path", up->path),
        literal("bits-packet-type", "Fragment"),
        literal("bits-session-id", up->id),
        literal("content-range", httpd_env_format("bytes 0-%d/%d", bytes - 1, LENGTH)),
        literal("content-length", length),
    };
    char block[1024];
    size_t at = 0;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const size_t size = strlen(headers[i]);

        REQUIRE(at + 1 + size <= sizeof(block));
        block[at++] = 0;
        memcpy(block + at, headers[i], size);
        at += size;
    }
    send_frame(wire, HEADERS, END_HEADERS, stream, block, at);
}

static wire_t *connect_http2(httpd_env_t *env)
{
    wire_t *wire = wire_connect(env);

    wire_send(wire, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    send_frame(wire, SETTINGS, 0, 0, NULL, 0);
    return wire;
}

/** A server that speaks HTTP/2 without TLS, or NULL if that cannot be had here. */
static httpd_env_t *start(const char *lines)
{
    const httpd_env_options_t options = {
        .modules = "http2",
        .server = apr_pstrcat(httpd_env_pool(), OVERLOAD_ONE_CHILD "Protocols h2c http/1.1\n",
                              lines, NULL)};

    if (!httpd_env_has_module("http2")) {
        check_skip("httpd has no mod_http2");
        return NULL;
    }
    return httpd_env_start(&options);
}

/** A connection with a stream for each of so many new uploads, in which the first bytes come. */
static wire_t *begin_streams(httpd_env_t *env, upload_t ups[STREAMS], const char *file)
{
    wire_t *wire = connect_http2(env);

    for (int i = 0; i < STREAMS; i++) {
        ups[i] = upload_another(env, httpd_env_format("/upload/%d", i));
        wire_disconnect(ups[i].wire);
    }
    for (int i = 0; i < STREAMS; i++) {
        send_fragment_head(wire, 2 * i + 1, &ups[i], LENGTH, "1000");
        send_frame(wire, DATA, 0, 2 * i + 1, file, SENT);
    }
    return wire;
}

/** Whoever speaks HTTP/1.1 has other threads; the silent streams are ended, and keep their bytes.
 */
static void stalled_streams(void)
{
    httpd_env_t *env = start("H2StreamTimeout 1\n");
    const char *file = files_noise(LENGTH, 90, httpd_env_pool());
    upload_t ups[STREAMS];
    wire_t *wire;
    int type;

    if (env == NULL) {
        return;
    }
    wire = begin_streams(env, ups, file);
    wire_upload(wire_connect(env), "/upload/other", file, LENGTH, LENGTH / 4);
    for (int i = 0; i < STREAMS; i++) {
        CHECK(read_end(wire, &type) != 0);
        CHECK_INT(type, RST_STREAM);
    }
    for (int i = 0; i < STREAMS; i++) {
        CHECK_INT(upload_next(&ups[i], LENGTH), SENT);
        CHECK_ANSWER(wire_cancel(wire_connect(env), ups[i].path, ups[i].id), 200, NULL);
    }
}

/** Lengths that do not fit what is sent: the stream is ended, its bytes are not taken. */
static void lengths(void)
{
    static const struct {
        int told;
        const char *length;
        size_t sent;
        int ends;
    } cases[] = {
        {10, "10", 10, HEADERS},  {10, "10", 5, RST_STREAM}, {5, "5", 10, RST_STREAM},
        {5, "-5", 5, RST_STREAM}, {5, "0x5", 5, RST_STREAM}, {5, "5, 5", 5, RST_STREAM},
        {5, "+5", 5, RST_STREAM},
    };
    httpd_env_t *env = start("");
    const char *file = files_noise(LENGTH, 91, httpd_env_pool());

    for (size_t i = 0; env != NULL && i < sizeof(cases) / sizeof(cases[0]); i++) {
        upload_t up = upload_another(env, httpd_env_format("/upload/%d", (int)i));
        wire_t *wire = connect_http2(env);
        int type = -1;

        send_fragment_head(wire, 1, &up, cases[i].told, cases[i].length);
        send_frame(wire, DATA, END_STREAM, 1, file, cases[i].sent);
        CHECK_INT(read_end(wire, &type), 1);
        CHECK_INT(type, cases[i].ends);
        CHECK(upload_next(&up, LENGTH) <= cases[i].told);
        CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, LENGTH, LENGTH), 200, LENGTH);
        upload_finish(&up, file, LENGTH);
        wire_disconnect(wire);
    }
}

/** All streams vanish with their connection: nothing stays open, every session goes on. */
static void vanished_connection(void)
{
    httpd_env_t *env = start("");
    const char *file = files_noise(LENGTH, 92, httpd_env_pool());
    upload_t ups[STREAMS];
    wire_t *wire;
    int sockets;

    if (env == NULL) {
        return;
    }
    sockets = overload_open(env, overload_child(env)).sockets;
    wire = begin_streams(env, ups, file);
    wire_reset(wire);
    overload_await_closed(env, overload_child(env), sockets);
    for (int i = 0; i < STREAMS; i++) {
        ups[i].wire = wire_connect(env);
        CHECK_NEXT(wire_fragment(ups[i].wire, ups[i].path, ups[i].id, file, 0, LENGTH, LENGTH), 200,
                   LENGTH);
        upload_finish(&ups[i], file, LENGTH);
        wire_disconnect(ups[i].wire);
    }
}

void suite_overload_http2(void)
{
    static const suite_test_t tests[] = {
        {"streams that stall", stalled_streams},
        {"lengths that are no truth", lengths},
        {"a connection that vanishes", vanished_connection},
    };

    SUITE_ADD("overload_http2", tests);
}
