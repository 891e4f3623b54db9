/* SPDX-License-Identifier: Apache-2.0 */

/* The local file of an upload: opened once, and watched for changes. */

#ifndef CLIENT_FILE_H
#define CLIENT_FILE_H

#include <apr_pools.h>

/** An opened file, and how it looked when it was opened. */
typedef struct client_file_t {
    const char *path;  /**< absolute, without symbolic links */
    const char *name;  /**< as the user called it, without folders */
    int fd;            /**< closed with the pool */
    apr_off_t size;    /**< bytes */
    apr_int64_t mtime; /**< nanoseconds since 1970 */
    apr_uint64_t inode;
} client_file_t;

/** Open a regular file for reading.
 * @return NULL, or why it cannot be uploaded (in pool); file is then undefined */
const char *client_file_open(client_file_t *file, const char *path, apr_pool_t *pool);

/** Whether the opened file was written to since client_file_open(). */
int client_file_changed(const client_file_t *file);

#endif
