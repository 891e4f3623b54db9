/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_spool_reply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

/* How deep folders are emptied that an application has made for itself. */
#define DEPTH_MAX 16

struct bgu_claim_t {
    int fd;
    apr_pool_t *pool;
};

static const char *claim_path(const char *folder, const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, folder, "/", id, BGU_CLAIM_ENDING, NULL);
}

static const char *reply_folder(const char *folder, const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, folder, "/", id, BGU_REPLY_ENDING, NULL);
}

const char *bgu_reply_path(const char *folder, const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, reply_folder(folder, id, pool), "/response", NULL);
}

static apr_status_t claim_close(void *data)
{
    bgu_claim_t *claim = data;

    return close(claim->fd) == 0 ? APR_SUCCESS : errno;
}

apr_status_t bgu_claim_take(bgu_claim_t **claim, const char *folder, const char *id,
                            apr_pool_t *pool)
{
    int fd = open(claim_path(folder, id, pool), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                  S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        apr_status_t rv = errno;
        (void)close(fd);
        return rv;
    }
    *claim = apr_palloc(pool, sizeof(**claim));
    (*claim)->fd = fd;
    (*claim)->pool = pool;
    apr_pool_cleanup_register(pool, *claim, claim_close, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

int bgu_claim_is_taken(const char *folder, const char *id, apr_pool_t *pool)
{
    int fd = open(claim_path(folder, id, pool), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int taken;

    if (fd < 0) {
        return 0;
    }
    taken = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return taken;
}

void bgu_claim_release(bgu_claim_t *claim)
{
    (void)apr_pool_cleanup_run(claim->pool, claim, claim_close);
}

/* Remove all that is in an open folder, which is closed by this. What cannot be removed stays. */
static void empty_folder_at(int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;

    if (dir == NULL) {
        (void)close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            unlinkat(dirfd(dir), name, 0) == 0) {
            continue;
        }
        fd = openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && depth < DEPTH_MAX) {
            empty_folder_at(fd, depth + 1);
        } else if (fd >= 0) {
            (void)close(fd);
        }
        (void)unlinkat(dirfd(dir), name, AT_REMOVEDIR);
    }
    (void)closedir(dir);
}

static apr_status_t empty_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return errno;
    }
    empty_folder_at(fd, 0);
    return APR_SUCCESS;
}

apr_status_t bgu_reply_prepare(const bgu_spool_t *spool, const char *folder, const char *id,
                               apr_pool_t *pool)
{
    const char *path = reply_folder(folder, id, pool);
    struct stat st;

    if (mkdir(path, S_IRWXU) != 0) {
        /* What an application that did not accept left there must not pass for a reply. */
        apr_status_t rv = errno == EEXIST ? empty_folder(path) : errno;
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    if (stat(folder, &st) != 0) {
        return errno;
    }
    if (!(st.st_mode & S_ISGID)) {
        return APR_SUCCESS;
    }
    /* The new folder has the group already; its bit has to be said again. */
    if (chmod(path, S_IRWXU | S_IRWXG | S_ISGID) != 0 ||
        fchmod(bgu_spool_fd(spool), S_IRUSR | S_IWUSR | S_IRGRP) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

/* Force a file, or the entries of a folder, to the disk. */
static apr_status_t sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        return errno;
    }
    apr_status_t rv = fsync(fd) == 0 ? APR_SUCCESS : errno;
    (void)close(fd);
    return rv;
}

apr_status_t bgu_reply_sync(const char *folder, const char *id, apr_pool_t *pool)
{
    apr_status_t rv = sync_path(bgu_reply_path(folder, id, pool));

    if (rv == APR_SUCCESS) {
        rv = sync_path(reply_folder(folder, id, pool));
    }
    return rv == APR_SUCCESS ? bgu_spool_sync_folder(folder) : rv;
}

apr_status_t bgu_reply_remove(const char *folder, const char *id, apr_pool_t *pool)
{
    const char *path = reply_folder(folder, id, pool);

    if (rmdir(path) != 0 && errno == ENOTEMPTY) {
        apr_status_t rv = empty_folder(path);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (rmdir(path) != 0 && errno != ENOENT) {
            return errno;
        }
    }
    if (unlink(claim_path(folder, id, pool)) != 0 && errno != ENOENT) {
        return errno;
    }
    return APR_SUCCESS;
}
