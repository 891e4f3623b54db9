/* SPDX-License-Identifier: Apache-2.0 */

/* From the network into a pipe, inside the kernel. */

#ifndef MOD_BGUPLOAD_PIPE_H
#define MOD_BGUPLOAD_PIPE_H

#include <apr_network_io.h>

/** Most bytes in a pipe: what Linux lets everybody have (/proc/sys/fs/pipe-max-size). */
#define MOD_BGUPLOAD_PIPE_MAX (1024 * 1024)

/** The two ends of a pipe that does not block. -1: there is none. */
typedef struct mod_bgupload_pipe_t {
    int out; /**< where bytes are taken out */
    int in;
} mod_bgupload_pipe_t;

/** A pipe that is not there yet. */
#define MOD_BGUPLOAD_NO_PIPE ((mod_bgupload_pipe_t){-1, -1})

/** Move what the kernel has received on a socket into a pipe, if it is much. Makes the pipe, which
 * must be empty if it is there.
 * @param most bytes to move; not more than MOD_BGUPLOAD_PIPE_MAX are
 * @return bytes moved; 0: receive as usual. That finds out if anything is wrong with the socket;
 * and the system may give no pipe, since all of a user's have a limit of their own */
apr_size_t mod_bgupload_pipe_fill(mod_bgupload_pipe_t *pipe, apr_socket_t *socket, apr_size_t most);

/** Nobody wants any more of what is in the pipe: it is closed, unless it is empty. */
void mod_bgupload_pipe_settle(mod_bgupload_pipe_t *pipe);

/** Close the pipe, if it is there, with all that is in it. */
void mod_bgupload_pipe_close(mod_bgupload_pipe_t *pipe);

#endif
