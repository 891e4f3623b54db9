/* SPDX-License-Identifier: Apache-2.0 */

#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "noise.h"

static progress_e failed(connection_t *connection, const char *trouble)
{
    connection->trouble = trouble;
    return PROGRESS_FAILED;
}

int connection_open(connection_t *connection, int port, int epoll, void *baton)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = baton};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        failed(connection, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return 0;
    }
    connection->fd = fd;
    connection->used = 0;
    return 1;
}

int connection_was_stale(const connection_t *connection, progress_e progress)
{
    return progress == PROGRESS_FAILED && connection->used && connection->answer.head_length == 0;
}

void connection_close(connection_t *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
        connection->fd = -1;
    }
}

/** What is to be sent next. Returns the number of pieces, 0 at the end. */
static size_t pieces(const connection_t *connection, struct iovec vec[2])
{
    const request_t *request = &connection->request;
    size_t count = 0;

    if (connection->head_sent < request->head_length) {
        vec[count].iov_base = (void *)(uintptr_t)(request->head + connection->head_sent);
        vec[count].iov_len = request->head_length - connection->head_sent;
        count++;
    }
    if (connection->body_sent < request->length) {
        size_t length = (size_t)(request->length - connection->body_sent);
        const unsigned char *data =
            noise_at(connection->file, request->offset + connection->body_sent, &length);

        vec[count].iov_base = (void *)(uintptr_t)data;
        vec[count].iov_len = length;
        count++;
    }
    return count;
}

static void note_sent(connection_t *connection, size_t sent)
{
    size_t of_head = connection->request.head_length - connection->head_sent;

    if (of_head > sent) {
        of_head = sent;
    }
    connection->head_sent += of_head;
    connection->body_sent += sent - of_head;
}

progress_e connection_push(connection_t *connection)
{
    struct iovec vec[2];
    struct msghdr message = {.msg_iov = vec};

    while ((message.msg_iovlen = pieces(connection, vec)) > 0) {
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);

        if (sent >= 0) {
            note_sent(connection, (size_t)sent);
        } else if (errno == EAGAIN) {
            return PROGRESS_WAITS;
        } else if (errno != EINTR) {
            const char *trouble = strerror(errno);

            /* A server that refuses a body may have said so before it closed. */
            return connection_pull(connection) == PROGRESS_ANSWERED ? PROGRESS_ANSWERED
                                                                    : failed(connection, trouble);
        }
    }
    return PROGRESS_WAITS;
}

progress_e connection_pull(connection_t *connection)
{
    char data[8192];
    ssize_t got = sizeof(data);

    /* Less than there was room for is all there is. */
    while (got == sizeof(data)) {
        answer_e answer;

        got = recv(connection->fd, data, sizeof(data), 0);
        if (got < 0) {
            return errno == EAGAIN ? PROGRESS_WAITS : failed(connection, strerror(errno));
        }
        if (got == 0) {
            return failed(connection, "the server closed the connection");
        }
        answer = answer_take(&connection->answer, data, (size_t)got);
        if (answer == ANSWER_STRANGE) {
            return failed(connection, "the answer is not understood");
        }
        if (answer == ANSWER_WHOLE) {
            connection->used = 1;
            return PROGRESS_ANSWERED;
        }
    }
    return PROGRESS_WAITS;
}

progress_e connection_ask(connection_t *connection)
{
    connection->head_sent = 0;
    connection->body_sent = 0;
    return connection_push(connection);
}
