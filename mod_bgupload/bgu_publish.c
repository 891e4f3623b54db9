/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

/* Bytes that one call copies at most: the kernel may be interrupted in between. */
#define COPY_SIZE (128 * 1024 * 1024)

/* Names of what is staged in a destination's folder: this and the end of the session's id. Only the
 * end: whoever may list the folder shall not learn the id, which is all that an anonymous session
 * is guarded by. */
#define HIDDEN_PREFIX ".bgupload-"
#define HIDDEN_ID_LEN 17

/* A commit on its way: the destination as a name in an opened folder. */
typedef struct publication_t {
    const bgu_session_t *session;
    const char *name;   /* of the destination in its folder */
    const char *hidden; /* of what is staged beside it */
    const char *source; /* path of the spool file */
    int spool;          /* the spool file, owned by the caller */
    int folder;         /* the destination's folder */
    struct stat bytes;  /* of the spool file */
} publication_t;

/* The folder of an absolute path, "/" for files in the root. */
static const char *folder_of(const char *path, apr_pool_t *pool)
{
    apr_size_t len = (apr_size_t)(strrchr(path, '/') - path);

    return len ? apr_pstrmemdup(pool, path, len) : "/";
}

static int same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bgu_result_e bgu_publish_check(const char *dest, int overwrite, const char **detail,
                               apr_pool_t *pool)
{
    struct stat st;
    const char *folder = folder_of(dest, pool);

    if (lstat(dest, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            *detail = apr_pstrcat(pool, "the destination is a folder: ", dest, NULL);
            return BGU_BAD_REQUEST;
        }
        if (!overwrite) {
            *detail = apr_pstrcat(
                pool, "the destination exists and BGUploadAllowOverwrites is Off: ", dest, NULL);
            return BGU_ACCESS_DENIED;
        }
    } else if (errno == ENAMETOOLONG) {
        *detail = apr_pstrcat(pool, "the destination's name is too long: ", dest, NULL);
        return BGU_BAD_REQUEST;
    }
    int fault = stat(folder, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    if (fault == ENOENT || fault == ENOTDIR) {
        *detail = apr_pstrcat(pool, BGU_DETAIL_NO_FOLDER, folder, NULL);
        return BGU_NO_FOLDER;
    }
    if (fault && fault != EACCES) {
        *detail = apr_pstrcat(pool, "cannot look at the destination's folder: ", folder, NULL);
        return bgu_result_of(fault);
    }
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        *detail = apr_pstrcat(
            pool, "the server's user cannot write to the destination's folder: ", folder, NULL);
        return BGU_ACCESS_DENIED;
    }
    return BGU_OK;
}

/* Copy a part of the spool file to the end of the copy: by reference where the file systems can do
 * that, else through the kernel's page cache. Returns like read(). */
