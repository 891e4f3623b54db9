/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include "bgu.h"

/* Most pieces handed to one pwritev; what the kernel takes is far more. */
#define PIECES_MAX 64

/* Bytes copied at once where they cannot be moved. */
#define COPY_SIZE 16384

/* How often a file may be gone again that was just there. Each time another request has ended. */
#define OPEN_TRIES 100

#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW)

struct bgu_spool_t {
    int fd;
    uid_t user; /* who opened it */
};

static apr_status_t spool_close(void *data)
{
    bgu_spool_t *spool = data;

    return close(spool->fd) == 0 ? APR_SUCCESS : errno;
}

const char *bgu_spool_path(const char *folder, const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, folder, "/", id, NULL);
}

/* Open a file whose mode keeps its owner out: a crash in a commit may have left the mode of the
 * destination. Everything is done to the one file that was looked at. */
static int regain(const char *path, apr_pool_t *pool)
{
    int handle = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    const char *self = apr_psprintf(pool, "/proc/self/fd/%d", handle);
    struct stat st;
    int fd = -1;

    if (handle < 0) {
        return -1;
    }
    if (fstat(handle, &st) == 0 && S_ISREG(st.st_mode) && chmod(self, S_IRUSR | S_IWUSR) == 0) {
        fd = open(self, O_RDWR | O_CLOEXEC);
    }
    (void)close(handle);
    if (fd < 0) {
        errno = EACCES;
    }
    return fd;
}

/* Open a file that is there. */
static int open_old(const char *path, apr_pool_t *pool)
{
    int fd = open(path, OPEN_FLAGS);

    return fd < 0 && errno == EACCES ? regain(path, pool) : fd;
}

