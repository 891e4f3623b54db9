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

/* How often a folder is emptied into which something is put meanwhile. */
#define REMOVALS_MAX 5

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

/* Open a reply's folder, and keep everybody else out of it from now on. Returns like open(). */
static int take_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0 && fchmod(fd, S_IRWXU) != 0) {
        int fault = errno;
        (void)close(fd);
        errno = fault;
        return -1;
    }
    return fd;
}

/* Let the application's group into an open folder, and let it read the received file. */
static apr_status_t share(int reply, const bgu_spool_t *spool, const char *folder)
{
    struct stat st;

    if (stat(folder, &st) != 0) {
        return errno;
    }
    if (!(st.st_mode & S_ISGID)) {
        return APR_SUCCESS;
    }
    /* The new folder has the group already; its bit has to be said again. */
    if (fchmod(reply, S_IRWXU | S_IRWXG | S_ISGID) != 0 ||
        fchmod(bgu_spool_fd(spool), S_IRUSR | S_IWUSR | S_IRGRP) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

apr_status_t bgu_reply_prepare(const bgu_spool_t *spool, const char *folder, const char *id,
                               apr_pool_t *pool)
{
    const char *path = reply_folder(folder, id, pool);
    apr_status_t rv = APR_SUCCESS;

    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return errno;
    }
    int fd = take_folder(path);
    if (fd < 0) {
        return errno;
    }
    /* What an application that did not accept left there must not pass for a reply. */
    empty_folder_at(fcntl(fd, F_DUPFD_CLOEXEC, 0), 0);
    if (spool) {
        rv = share(fd, spool, folder);
    }
    (void)close(fd);
    return rv;
}

/* Whether a file that lies in a folder of others may be one that they only moved there: ours, and
 * nobody else may read it. */
static int is_borrowed(const struct stat *st, const char *path, apr_pool_t *pool)
{
    const char *folder = apr_pstrmemdup(pool, path, (apr_size_t)(strrchr(path, '/') - path));
    struct stat around;

    return st->st_uid == geteuid() && !(st->st_mode & (S_IRGRP | S_IROTH)) &&
           (lstat(folder, &around) != 0 || (around.st_mode & S_IWGRP) != 0);
}

apr_status_t bgu_reply_open(int *fd, apr_off_t *size, const char *path, apr_pool_t *pool)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0) {
        return errno;
    }
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
        is_borrowed(&st, path, pool)) {
        (void)close(*fd);
        return EPERM;
    }
    *size = st.st_size;
    return APR_SUCCESS;
}

static apr_status_t empty_folder(const char *path)
{
    int fd = take_folder(path);

    if (fd < 0) {
        return errno;
    }
    empty_folder_at(fd, 0);
    return APR_SUCCESS;
}

/* Remove a folder, if it is there. Others may remove it as well at the same time, and an
 * application that is still at work may put something into it. */
static apr_status_t remove_folder(const char *path)
{
    apr_status_t rv = APR_SUCCESS;

    for (int tries = 0; rv == APR_SUCCESS && tries < REMOVALS_MAX; tries++) {
        if (rmdir(path) == 0 || errno == ENOENT) {
            return APR_SUCCESS;
        }
        if (errno == ENOTDIR) {
            /* What somebody has put in its place goes as a name. */
            return unlink(path) == 0 || errno == ENOENT ? APR_SUCCESS : errno;
        }
        rv = errno == ENOTEMPTY ? empty_folder(path) : errno;
    }
    return rv == APR_SUCCESS ? ENOTEMPTY : rv == ENOENT ? APR_SUCCESS : rv;
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
    apr_status_t rv = remove_folder(reply_folder(folder, id, pool));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (unlink(claim_path(folder, id, pool)) != 0 && errno != ENOENT) {
        return errno;
    }
    return APR_SUCCESS;
}