static ssize_t copy_part(int from, off_t *offset, int to)
{
    ssize_t copied = copy_file_range(from, offset, to, NULL, COPY_SIZE, 0);

    if (copied < 0 &&
        (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        copied = sendfile(to, from, offset, COPY_SIZE);
    }
    return copied;
}

/* Copy the spool file, from its start, into a new file. */
static apr_status_t copy_bytes(int from, int to, apr_off_t size)
{
    off_t offset = 0;

    while (offset < size) {
        ssize_t copied = copy_part(from, &offset, to);
        if (copied == 0) {
            return APR_EOF;
        }
        if (copied < 0 && errno != EINTR) {
            return errno;
        }
    }
    return APR_SUCCESS;
}

/* Give a new copy what a linked spool file has by itself: its bytes, owner and safety on disk. */
static apr_status_t fill_copy(const publication_t *pub, int fd)
{
    apr_status_t rv = copy_bytes(pub->spool, fd, pub->bytes.st_size);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* The administrator's program finishes commits as root; the file is the server's all the same.
     */
    if (geteuid() == 0 && fchown(fd, pub->bytes.st_uid, pub->bytes.st_gid) != 0) {
        return errno;
    }
    if (fchmod(fd, pub->session->plan.mode) != 0) {
        return errno;
    }
    /* By this time is_published() knows the copy again. */
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, pub->bytes.st_mtim};
    if (futimens(fd, times) != 0) {
        return errno;
    }
    if (pub->session->plan.sync != BGU_SYNC_OFF && fsync(fd) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

/* Stage a copy beside the destination, for a spool on another file system. What a crash left under
 * the hidden name is removed, never written to: it may be the published file already. */
static apr_status_t stage_copy(const publication_t *pub)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;

    if (unlinkat(pub->folder, pub->hidden, 0) != 0 && errno != ENOENT) {
        return errno;
    }
    int fd = openat(pub->folder, pub->hidden, flags, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return errno;
    }
    apr_status_t rv = fill_copy(pub, fd);
    if (close(fd) != 0 && rv == APR_SUCCESS) {
        rv = errno;
    }
    return rv;
}

/* Stage the spool file under the hidden name: a link where that is possible, else a copy. */
static apr_status_t stage(const publication_t *pub)
{
    struct stat st;

    if (linkat(AT_FDCWD, pub->source, pub->folder, pub->hidden, 0) == 0) {
        return APR_SUCCESS;
    }
    if (errno == EEXIST && fstatat(pub->folder, pub->hidden, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        same_file(&st, &pub->bytes)) {
        return APR_SUCCESS;
    }
    return stage_copy(pub);
}

/* Whether the destination holds what the spool file holds. */
static int same_bytes(const publication_t *pub)
{
    char ours[8192], theirs[8192];
    off_t at = 0;
    int fd = openat(pub->folder, pub->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int same = fd >= 0;

    while (same && at < pub->bytes.st_size) {
        ssize_t len = pread(pub->spool, ours, sizeof(ours), at);
        same = len > 0 && pread(fd, theirs, (size_t)len, at) == len &&
               memcmp(ours, theirs, (size_t)len) == 0;
        at += len;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return same;
}

/* Whether the destination may be the copy that an earlier try made: it has the spool file's size
 * and time. Two uploads of one moment may have both, so the bytes decide. */
static int is_copy(const publication_t *pub, const struct stat *dest)
{
    return S_ISREG(dest->st_mode) && dest->st_size == pub->bytes.st_size &&
           dest->st_mtim.tv_sec == pub->bytes.st_mtim.tv_sec &&
           dest->st_mtim.tv_nsec == pub->bytes.st_mtim.tv_nsec && same_bytes(pub);
}

/* Whether the destination is this upload already, because an earlier try got that far: the spool
 * file itself, or a copy of it. */
static int is_published(const publication_t *pub)
{
    struct stat dest;

    if (fstatat(pub->folder, pub->name, &dest, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0;
    }
    return same_file(&dest, &pub->bytes) || is_copy(pub, &dest);
}

/* Give what is staged its name, replacing what bears it. */
static apr_status_t replace(const publication_t *pub)
{
    apr_status_t rv = stage(pub);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    return renameat(pub->folder, pub->hidden, pub->folder, pub->name) == 0 ? APR_SUCCESS : errno;
}

/* Give the bytes a name that nobody bears: link the spool file itself, or, from another file
 * system, a copy of it. A file system that knows no hard links has to do with a rename. */
static apr_status_t add(const publication_t *pub)
{
    if (linkat(AT_FDCWD, pub->source, pub->folder, pub->name, 0) == 0) {
        return APR_SUCCESS;
    }
    if (errno == EEXIST) {
        return errno;
    }
    apr_status_t rv = stage_copy(pub);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (linkat(pub->folder, pub->hidden, pub->folder, pub->name, 0) == 0) {
        return APR_SUCCESS;
    }
    if (errno == EEXIST) {
        return errno;
    }
    return renameat2(pub->folder, pub->hidden, pub->folder, pub->name, RENAME_NOREPLACE) == 0
               ? APR_SUCCESS
               : errno;
}

/* Give the spool file what a published one has. One that will be copied gets it as a copy. */
static apr_status_t prepare(const publication_t *pub)
{
    struct stat folder;

    if (fstat(pub->folder, &folder) != 0) {
        return errno;
    }
    if (folder.st_dev != pub->bytes.st_dev) {
        /* is_copy() will want to see the time that the copy gets. */
        return pub->session->plan.sync == BGU_SYNC_OFF || fsync(pub->spool) == 0 ? APR_SUCCESS
                                                                                 : errno;
    }
    if (fchmod(pub->spool, pub->session->plan.mode) != 0) {
        return errno;
    }
    /* The bytes were synced before the session became COMPLETE; this is for the mode. */
    return pub->session->plan.sync == BGU_SYNC_OFF || fsync(pub->spool) == 0 ? APR_SUCCESS : errno;
}

static apr_status_t put(const publication_t *pub)
{
    const bgu_plan_t *plan = &pub->session->plan;
    apr_status_t rv = prepare(pub);

    if (rv == APR_SUCCESS && !is_published(pub)) {
        rv = plan->overwrite ? replace(pub) : add(pub);
    }
    /* After a success the hidden name is a second one for the same file, after a failure rubbish.
     */
    (void)unlinkat(pub->folder, pub->hidden, 0);
    if (rv == APR_SUCCESS && plan->sync != BGU_SYNC_OFF && fsync(pub->folder) != 0) {
        rv = errno;
    }
    return rv;
}

/* What the client hears when the destination could not be made. */
static bgu_result_e refusal(apr_status_t cause)
{
    if (APR_STATUS_IS_ENOENT(cause) || APR_STATUS_IS_ENOTDIR(cause)) {
        return BGU_NO_FOLDER;
    }
    if (APR_STATUS_IS_EEXIST(cause) || APR_STATUS_IS_EACCES(cause) || cause == EPERM ||
        cause == EROFS || cause == EISDIR) {
        return BGU_ACCESS_DENIED;
    }
    return bgu_result_of(cause);
}

bgu_result_e bgu_publish(const bgu_session_t *session, const bgu_spool_t *spool,
                         apr_status_t *cause, const char **detail, apr_pool_t *pool)
{
    const char *folder = folder_of(session->dest, pool);
    publication_t pub = {
        .session = session,
        .name = strrchr(session->dest, '/') + 1,
        .hidden = apr_pstrcat(pool, HIDDEN_PREFIX, session->id + BGU_ID_LEN - HIDDEN_ID_LEN, NULL),
        .source = bgu_spool_path(session->spool, session->id, pool),
        .spool = bgu_spool_fd(spool),
        .folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    };

    *cause = APR_SUCCESS;
    if (pub.folder < 0) {
        *cause = errno;
        *detail = apr_pstrcat(pool, "cannot open the destination's folder ", folder, NULL);
        return refusal(*cause);
    }
    *cause = fstat(pub.spool, &pub.bytes) == 0 ? put(&pub) : errno;
    (void)close(pub.folder);
    if (*cause == APR_SUCCESS) {
        return BGU_OK;
    }
    *detail = apr_pstrcat(pool,
                          APR_STATUS_IS_EEXIST(*cause)
                              ? "the destination exists and BGUploadAllowOverwrites is Off: "
                              : "cannot put the file at its destination ",
                          session->dest, NULL);
    return refusal(*cause);
}

int bgu_publish_done(const bgu_session_t *session)
{
    struct stat st;

    return session->plan.sync == BGU_SYNC_OFF && lstat(session->dest, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == session->total;
}
