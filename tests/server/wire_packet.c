/* SPDX-License-Identifier: Apache-2.0 */

/* The packets of the protocol over a wire_t. */

#include "wire.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

static void send_head(wire_t *wire, const char *path, const char *type, const char *session,
                      const char *more, long long length)
{
    const char *id = "";

    if (session != NULL) {
        id = apr_pstrcat(httpd_env_pool(), "BITS-Session-Id: ", session, "\r\n", NULL);
    }
    wire_send(wire,
              "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: %s\r\n%s%s"
              "Content-Length: %lld\r\n\r\n",
              path, type, id, more != NULL ? more : "", length);
}

/** Hold an answer to echoing the session id of its request, if that was a well-formed one. */
static void check_echo(const wire_answer_t *answer, const char *session)
{
    if (answer->status != 0 && session != NULL && strlen(session) == strlen(WIRE_NO_SESSION)) {
        const char *echo = wire_header(answer, "BITS-Session-Id");

        CHECK(echo != NULL && strcasecmp(echo, session) == 0);
    }
}

void wire_send_packet(wire_t *wire, const char *path, const char *type, const char *session,
                      const char *more, const void *body, size_t length)
{
    send_head(wire, path, type, session, more, (long long)length);
    wire_send_bytes(wire, body, length);
}

const wire_answer_t *wire_packet(wire_t *wire, const char *path, const char *type,
                                 const char *session, const char *more, const void *body,
                                 size_t length)
{
    const wire_answer_t *answer;

    wire_send_packet(wire, path, type, session, more, body, length);
    answer = wire_read(wire);
    check_echo(answer, session);
    return answer;
}

const char *wire_create(wire_t *wire, const char *path)
{
    const wire_answer_t *answer =
        wire_packet(wire, path, "Create-Session", NULL,
                    "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0);
    const char *id = wire_header(answer, "BITS-Session-Id");

    CHECK_INT(answer->status, 200);
    REQUIRE(answer->status == 200 && id != NULL);
    return id;
}

/** "Content-Range" for the bytes [start, start + length). */
static const char *range_line(long long start, long long length, long long total)
{
    return httpd_env_format("Content-Range: bytes %lld-%lld/%lld\r\n", start, start + length - 1,
                            total);
}

const wire_answer_t *wire_fragment(wire_t *wire, const char *path, const char *session,
                                   const char *file, long long start, size_t length,
                                   long long total)
{
    return wire_packet(wire, path, "Fragment", session, range_line(start, (long long)length, total),
                       file + start, length);
}

void wire_fragment_head(wire_t *wire, const char *path, const char *session, long long start,
                        long long length, long long total)
{
    send_head(wire, path, "Fragment", session, range_line(start, length, total), length);
}

const wire_answer_t *wire_close(wire_t *wire, const char *path, const char *session)
{
    return wire_packet(wire, path, "Close-Session", session, NULL, NULL, 0);
}

const wire_answer_t *wire_cancel(wire_t *wire, const char *path, const char *session)
{
    return wire_packet(wire, path, "Cancel-Session", session, NULL, NULL, 0);
}

void wire_upload(wire_t *wire, const char *path, const char *file, size_t length, size_t fragment)
{
    const char *id = wire_create(wire, path);
    size_t at = 0;

    while (at < length) {
        size_t now = length - at < fragment ? length - at : fragment;
        const wire_answer_t *answer =
            wire_fragment(wire, path, id, file, (long long)at, now, (long long)length);

        at += now;
        CHECK_NEXT(answer, 200, (long long)at);
        REQUIRE(answer->status == 200);
    }
    CHECK_ANSWER(wire_close(wire, path, id), 200, NULL);
}
