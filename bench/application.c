/* SPDX-License-Identifier: Apache-2.0 */

/* application: the server application of an upload-reply. It takes files by value, compares them
 * with what was sent and answers with a line. A program of its own, so that its cost is not the
 * server's. Prints its port, then serves until it is killed. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "header.h"
#include "noise.h"
#include "reply.h"

/** A connection of the server, and the request that comes over it. */
typedef struct client_t {
    int fd;
    size_t head_length; /**< bytes of the head that have come */
    char head[8192];    /**< a string once it is whole */
    int whole;          /**< the head is */
    uint64_t file;      /**< whose content the body should be */
    uint64_t length;    /**< of the body */
    uint64_t got;       /**< bytes of it that have come */
    int wrong;          /**< they are not the file's */
} client_t;

/** What the head says. Returns 0 if it is not a request for this program. */
static int understand(client_t *client)
{
    char url[1024];
    char *end;

    client->head[client->head_length] = '\0';
    if (strncmp(client->head, "POST ", 5) != 0 ||
        !header_number(client->head, "Content-Length", &client->length) ||
        !header_value(client->head, "BITS-Original-Request-URL", url, sizeof(url)) ||
        strrchr(url, '/') == NULL) {
        return 0;
    }
    client->file = strtoull(strrchr(url, '/') + 1, &end, 10);
    return *end == '\0';
}

/** Answer the request that is whole now, and make ready for the next. A line always fits into the
 * socket. Returns 0 if the server is gone. */
static int answer(client_t *client)
{
    char reply[REPLY_MAX];
    char text[256];
    size_t size = reply_text(reply, client->file, client->length);
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
                          client->wrong ? "400 Bad Request" : "200 OK", size, reply);

    client->head_length = 0;
    client->whole = 0;
    client->got = 0;
    client->wrong = 0;
    return send(client->fd, text, (size_t)length, MSG_NOSIGNAL) == length;
}

/** Take in bytes of the head, up to its end. Returns how many were used; 0: it is no good. */
static size_t take_head(client_t *client, const char *data, size_t length)
{
    size_t used = 0;

    while (used < length && !client->whole) {
        if (client->head_length == sizeof(client->head) - 1) {
            return 0;
        }
        client->head[client->head_length++] = data[used++];
        client->whole = client->head_length >= 4 &&
                        memcmp(client->head + client->head_length - 4, "\r\n\r\n", 4) == 0;
    }
    return client->whole && !understand(client) ? 0 : used;
}

/** Take in what has come. Returns 0 if the connection is of no more use. */
static int take(client_t *client, const char *data, size_t length)
{
    if (!client->whole) {
        size_t used = take_head(client, data, length);

        if (used == 0) {
            return 0;
        }
        data += used;
        length -= used;
    }
    if (!client->whole) {
        return 1;
    }
    if (length > client->length - client->got) {
        return 0;
    }
    if (!noise_is(client->file, client->got, (const unsigned char *)data, length)) {
        client->wrong = 1;
    }
    client->got += length;
    return client->got < client->length || answer(client);
}

static void serve(client_t *client)
{
    static char data[256 * 1024];
    ssize_t got = recv(client->fd, data, sizeof(data), 0);

    if ((got < 0 && errno != EAGAIN && errno != EINTR) || got == 0 ||
        (got > 0 && !take(client, data, (size_t)got))) {
        close(client->fd);
        free(client);
    }
}

static void welcome(int listener, int epoll)
{
    struct epoll_event event = {.events = EPOLLIN};
    client_t *client = calloc(1, sizeof(*client));
    int on = 1;

    if (client == NULL) {
        exit(1);
    }
    client->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    event.data.ptr = client;
    if (client->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event) != 0) {
        free(client);
        return;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/** Listen on a free port of 127.0.0.1 and print it. */
static int announce(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        fprintf(stderr, "application: %s\n", strerror(errno));
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int listener = announce();
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    noise_make();
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        return 1;
    }
    for (;;) {
        if (epoll_wait(epoll, &event, 1, -1) == 1) {
            if (event.data.ptr == NULL) {
                welcome(listener, epoll);
            } else {
                serve(event.data.ptr);
            }
        }
    }
}
