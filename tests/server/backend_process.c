/* SPDX-License-Identifier: Apache-2.0 */

/* The server application's own process: a thread for each connection. */

#include "backend_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/** Bytes that are read, made and written at once. */
#define PIECE (64 * 1024)

/** Bytes of BACKEND_MANY_LINES. */
#define MANY (1024 * 1024)

/** Microseconds between two looks at whether a held request may go on. */
#define LOOK_INTERVAL 2000

static backend_shared_t *shared;

/** A connection with a request that is being served. */
struct connection {
    int fd;
    int number;
    backend_request_t *request;
    backend_order_t order; /**< as it was when the request came */
};

void backend_fill(char *data, long long start, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        uint64_t at = (uint64_t)start + i;

        data[i] = (char)((at * 2654435761u >> 13) ^ at);
    }
}

unsigned long long backend_sum(unsigned long long sum, const char *data, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        sum = sum * 31 + (unsigned char)data[i] + 1;
    }
    return sum;
}

/** Send bytes; returns 0 if the other side is gone. */
static int put(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR) {
            return 0;
        }
        if (sent > 0) {
            data += sent;
            length -= (size_t)sent;
        }
    }
    return 1;
}

/** Send lines that end in \n with \r\n. */
static int put_lines(int fd, const char *text)
{
    const char *end;

    for (end = strchr(text, '\n'); end != NULL; text = end + 1, end = strchr(text, '\n')) {
        if (!put(fd, text, (size_t)(end - text)) || !put(fd, "\r\n", 2)) {
            return 0;
        }
    }
    return put(fd, text, strlen(text));
}

static int put_body(int fd, long long length)
{
    char piece[PIECE];
    long long at = 0;

    while (at < length) {
        size_t now = length - at < PIECE ? (size_t)(length - at) : PIECE;

        backend_fill(piece, at, now);
        if (!put(fd, piece, now)) {
            return 0;
        }
        at += (long long)now;
    }
    return 1;
}

/** Send a head with a Content-Length, and a body. */
static int put_whole(int fd, long long announced, long long length)
{
    char line[64];

    snprintf(line, sizeof(line), "Content-Length: %lld\n\n", announced);
    return put_lines(fd, line) && put_body(fd, length);
}

/** Send a head and a body in one chunk. */
static int put_chunk(int fd, long long length)
{
    char line[64];

    snprintf(line, sizeof(line), "Transfer-Encoding: chunked\n\n%llx\n",
             (unsigned long long)length);
    return put_lines(fd, line) && put_body(fd, length) && put_lines(fd, "\n");
}

/** Send header lines, that many bytes or (0) until the other side goes. */
static int put_header_lines(int fd, size_t bytes)
{
    char line[1024];
    size_t at;

    memset(line, 'x', sizeof(line));
    memcpy(line, "X-Filler: ", strlen("X-Filler: "));
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    for (at = 0; bytes == 0 || at < bytes; at += sizeof(line)) {
        if (!put(fd, line, sizeof(line))) {
            return 0;
        }
    }
    return 1;
}

/** Wait for backend_release(). */
static void await_release(void)
{
    while (!shared->released) {
        usleep(LOOK_INTERVAL);
    }
}

/** Send an answer, and later once more. */
static int put_twice(const struct connection *connection)
{
    const backend_order_t *order = &connection->order;

    if (!put_whole(connection->fd, order->plan.body, order->plan.body)) {
        return 0;
    }
    await_release();
    return put_lines(connection->fd, order->answer) &&
           put_whole(connection->fd, order->plan.body, order->plan.body);
}

/** Send what the plan says. Returns 1 if the connection stays open, 0 if it is to be closed, -1 if
 * the other side is gone. */
static int answer(const struct connection *connection)
{
    const backend_plan_t *plan = &connection->order.plan;
    int fd = connection->fd;
    int sent = put_lines(fd, connection->order.answer);

    switch (plan->form) {
    case BACKEND_TO_CLOSE:
        sent = sent && put_lines(fd, "\n") && put_body(fd, plan->body);
        break;
    case BACKEND_CHUNKED:
        sent = sent && put_chunk(fd, plan->body) && put_lines(fd, "0\n\n");
        break;
    case BACKEND_CUT_CHUNK:
        sent = sent && put_chunk(fd, plan->body);
        break;
    case BACKEND_CUT_BODY:
        sent = sent && put_whole(fd, plan->body, plan->body / 2);
        break;
    case BACKEND_EXCESS:
        sent = sent && put_whole(fd, plan->body / 2, plan->body);
        break;
    case BACKEND_MANY_LINES:
        sent = sent && put_header_lines(fd, MANY) && put_whole(fd, plan->body, plan->body);
        break;
    case BACKEND_ENDLESS:
        sent = sent && put_header_lines(fd, 0);
        break;
    case BACKEND_AS_IS:
        break;
    case BACKEND_TWICE:
        return sent && put_twice(connection) ? 1 : -1;
    default:
        sent = sent && put_whole(fd, plan->body, plan->body);
        return sent ? 1 : -1;
    }
    return sent ? 0 : -1;
}

