/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_pipe.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <apr_portable.h>

/* Bytes that are worth it. Fewer are received as usual: a pipe has a limited number of pages, each
 * of which may hold very little. */
#define WORTH (128 * 1024)

void mod_bgupload_pipe_close(mod_bgupload_pipe_t *pipe)
{
    if (pipe->out >= 0) {
        (void)close(pipe->out);
        (void)close(pipe->in);
        *pipe = MOD_BGUPLOAD_NO_PIPE;
    }
}

int mod_bgupload_pipe_make(mod_bgupload_pipe_t *pipe)
{
    int ends[2];

    if (pipe->out >= 0) {
        return 1;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return 0;
    }
    *pipe = (mod_bgupload_pipe_t){ends[0], ends[1]};
    if (fcntl(pipe->in, F_SETPIPE_SZ, MOD_BGUPLOAD_PIPE_MAX) < 0) {
        mod_bgupload_pipe_close(pipe);
        return 0;
    }
    return 1;
}

int mod_bgupload_pipe_pays(apr_socket_t *socket, apr_size_t most)
{
    apr_os_sock_t from;
    int ready = 0;

    return most >= WORTH && apr_os_sock_get(&from, socket) == APR_SUCCESS &&
           ioctl(from, FIONREAD, &ready) == 0 && ready >= WORTH;
}

apr_size_t mod_bgupload_pipe_fill(mod_bgupload_pipe_t *pipe, apr_socket_t *socket, apr_size_t most)
{
    apr_os_sock_t from;

    if (apr_os_sock_get(&from, socket) != APR_SUCCESS) {
        return 0;
    }
    if (most > MOD_BGUPLOAD_PIPE_MAX) {
        most = MOD_BGUPLOAD_PIPE_MAX;
    }
    ssize_t moved = splice(from, NULL, pipe->in, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    return moved > 0 ? (apr_size_t)moved : 0;
}

void mod_bgupload_pipe_settle(mod_bgupload_pipe_t *pipe)
{
    int left = 0;

    if (pipe->out >= 0 && (ioctl(pipe->out, FIONREAD, &left) != 0 || left > 0)) {
        mod_bgupload_pipe_close(pipe);
    }
}
