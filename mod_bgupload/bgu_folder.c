/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

/* Open a folder in another one, which is closed. The system says ENOTDIR of a link as well. */
static int descend(int parent, const char *name, int flags)
{
    int fd = openat(parent, name, flags | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int fault = errno;
    struct stat st;

    if (fd < 0 && fault == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode)) {
        fault = ELOOP;
    }
    (void)close(parent);
    errno = fault;
    return fd;
}

int bgu_folder_open(const char *path, int root, apr_pool_t *pool)
{
    if (root <= 0 || (apr_size_t)root >= strlen(path)) {
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    /* Folders on the way need not be readable. */
    int fd = open(apr_pstrmemdup(pool, path, (apr_size_t)root), O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *rest = apr_pstrdup(pool, path + root), *last;
    char *name = apr_strtok(rest, "/", &last);

    while (fd >= 0 && name) {
        char *next = apr_strtok(NULL, "/", &last);
        fd = descend(fd, name, next ? O_PATH : O_RDONLY);
        name = next;
    }
    return fd;
}