/** Copy the value of a header; returns 0 if there is none. */
static int find_header(const char *head, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    const char *line;

    for (line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            line += strspn(line, " ");
            snprintf(value, size, "%.*s", (int)strcspn(line, "\r"), line);
            return 1;
        }
    }
    return 0;
}

/** Read the file that a notification by reference names. */
static void read_data_file(backend_request_t *request, const char *path)
{
    char piece[PIECE];
    struct stat info;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    request->length = -1;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return;
    }
    request->file_mode = (int)(info.st_mode & 07777);
    request->length = 0;
    while ((got = read(fd, piece, sizeof(piece))) > 0) {
        request->sum = backend_sum(request->sum, piece, (size_t)got);
        request->length += got;
    }
    close(fd);
}

/** Leave the reply where the notification says. */
static void leave_file(const backend_order_t *order, const char *path)
{
    char piece[PIECE];
    long long at = 0;
    int fd = -1;

    switch (order->plan.file) {
    case BACKEND_SYMLINK:
        (void)!symlink(order->target, path);
        break;
    case BACKEND_HARD_LINK:
        (void)!link(order->target, path);
        break;
    case BACKEND_FOLDER:
        (void)!mkdir(path, 0755);
        break;
    case BACKEND_FILE:
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        break;
    default:
        break;
    }
    while (fd >= 0 && at < order->plan.file_size) {
        long long left = order->plan.file_size - at;
        size_t now = left < PIECE ? (size_t)left : PIECE;

        backend_fill(piece, at, now);
        at += write(fd, piece, now) == (ssize_t)now ? (long long)now : left;
    }
    if (fd >= 0) {
        close(fd);
    }
}

/** Read a request's body, of which the first bytes are here. Returns 0 if it broke off. */
static int read_body(const struct connection *connection, const char *data, size_t here)
{
    backend_request_t *request = connection->request;
    char piece[PIECE];
    char value[64] = "0";
    long long length;

    find_header(request->head, "Content-Length", value, sizeof(value));
    length = strtoll(value, NULL, 10);
    request->sum = backend_sum(0, data, here);
    request->length = (long long)here;
    while (request->length < length) {
        ssize_t got = recv(connection->fd, piece, sizeof(piece), 0);

        if (got <= 0) {
            return 0;
        }
        request->sum = backend_sum(request->sum, piece, (size_t)got);
        request->length += got;
    }
    return 1;
}

/** Read one request into a new record. Returns 0 at the connection's end. */
static int read_request(struct connection *connection)
{
    char head[sizeof(connection->request->head)] = "";
    size_t length = 0;
    char *end = NULL;
    char path[4096];
    int number;

    while (end == NULL) {
        ssize_t got = recv(connection->fd, head + length, sizeof(head) - 1 - length, 0);

        if (got <= 0) {
            return 0;
        }
        length += (size_t)got;
        head[length] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    number = atomic_fetch_add(&shared->taken, 1);
    if (number >= BACKEND_REQUESTS_MAX) {
        _exit(1);
    }
    end += strlen("\r\n\r\n");
    connection->order = shared->order;
    connection->request = &shared->requests[number];
    memcpy(connection->request->head, head, (size_t)(end - head));
    connection->request->connection = connection->number;
    if (!read_body(connection, end, length - (size_t)(end - head))) {
        connection->request->length = -1;
    } else if (find_header(head, "BITS-Request-DataFile-Name", path, sizeof(path))) {
        read_data_file(connection->request, path);
    }
    __atomic_store_n(&connection->request->ready, 1, __ATOMIC_RELEASE);
    return 1;
}

/** Do the work. */
static void work(const struct connection *connection)
{
    const backend_plan_t *plan = &connection->order.plan;
    const struct timespec time = {plan->delay / 1000, plan->delay % 1000 * 1000000L};
    char path[4096];

    nanosleep(&time, NULL);
    if (plan->held) {
        await_release();
    }
    if (find_header(connection->request->head, "BITS-Response-DataFile-Name", path, sizeof(path))) {
        leave_file(&connection->order, path);
    }
}

static void *serve_connection(void *data)
{
    struct connection *connection = data;
    int state = 1;
    int on = 1;

    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    while (state == 1 && read_request(connection)) {
        work(connection);
        state = answer(connection);
        if (state != 1) {
            /* Say the end before closing: bytes that nobody read would make it a reset. */
            shutdown(connection->fd, SHUT_WR);
        }
        __atomic_store_n(&connection->request->answered, state < 0 ? -1 : 1, __ATOMIC_RELEASE);
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

void backend_serve(backend_shared_t *memory, int listener)
{
    shared = memory;
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        struct connection *connection = calloc(1, sizeof(*connection));
        pthread_t thread;

        if (connection == NULL) {
            _exit(1);
        }
        connection->fd = accept(listener, NULL, NULL);
        connection->number = atomic_fetch_add(&shared->connections, 1);
        if (connection->fd < 0 ||
            pthread_create(&thread, NULL, serve_connection, connection) != 0) {
            _exit(1);
        }
        pthread_detach(thread);
    }
}
