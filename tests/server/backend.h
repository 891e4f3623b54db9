/* SPDX-License-Identifier: Apache-2.0 */

/* A server application for one test: a process of its own that behaves as told.
 *
 *     backend_t *backend = backend_start();
 *     backend_tell(backend, &(backend_plan_t){.answer = "HTTP/1.1 404 Gone\n"});
 *     ... let httpd notify backend->url, then look at backend_request(backend, 0) ...
 *     // nothing to clean up: it is stopped when the test ends
 *
 * It speaks HTTP over plain sockets on a free port of 127.0.0.1, keeps connections open, serves
 * many at once, and takes down every request. As root it runs as the server's user. Plan and
 * records lie in shared memory, so they outlive the process. */

#ifndef BACKEND_H
#define BACKEND_H

#include <apr_pools.h>
#include <stddef.h>

/** What follows the lines of backend_plan_t.answer. */
typedef enum {
    BACKEND_WHOLE = 0,  /**< Content-Length and the body; the connection stays open */
    BACKEND_TO_CLOSE,   /**< the body, ended by closing the connection */
    BACKEND_CHUNKED,    /**< the body in chunks */
    BACKEND_AS_IS,      /**< nothing, not even an empty line; closes the connection */
    BACKEND_CUT_BODY,   /**< Content-Length, but only half of the body; closes */
    BACKEND_CUT_CHUNK,  /**< the body in a chunk, but no last chunk; closes */
    BACKEND_EXCESS,     /**< half of the body is announced, all is sent; closes */
    BACKEND_TWICE,      /**< as BACKEND_WHOLE, and after backend_release() the same again */
    BACKEND_MANY_LINES, /**< 1 MiB of further headers, then as BACKEND_WHOLE */
    BACKEND_ENDLESS     /**< headers until the other side goes */
} backend_form_e;

/** What is put at the path that a notification by reference names for the reply. */
typedef enum {
    BACKEND_NO_FILE = 0,
    BACKEND_FILE,      /**< a file of file_size bytes as of backend_bytes() */
    BACKEND_SYMLINK,   /**< a symbolic link to target */
    BACKEND_HARD_LINK, /**< another name of target */
    BACKEND_FOLDER     /**< an empty folder */
} backend_file_e;

/** How the application behaves. All members may be 0 or NULL. */
typedef struct backend_plan_t {
    const char *answer;  /**< status line and headers, each ended by "\n", which is sent as "\r\n";
                          * NULL: "HTTP/1.1 200 OK\n" */
    backend_form_e form; /**< what follows */
    long long body;      /**< bytes of the body, as of backend_bytes() */
    backend_file_e file; /**< the reply by reference; done before the answer is sent */
    long long file_size; /**< of BACKEND_FILE */
    const char *target;  /**< of the links */
    int delay;           /**< milliseconds of work */
    int held;            /**< wait for backend_release() too */
} backend_plan_t;

/** A request as it came. */
typedef struct backend_request_t {
    char head[8192];        /**< request line and headers, lines ended by \r\n */
    long long length;       /**< bytes of the body; by reference of the data file; -1: the data file
                             * could not be read */
    unsigned long long sum; /**< backend_sum() of these bytes */
    int file_mode;          /**< permission bits of the data file; 0: none was named */
    int connection;         /**< number of the connection on which it came */
    int ready;              /**< the members above are set */
    int answered;           /**< 1: the answer is sent, -1: the other side did not take it */
} backend_request_t;

/** An application. Read only for tests. */
typedef struct backend_t {
    int port;        /**< on 127.0.0.1 */
    const char *url; /**< "http://127.0.0.1:PORT" */
    struct backend_private_t *priv;
} backend_t;

/** Start an application that answers everything with 200 and no body. */
backend_t *backend_start(void);

/** The same as another user and group; only for root. */
backend_t *backend_start_as(const char *user, const char *group);

/** Kill it. A request to its port then finds no listener. */
void backend_stop(backend_t *backend);

/** Start it again on the same port, with the plan and records it had. */
void backend_resume(backend_t *backend);

/** Change how requests are answered that come from now on. */
void backend_tell(backend_t *backend, const backend_plan_t *plan);

/** Let all requests go on that are held, and all that come later. backend_tell() holds again. */
void backend_release(backend_t *backend);

/** Number of requests that came whole. */
int backend_count(const backend_t *backend);

/** Wait until that many requests came; ends the test if they do not. */
void backend_await(backend_t *backend, int count);

/** Wait until a request is answered, in vain or not; fails the test if that does not happen. */
void backend_await_answered(backend_t *backend, int number);

/** A request by its number from 0; ends the test if there is none. */
const backend_request_t *backend_request(const backend_t *backend, int number);

/** Value of a header of a request, or NULL. In httpd_env_pool(). */
const char *backend_header(const backend_request_t *request, const char *name);

/** Checksum as in the records; goes on with one, 0 at the start. */
unsigned long long backend_sum(unsigned long long sum, const char *data, size_t length);

/** The bytes of bodies and files that the application makes: the first length ones. */
char *backend_bytes(size_t length, apr_pool_t *pool);

#endif
