/* SPDX-License-Identifier: Apache-2.0 */

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

/** Longest line of an answer. */
#define LINE_MAX_LENGTH 8192

struct wire_t {
    httpd_env_t *env;
    int fd;     /**< -1: closed */
    int broken; /**< the server takes no more bytes */
    char buffer[4096];
    size_t start; /**< of the bytes in buffer that nobody has read */
    size_t end;
};

static apr_status_t disconnect_cleanup(void *baton)
{
    wire_disconnect(baton);
    return APR_SUCCESS;
}

wire_t *wire_connect(httpd_env_t *env)
{
    return wire_connect_from(env, "127.0.0.1");
}

wire_t *wire_connect_from(httpd_env_t *env, const char *from)
{
    wire_t *wire = apr_pcalloc(env->clients, sizeof(*wire));
    struct sockaddr_in address = {0};
    int on = 1;

    wire->env = env;
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(wire->fd >= 0);
    apr_pool_cleanup_register(env->clients, wire, disconnect_cleanup, apr_pool_cleanup_null);
    address.sin_family = AF_INET;
    REQUIRE(inet_pton(AF_INET, from, &address.sin_addr) == 1);
    REQUIRE(bind(wire->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)env->port);
    REQUIRE(connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return wire;
}

void wire_disconnect(wire_t *wire)
{
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    wire->fd = -1;
}

void wire_end_sending(wire_t *wire)
{
    REQUIRE(shutdown(wire->fd, SHUT_WR) == 0);
}

void wire_reset(wire_t *wire)
{
    const struct linger now = {1, 0};

    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    wire_disconnect(wire);
}

void wire_send_bytes(wire_t *wire, const void *data, size_t length)
{
    const struct timeval limit = {WIRE_DEADLINE, 0};
    const char *rest = data;

    REQUIRE(wire->fd >= 0);
    setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    while (length > 0 && !wire->broken) {
        ssize_t put = send(wire->fd, rest, length, MSG_NOSIGNAL);

        if (put < 0) {
            if (errno != EPIPE && errno != ECONNRESET) {
                CHECK_FAIL("the server does not read: %s", strerror(errno));
            }
            wire->broken = 1;
            return;
        }
        rest += put;
        length -= (size_t)put;
    }
}

void wire_send(wire_t *wire, const char *format, ...)
{
    va_list args;
    const char *text;

    va_start(args, format);
    text = httpd_env_vformat(format, args);
    va_end(args);
    wire_send_bytes(wire, text, strlen(text));
}

int wire_hears(wire_t *wire, int milliseconds)
{
    struct pollfd waiting = {wire->fd, POLLIN, 0};

    return wire->start < wire->end || wire->fd < 0 || poll(&waiting, 1, milliseconds) > 0;
}

/** More bytes into the buffer. Returns their number, 0 at the connection's end. */
static size_t fill(wire_t *wire)
{
    struct pollfd waiting = {wire->fd, POLLIN, 0};
    ssize_t got;

    if (wire->fd < 0) {
        return 0;
    }
    if (poll(&waiting, 1, WIRE_DEADLINE * 1000) == 0) {
        CHECK_FAIL("no answer in %d seconds", WIRE_DEADLINE);
        wire_disconnect(wire);
        return 0;
    }
    got = recv(wire->fd, wire->buffer, sizeof(wire->buffer), 0);
    wire->start = 0;
    wire->end = got > 0 ? (size_t)got : 0;
    return wire->end;
}

int wire_read_bytes(wire_t *wire, void *data, size_t length)
{
    char *next = data;

    for (; length > 0; length--) {
        if (wire->start == wire->end && fill(wire) == 0) {
            return 0;
        }
        *next++ = wire->buffer[wire->start++];
    }
    return 1;
}

/** One line without its end, or NULL at the connection's end. */
static const char *read_line(wire_t *wire)
{
    char line[LINE_MAX_LENGTH];
    size_t length = 0;

    for (;;) {
        if (wire->start == wire->end && fill(wire) == 0) {
            return NULL;
        }
        REQUIRE(length < sizeof(line));
        line[length] = wire->buffer[wire->start++];
        if (line[length] == '\n') {
            break;
        }
        length++;
    }
    length -= length > 0 && line[length - 1] == '\r';
    return apr_pstrmemdup(wire->env->pool, line, length);
}

/** Read that many bytes of body (-1: to the connection's end) and forget them. */
static long skip_body(wire_t *wire, long length)
{
    long total = 0;

    while (length < 0 || total < length) {
        if (wire->start == wire->end && fill(wire) == 0) {
            break;
        }
        wire->start++;
        total++;
    }
    return total;
}

/** Read header lines into a table; returns 0 if the connection ended. */
static int read_headers(wire_t *wire, apr_table_t *headers)
{
    const char *line;

    for (line = read_line(wire); line != NULL && *line != '\0'; line = read_line(wire)) {
        const char *colon = strchr(line, ':');

        if (colon == NULL) {
            CHECK_FAIL("not a header: \"%s\"", line);
            return 0;
        }
        apr_table_addn(headers, apr_pstrmemdup(wire->env->pool, line, (apr_size_t)(colon - line)),
                       colon + 1 + strspn(colon + 1, " "));
    }
    return line != NULL;
}

const wire_answer_t *wire_read_any(wire_t *wire)
{
    wire_answer_t *answer = apr_pcalloc(wire->env->pool, sizeof(*answer));
    const char *line;
    const char *length;

    for (;;) {
        answer->headers = apr_table_make(wire->env->pool, 8);
        answer->status = 0;
        line = read_line(wire);
        if (line == NULL) {
            return answer;
        }
        if (strncmp(line, "HTTP/1.1 ", 9) != 0) {
            CHECK_FAIL("not an answer: \"%s\"", line);
            return answer;
        }
        answer->status = (int)strtol(line + 9, NULL, 10);
        if (!read_headers(wire, answer->headers)) {
            answer->status = 0;
            return answer;
        }
        if (answer->status != 100) {
            break;
        }
        answer->interim++;
    }
    length = wire_header(answer, "Content-Length");
    answer->body = skip_body(wire, length != NULL ? strtol(length, NULL, 10) : -1);
    return answer;
}

void wire_await_continue(wire_t *wire)
{
    CHECK_STR(read_line(wire), "HTTP/1.1 100 Continue");
    CHECK(read_headers(wire, apr_table_make(wire->env->clients, 1)));
}

/** The number of headers with this name. */
static int header_count(const wire_answer_t *answer, const char *name)
{
    const apr_array_header_t *all = apr_table_elts(answer->headers);
    int count = 0;
    int i;

    for (i = 0; i < all->nelts; i++) {
        count += strcasecmp(APR_ARRAY_IDX(all, i, apr_table_entry_t).key, name) == 0;
    }
    return count;
}

/** What holds for every answer with an error code or without. */
static void check_error_headers(const wire_answer_t *answer, const char *expected_context)
{
    const char *code = wire_header(answer, "BITS-Error-Code");
    const char *context = wire_header(answer, "BITS-Error-Context");

    CHECK_STR(wire_header(answer, "BITS-Error"), code);
    if (answer->status == 200) {
        CHECK_STR(code, NULL);
        CHECK_STR(context, NULL);
        return;
    }
    CHECK_STR(context, expected_context);
    if (answer->status == 416) {
        CHECK_STR(code, "0x0");
        return;
    }
    CHECK(code != NULL && strlen(code) == 10 && strncmp(code, "0x", 2) == 0);
    CHECK(code != NULL && strspn(code + 2, "0123456789ABCDEF") == 8);
}

/** Read one answer of the module; context is what an error is to have. */
static const wire_answer_t *read_packet(wire_t *wire, const char *context)
{
    const wire_answer_t *answer = wire_read_any(wire);

    if (answer->status == 0) {
        return answer;
    }
    CHECK_STR(wire_header(answer, "BITS-Packet-Type"), "Ack");
    CHECK_STR(wire_header(answer, "Content-Length"), "0");
    CHECK_STR(wire_header(answer, "Transfer-Encoding"), NULL);
    CHECK_INT(answer->body, 0);
    CHECK_INT(header_count(answer, "BITS-Packet-Type"), 1);
    CHECK_INT(header_count(answer, "Content-Length"), 1);
    CHECK(header_count(answer, "BITS-Error-Code") <= 1);
    check_error_headers(answer, context);
    return answer;
}

const wire_answer_t *wire_read(wire_t *wire)
{
    return read_packet(wire, "0x5");
}

const wire_answer_t *wire_read_application(wire_t *wire)
{
    return read_packet(wire, "0x7");
}

void wire_after(wire_t *wire, const char *path, wire_after_e expected)
{
    const wire_answer_t *answer;

    if (expected != WIRE_CLOSED) {
        wire_send(wire,
                  "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: Ping\r\n"
                  "Content-Length: 0\r\n\r\n",
                  path);
    }
    answer = wire_read(wire);
    if (expected == WIRE_KEPT || (expected == WIRE_EITHER && answer->status != 0)) {
        CHECK_INT(answer->status, 200);
        CHECK_STR(wire_header(answer, "BITS-Session-Id"), NULL);
    }
    if (expected == WIRE_CLOSED) {
        CHECK_INT(answer->status, 0);
    }
}

const char *wire_header(const wire_answer_t *answer, const char *name)
{
    return apr_table_get(answer->headers, name);
}

void wire_check(const wire_answer_t *answer, int status, const char *code, const char *file,
                int line)
{
    check_int(answer->status, status, "status", file, line);
    check_str(wire_header(answer, "BITS-Error-Code"), code, "BITS-Error-Code", file, line);
}

void wire_check_next(const wire_answer_t *answer, int status, long long next, const char *file,
                     int line)
{
    check_int(answer->status, status, "status", file, line);
    check_str(wire_header(answer, "BITS-Received-Content-Range"), httpd_env_format("%lld", next),
              "BITS-Received-Content-Range", file, line);
}
