/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include "bgu_folder.h"

/* Bytes that one call copies at most: the kernel may be interrupted in between. */
#define COPY_SIZE (128 * 1024 * 1024)

/* Microseconds by which the time of a file may be behind the clock. */
#define TIMESTAMP_STEP apr_time_from_sec(2)

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
    const char *source; /* path of the opened spool file, whatever its name leads to by now */
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

/* What the client hears when a destination's folder could not be opened. */
static bgu_result_e refuse_folder(int cause, const char *folder, const char **detail,
                                  apr_pool_t *pool)
{
    const char *text = "cannot open the destination's folder: ";
    bgu_result_e result = bgu_result_of(cause);

    if (cause == ENOENT || cause == ENOTDIR) {
        text = BGU_DETAIL_NO_FOLDER;
        result = BGU_NO_FOLDER;
    } else if (cause == EACCES) {
        text = "the server's user cannot read the destination's folder: ";
        result = BGU_ACCESS_DENIED;
    } else if (cause == ELOOP) {
        text = "a symbolic link stands in the way to the destination's folder; Options "
               "FollowSymLinks would allow it: ";
        result = BGU_ACCESS_DENIED;
    }
    *detail = apr_pstrcat(pool, text, folder, NULL);
    return result;
}

/* bgu_publish_check() in the opened folder. */
static bgu_result_e check_in(int folder, const char *dest, int overwrite, const char **detail,
                             apr_pool_t *pool)
{
    const char *name = strrchr(dest, '/') + 1;
    struct stat st;
    const char *fault = NULL;
    bgu_result_e result = BGU_ACCESS_DENIED;
    int found = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (*name == '\0' || (found && S_ISDIR(st.st_mode))) {
        fault = "the destination is a folder: ";
        result = BGU_BAD_REQUEST;
    } else if (!found && errno == ENAMETOOLONG) {
        fault = "the destination's name is too long: ";
        result = BGU_BAD_REQUEST;
    } else if (strncasecmp(name, HIDDEN_PREFIX, strlen(HIDDEN_PREFIX)) == 0) {
        fault = "names that begin with " HIDDEN_PREFIX " are the server's own: ";
    } else if (found && !overwrite) {
        fault = "the destination exists and BGUploadAllowOverwrites is Off: ";
    } else if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        fault = "the server's user cannot write to the folder of ";
    }
    if (fault == NULL) {
        return BGU_OK;
    }
    *detail = apr_pstrcat(pool, fault, dest, NULL);
    return result;
}

bgu_result_e bgu_publish_check(const char *dest, int root, int overwrite, apr_status_t *cause,
                               const char **detail, apr_pool_t *pool)
{
    const char *path = folder_of(dest, pool);
    int folder = bgu_folder_open(path, root, pool);

    if (folder < 0) {
        *cause = errno;
        return refuse_folder(*cause, path, detail, pool);
    }
    bgu_result_e result = check_in(folder, dest, overwrite, detail, pool);
    (void)close(folder);
    return result;
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

/* Whether an earlier try left the spool file under the hidden name. */
static int is_staged(const publication_t *pub)
{
    struct stat st;

    return fstatat(pub->folder, pub->hidden, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           same_file(&st, &pub->bytes);
}

/* Stage the spool file under the hidden name: a link where that is possible, else a copy. */
static apr_status_t stage(const publication_t *pub)
{
    if (linkat(AT_FDCWD, pub->source, pub->folder, pub->hidden, AT_SYMLINK_FOLLOW) == 0) {
        return APR_SUCCESS;
    }
    if (errno == EEXIST && is_staged(pub)) {
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
    return S_ISREG(dest->st_mode) && dest->st_uid == pub->bytes.st_uid &&
           dest->st_size == pub->bytes.st_size &&
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
    if (linkat(AT_FDCWD, pub->source, pub->folder, pub->name, AT_SYMLINK_FOLLOW) == 0) {
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

/* Force the received bytes, and their time, to the disk. */
static apr_status_t sync_bytes(const publication_t *pub)
{
    apr_status_t rv = APR_SUCCESS;

    do {
        rv = fsync(pub->spool) == 0 ? APR_SUCCESS : errno;
    } while (rv == EINTR);
    if (rv == EIO && !is_published(pub)) {
        /* The kernel has dropped what it could not write, and would call the next sync a success:
         * these bytes must not be promised to anybody. */
        (void)ftruncate(pub->spool, 0);
    }
    return rv;
}

/* Give the spool file what a published one has. One that will be copied gets its mode as a copy,
 * but is_copy() will want to see its time again. */
static apr_status_t prepare(const publication_t *pub)
{
    struct stat folder;

    if (fstat(pub->folder, &folder) != 0) {
        return errno;
    }
    if (folder.st_dev == pub->bytes.st_dev && fchmod(pub->spool, pub->session->plan.mode) != 0) {
        return errno;
    }
    return pub->session->plan.sync == BGU_SYNC_OFF ? APR_SUCCESS : sync_bytes(pub);
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
    if (rv != APR_SUCCESS && !is_published(pub)) {
        /* It is only a spool file again. */
        (void)fchmod(pub->spool, S_IRUSR | S_IWUSR);
    }
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

static const char *hidden_name(const bgu_session_t *session, apr_pool_t *pool)
{
    return apr_pstrcat(pool, HIDDEN_PREFIX, session->id + BGU_ID_LEN - HIDDEN_ID_LEN, NULL);
}

/* Open what a commit works with. -1: the folder of the destination could not be opened. */
static int open_publication(publication_t *pub, const bgu_session_t *session,
                            const bgu_spool_t *spool, const char *folder, apr_pool_t *pool)
{
    int fd = bgu_spool_fd(spool);

    *pub = (publication_t){
        .session = session,
        .name = strrchr(session->dest, '/') + 1,
        .hidden = hidden_name(session, pool),
        .source = apr_psprintf(pool, "/proc/self/fd/%d", fd),
        .spool = fd,
    };
    pub->folder = bgu_folder_open(folder, session->plan.root, pool);
    return pub->folder;
}

bgu_result_e bgu_publish(const bgu_session_t *session, const bgu_spool_t *spool,
                         apr_status_t *cause, const char **detail, apr_pool_t *pool)
{
    const char *folder = folder_of(session->dest, pool);
    publication_t pub;

    if (open_publication(&pub, session, spool, folder, pool) < 0) {
        *cause = errno;
        return refuse_folder(*cause, folder, detail, pool);
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

void bgu_publish_abandon(const bgu_session_t *session, apr_pool_t *pool)
{
    int folder = bgu_folder_open(folder_of(session->dest, pool), session->plan.root, pool);

    if (folder >= 0) {
        (void)unlinkat(folder, hidden_name(session, pool), 0);
        (void)close(folder);
    }
}

int bgu_publish_begun(const bgu_session_t *session, const bgu_spool_t *spool, apr_pool_t *pool)
{
    publication_t pub;
    int begun;

    if (open_publication(&pub, session, spool, folder_of(session->dest, pool), pool) < 0) {
        return 0;
    }
    begun = fstat(pub.spool, &pub.bytes) == 0 && (is_published(&pub) || is_staged(&pub));
    (void)close(pub.folder);
    return begun;
}

int bgu_publish_done(const bgu_session_t *session)
{
    struct stat st;

    return lstat(session->dest, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == session->total &&
           apr_time_make(st.st_mtim.tv_sec, st.st_mtim.tv_nsec / 1000) >=
               session->created - TIMESTAMP_STEP;
}
