/* SPDX-License-Identifier: Apache-2.0 */

#include "client_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

static apr_status_t close_file(void *fd)
{
    (void)close((int)(intptr_t)fd);
    return APR_SUCCESS;
}

static apr_int64_t mtime_of(const struct stat *info)
{
    return (apr_int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

const char *client_file_open(client_file_t *file, const char *path, apr_pool_t *pool)
{
    char *absolute = realpath(path, NULL);
    const char *slash = strrchr(path, '/');
    struct stat info;

    if (absolute == NULL) {
        return apr_psprintf(pool, "%s: %s", path, strerror(errno));
    }
    file->path = apr_pstrdup(pool, absolute);
    file->name = apr_pstrdup(pool, slash ? slash + 1 : path);
    free(absolute);
    /* Not blocking, lest a FIFO without a writer hold us here; files do not care. */
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0) {
        return apr_psprintf(pool, "%s: %s", path, strerror(errno));
    }
    apr_pool_cleanup_register(pool, (void *)(intptr_t)file->fd, close_file, apr_pool_cleanup_null);
    if (fstat(file->fd, &info) != 0) {
        return apr_psprintf(pool, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return apr_psprintf(pool, "%s: not a regular file", path);
    }
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    file->size = info.st_size;
    file->mtime = mtime_of(&info);
    file->inode = info.st_ino;
    return NULL;
}

int client_file_changed(const client_file_t *file)
{
    struct stat info;

    return fstat(file->fd, &info) != 0 || info.st_size != file->size ||
           mtime_of(&info) != file->mtime;
}
