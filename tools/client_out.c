/* SPDX-License-Identifier: Apache-2.0 */

#include "client_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#define SUFFIX ".bgupload-part"

static const char *trouble(const char *path, const char *what, apr_pool_t *pool)
{
    return apr_pstrcat(pool, path, ": ", what, NULL);
}

/* The folder of a path, "." if it names none. */
static const char *folder_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        return ".";
    }
    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

/* The path without links in pool; NULL (see errno) if there is no such file. */
static const char *resolve(const char *path, apr_pool_t *pool)
{
    char *absolute = realpath(path, NULL);
    const char *copy = apr_pstrdup(pool, absolute);

    free(absolute);
    return copy;
}

const char *client_out_check(client_out_t *out, const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct stat info;

    out->fd = -1;
    if (stat(path, &info) == 0) {
        if (!S_ISREG(info.st_mode)) {
            return trouble(path, "not a regular file", pool);
        }
    } else if (errno != ENOENT) {
        return trouble(path, strerror(errno), pool);
    }
    /* A link to a file is followed: the file that it leads to is replaced, not the link. */
    out->path = resolve(path, pool);
    if (out->path == NULL) {
        const char *folder = resolve(folder_of(path, pool), pool);
        if (folder == NULL || *name == '\0') {
            return trouble(path, folder ? "not the name of a file" : strerror(errno), pool);
        }
        out->path = apr_pstrcat(pool, strcmp(folder, "/") == 0 ? "" : folder, "/", name, NULL);
    }
    out->part = apr_pstrcat(pool, out->path, SUFFIX, NULL);
    if (access(folder_of(out->path, pool), W_OK | X_OK) != 0) {
        return trouble(folder_of(out->path, pool), strerror(errno), pool);
    }
    return NULL;
}

static apr_status_t close_part(void *data)
{
    client_out_t *out = data;

    if (out->fd >= 0) {
        (void)close(out->fd);
        out->fd = -1;
    }
    return APR_SUCCESS;
}

/* Lock the opened part, and make sure that it is ours to write. NULL, or what is wrong. */
static const char *inspect(client_out_t *out, struct stat *info)
{
    struct stat there;

    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? "another bgupload is writing it" : strerror(errno);
    }
    /* Whoever had the lock may just have put it into its place, where it is not ours any more. */
    if (fstat(out->fd, info) != 0 || lstat(out->part, &there) != 0 ||
        info->st_ino != there.st_ino || info->st_dev != there.st_dev) {
        return "another bgupload has just written it";
    }
    if (!S_ISREG(info->st_mode) || info->st_nlink != 1 || info->st_uid != geteuid()) {
        return "not a file of this user's own";
    }
    return NULL;
}

const char *client_out_open(client_out_t *out, apr_uint64_t inode, apr_pool_t *pool)
{
    struct stat info;
    const char *error;

    out->fd = open(out->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (out->fd < 0) {
        return trouble(out->part, strerror(errno), pool);
    }
    error = inspect(out, &info);
    if (error) {
        (void)close_part(out);
        return trouble(out->part, error, pool);
    }
    apr_pool_cleanup_register(pool, out, close_part, apr_pool_cleanup_null);
    out->inode = info.st_ino;
    out->have = info.st_size;
    if (out->inode != inode && client_out_empty(out) != 0) {
        return trouble(out->part, strerror(errno), pool);
    }
    return NULL;
}

int client_out_empty(client_out_t *out)
{
    if (ftruncate(out->fd, 0) != 0) {
        return errno;
    }
    out->have = 0;
    return 0;
}

int client_out_write(client_out_t *out, const char *bytes, apr_size_t len)
{
    while (len > 0) {
        ssize_t written = pwrite(out->fd, bytes, len, out->have);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes += written;
            len -= (apr_size_t)written;
            out->have += written;
        }
    }
    return 0;
}

int client_out_finish(client_out_t *out, apr_pool_t *pool)
{
    int folder, failed = 0;

    if (fsync(out->fd) != 0 || rename(out->part, out->path) != 0) {
        return errno;
    }
    folder = open(folder_of(out->path, pool), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fsync(folder) != 0) {
        failed = errno;
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    (void)close_part(out);
    return failed;
}

void client_out_remove(const char *path, apr_uint64_t inode, apr_pool_t *pool)
{
    const char *part = apr_pstrcat(pool, path, SUFFIX, NULL);
    struct stat info;

    if (lstat(part, &info) == 0 && S_ISREG(info.st_mode) && info.st_ino == inode &&
        info.st_uid == geteuid()) {
        (void)unlink(part);
    }
}