/* Open the file, or make it. Other requests of the session may make and remove it all the while. */
static int open_or_make(const char *path, int *created, apr_pool_t *pool)
{
    int fd = open_old(path, pool);

    *created = 0;
    for (int i = 0; i < OPEN_TRIES && fd < 0 && errno == ENOENT; i++) {
        if (i > 0) {
            apr_sleep(1); /* fall out of step with whoever makes and removes it */
        }
        fd = open(path, OPEN_FLAGS | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
        if (fd >= 0 || errno != EEXIST) {
            *created = fd >= 0;
            break;
        }
        fd = open_old(path, pool);
    }
    return fd;
}

apr_status_t bgu_spool_open(bgu_spool_t **spool, const char *folder, const char *id, int *created,
                            apr_pool_t *pool)
{
    const char *path = bgu_spool_path(folder, id, pool);
    int fd = created ? open_or_make(path, created, pool) : open_old(path, pool);

    if (fd < 0) {
        return errno;
    }
    *spool = apr_palloc(pool, sizeof(**spool));
    (*spool)->fd = fd;
    (*spool)->user = geteuid();
    apr_pool_cleanup_register(pool, *spool, spool_close, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

int bgu_spool_fd(const bgu_spool_t *spool)
{
    return spool->fd;
}

/* Look at the file, and make sure that it is one of ours; root works on those of the server. */
static apr_status_t look(struct stat *st, const bgu_spool_t *spool)
{
    if (fstat(spool->fd, st) != 0) {
        return errno;
    }
    if (!S_ISREG(st->st_mode) || (st->st_uid != spool->user && spool->user != 0)) {
        return EPERM;
    }
    return st->st_nlink == 0 ? APR_ENOENT : APR_SUCCESS;
}

apr_status_t bgu_spool_size(apr_off_t *size, const bgu_spool_t *spool)
{
    struct stat st;
    apr_status_t rv = look(&st, spool);

    if (rv == APR_SUCCESS) {
        *size = st.st_size;
    }
    return rv;
}

int bgu_spool_is_linked(const bgu_spool_t *spool)
{
    struct stat st;

    return fstat(spool->fd, &st) == 0 && st.st_nlink > 1;
}

apr_status_t bgu_spool_lock(bgu_spool_t *spool)
{
    while (flock(spool->fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return APR_SUCCESS;
}

void bgu_spool_unlock(bgu_spool_t *spool)
{
    (void)flock(spool->fd, LOCK_UN);
}

/* Drop the first len bytes of the pieces. Returns the number of pieces left, moved to the front. */
static int skip_bytes(struct iovec *vec, int count, apr_size_t len)
{
    int first = 0;

    while (first < count && len >= vec[first].iov_len) {
        len -= vec[first++].iov_len;
    }
    for (int i = first; i < count; i++) {
        vec[i - first] = vec[i];
    }
    if (first < count) {
        vec[0].iov_base = (char *)vec[0].iov_base + len;
        vec[0].iov_len -= len;
    }
    return count - first;
}

/* Write all the pieces at the offset, however often the kernel takes only a part. */
static apr_status_t write_all(int fd, struct iovec *vec, int count, apr_off_t *offset)
{
    while (count > 0) {
        ssize_t written = pwritev(fd, vec, count, *offset);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        if (written == 0) {
            return APR_ENOSPC;
        }
        *offset += written;
        count = skip_bytes(vec, count, (apr_size_t)written);
    }
    return APR_SUCCESS;
}

static apr_off_t total_length(const struct iovec *vec, int count)
{
    apr_off_t len = 0;

    for (int i = 0; i < count; i++) {
        len += (apr_off_t)vec[i].iov_len;
    }
    return len;
}

/* With the lock held: whether bytes may be appended, and how many of them are there already. */
static apr_status_t admit(const bgu_spool_t *spool, apr_off_t *size, apr_off_t position,
                          apr_off_t total, apr_off_t len, apr_off_t *known)
{
    struct stat st;
    apr_status_t rv = look(&st, spool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *size = st.st_size;
    if (position > *size || len > total - position) {
        return APR_EINVAL;
    }
    *known = *size - position < len ? *size - position : len;
    return *known < len && st.st_nlink > 1 ? EMLINK : APR_SUCCESS;
}

/* Append bytes that are in memory. */
static apr_status_t append_vec(bgu_spool_t *spool, apr_off_t *size, apr_off_t position,
                               apr_off_t total, const struct iovec *vec, int count)
{
    struct iovec rest[PIECES_MAX];
    apr_off_t known = 0;
    apr_status_t rv = admit(spool, size, position, total, total_length(vec, count), &known);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (int i = 0; i < count; i++) {
        rest[i] = vec[i];
    }
    count = skip_bytes(rest, count, (apr_size_t)known);
    return write_all(spool->fd, rest, count, size);
}

/* Take some bytes out of a pipe, at most COPY_SIZE. */
static apr_status_t take_from_pipe(int pipe, char *bytes, apr_off_t most, size_t *len)
{
    ssize_t got;

    do {
        got = read(pipe, bytes, most < COPY_SIZE ? (size_t)most : COPY_SIZE);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return got == 0 ? APR_EOF : errno;
    }
    *len = (size_t)got;
    return APR_SUCCESS;
}

/* Take bytes out of a pipe that nobody needs. */
static apr_status_t drop_from_pipe(int pipe, apr_off_t len)
{
    char bytes[COPY_SIZE];
    apr_status_t rv = APR_SUCCESS;

    while (len > 0 && rv == APR_SUCCESS) {
        size_t got = 0;
        rv = take_from_pipe(pipe, bytes, len, &got);
        len -= (apr_off_t)got;
    }
    return rv;
}

/* Write bytes from a pipe. */
static apr_status_t copy_pipe(int pipe, int fd, apr_off_t len, apr_off_t *offset)
{
    char bytes[COPY_SIZE];
    apr_status_t rv = APR_SUCCESS;

    while (len > 0 && rv == APR_SUCCESS) {
        struct iovec vec = {bytes, 0};
        rv = take_from_pipe(pipe, bytes, len, &vec.iov_len);
        len -= (apr_off_t)vec.iov_len;
        if (rv == APR_SUCCESS) {
            rv = write_all(fd, &vec, 1, offset);
        }
    }
    return rv;
}

/* Move bytes from a pipe into the file. Not all file systems can do that themselves. */
static apr_status_t move_pipe(int pipe, int fd, apr_off_t len, apr_off_t *offset)
{
    while (len > 0) {
        ssize_t moved = splice(pipe, NULL, fd, offset, (size_t)len, SPLICE_F_MOVE);
        if (moved < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EINVAL ? copy_pipe(pipe, fd, len, offset) : errno;
        }
        if (moved == 0) {
            return APR_EOF;
        }
        len -= moved;
    }
    return APR_SUCCESS;
}

/* Append bytes that are in a pipe. */
static apr_status_t append_pipe(bgu_spool_t *spool, apr_off_t *size, apr_off_t position,
                                apr_off_t total, const bgu_piece_t *piece)
{
    apr_off_t known = 0;
    apr_status_t rv = admit(spool, size, position, total, piece->length, &known);

    if (rv == APR_SUCCESS) {
        rv = drop_from_pipe(piece->pipe, known);
    }
    if (rv == APR_SUCCESS) {
        rv = move_pipe(piece->pipe, spool->fd, piece->length - known, size);
    }
    return rv;
}

apr_status_t bgu_spool_append(bgu_spool_t *spool, apr_off_t *size, apr_off_t position,
                              apr_off_t total, const bgu_piece_t *piece)
{
    apr_status_t rv = bgu_spool_lock(spool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (piece->count == 0) {
        rv = append_pipe(spool, size, position, total, piece);
    }
    for (int done = 0; done < piece->count && rv == APR_SUCCESS; done += PIECES_MAX) {
        int count = piece->count - done < PIECES_MAX ? piece->count - done : PIECES_MAX;
        rv = append_vec(spool, size, position, total, piece->vec + done, count);
        position += total_length(piece->vec + done, count);
    }
    bgu_spool_unlock(spool);
    return rv;
}

apr_status_t bgu_spool_restart(bgu_spool_t *spool, apr_off_t *size, apr_off_t total)
{
    apr_status_t rv = bgu_spool_lock(spool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = bgu_spool_size(size, spool);
    if (rv == APR_SUCCESS && *size > total) {
        if (bgu_spool_is_linked(spool)) {
            rv = EMLINK;
        } else {
            rv = ftruncate(spool->fd, 0) == 0 ? APR_SUCCESS : errno;
            *size = 0;
        }
    }
    bgu_spool_unlock(spool);
    return rv;
}

apr_status_t bgu_spool_sync(bgu_spool_t *spool)
{
    apr_status_t rv = APR_SUCCESS;

    do {
        rv = fdatasync(spool->fd) == 0 ? APR_SUCCESS : errno;
    } while (rv == EINTR);
    if (rv == EIO && bgu_spool_lock(spool) == APR_SUCCESS) {
        /* The kernel has dropped what it could not write, and would call the next sync a success.
         */
        if (!bgu_spool_is_linked(spool)) {
            (void)ftruncate(spool->fd, 0);
        }
        bgu_spool_unlock(spool);
    }
    return rv;
}

apr_status_t bgu_spool_touch(const char *folder, const char *id, apr_pool_t *pool)
{
    const char *path = bgu_spool_path(folder, id, pool);

    return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0 ? APR_SUCCESS : errno;
}

apr_time_t bgu_spool_mtime(const char *folder, const char *id, apr_pool_t *pool)
{
    struct stat st;

    if (lstat(bgu_spool_path(folder, id, pool), &st) != 0) {
        return 0;
    }
    return apr_time_make(st.st_mtim.tv_sec, st.st_mtim.tv_nsec / 1000);
}

apr_status_t bgu_spool_remove(const char *folder, const char *id, apr_pool_t *pool)
{
    if (unlink(bgu_spool_path(folder, id, pool)) == 0 || errno == ENOENT) {
        return APR_SUCCESS;
    }
    return errno;
}

apr_status_t bgu_spool_remove_empty(bgu_spool_t *spool, const char *folder, const char *id,
                                    apr_pool_t *pool)
{
    apr_off_t size;
    apr_status_t rv = bgu_spool_lock(spool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* One that was removed may have a successor of the same name. */
    rv = bgu_spool_size(&size, spool);
    if (rv == APR_SUCCESS && size == 0) {
        rv = bgu_spool_remove(folder, id, pool);
    }
    bgu_spool_unlock(spool);
    return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv;
}

apr_status_t bgu_spool_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return errno;
    }
    apr_status_t rv = fsync(fd) == 0 ? APR_SUCCESS : errno;
    (void)close(fd);
    return rv;
}
