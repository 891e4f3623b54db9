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

/** Whether the kernel has received so much on a socket that a pipe is worth it.
 * @param most bytes that are wanted */
int mod_bgupload_pipe_pays(apr_socket_t *socket, apr_size_t most);

/** Make a pipe, unless it is there. Returns whether it is: the system may give none, since all of a
 * user's have a limit together (pipe-user-pages-soft). */
int mod_bgupload_pipe_make(mod_bgupload_pipe_t *pipe);

/** Move what the kernel has received on a socket into an empty pipe. Does not wait.
 * @param most bytes to move; not more than MOD_BGUPLOAD_PIPE_MAX are
 * @return bytes moved; 0: none, whatever the reason */
apr_size_t mod_bgupload_pipe_fill(mod_bgupload_pipe_t *pipe, apr_socket_t *socket, apr_size_t most);

/** Nobody wants any more of what is in the pipe: it is closed, unless it is empty. */
void mod_bgupload_pipe_settle(mod_bgupload_pipe_t *pipe);

/** Close the pipe, if it is there, with all that is in it. */
void mod_bgupload_pipe_close(mod_bgupload_pipe_t *pipe);

#endif
