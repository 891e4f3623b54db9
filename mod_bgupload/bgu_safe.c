/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_safe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <apr_lib.h>
#include "bgu_clock.h"

/* Bytes, and microseconds, after which what was received is brought to the disk: that much a power
 * cut, or an orderly restart of the machine, costs at most. The kernel would write it after half a
 * minute by itself. */
#define BYTES_MAX (64 * 1024 * 1024)
#define TIME_MAX  apr_time_from_sec(60)

/* Where the kernel tells which boot this is, as a GUID in lower case. */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static struct {
    pthread_once_t once;
    int known;
    unsigned char id[sizeof(((bgu_safe_mark_t *)0)->boot)];
} boot = {.once = PTHREAD_ONCE_INIT};

static unsigned hex_value(char digit)
{
    return (unsigned)(apr_isdigit(digit) ? digit - '0' : digit - 'a' + 10) & 15u;
}

static void read_boot(void)
{
    char text[64] = "";
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    apr_size_t digits = 0;

    if (fd < 0) {
        return;
    }
    if (read(fd, text, sizeof(text) - 1) > 0) {
        for (const char *c = text; *c && digits < 2 * sizeof(boot.id); c++) {
            if (apr_isxdigit(*c)) {
                unsigned char *byte = &boot.id[digits / 2];
                *byte = (unsigned char)((unsigned)*byte << 4 | hex_value(*c));
                digits++;
            }
        }
    }
    (void)close(fd);
    boot.known = digits == 2 * sizeof(boot.id);
}

/* Whether the machine says which boot this is; without that there are no marks. */
static int knows_boot(void)
{
    (void)pthread_once(&boot.once, read_boot);
    return boot.known;
}

/* Read the mark. APR_NOTFOUND if there is none, APR_ENOTIMPL if there cannot be one. */
static apr_status_t get_mark(bgu_safe_mark_t *mark, int fd)
{
    ssize_t size = fgetxattr(fd, BGU_SAFE_ATTRIBUTE, mark, sizeof(*mark));

    if (size == (ssize_t)sizeof(*mark)) {
        return APR_SUCCESS;
    }
    if (size >= 0 || errno == ENODATA || errno == ERANGE) {
        return APR_NOTFOUND;
    }
    return errno == ENOTSUP || errno == ENOSYS ? APR_ENOTIMPL : errno;
}

/* Write the mark, or (flags) only if there is none yet. */
static apr_status_t set_mark(bgu_safe_t *safe, int fd, apr_off_t length, int flags)
{
    bgu_safe_mark_t mark = {.length = length, .time = bgu_clock_uptime()};

    memcpy(mark.boot, boot.id, sizeof(mark.boot));
    if (fsetxattr(fd, BGU_SAFE_ATTRIBUTE, &mark, sizeof(mark), flags) != 0) {
        return errno;
    }
    *safe = (bgu_safe_t){.length = length, .since = mark.time, .marked = 1};
    return APR_SUCCESS;
}

/* Mark a file that has no bytes yet. */
static apr_status_t begin(bgu_safe_t *safe, const bgu_spool_t *spool)
{
    apr_off_t size;
    apr_status_t rv = bgu_spool_size(&size, spool);

    if (rv != APR_SUCCESS || size > 0) {
        return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv;
    }
    rv = set_mark(safe, bgu_spool_fd(spool), 0, XATTR_CREATE);
    /* Another request may have been first, with more than this one knows: it is asked next time. */
    return APR_STATUS_IS_EEXIST(rv) || rv == ENOTSUP ? APR_SUCCESS : rv;
}

/* Drop the bytes behind a length, unless the file bears other names: then it is published. With the
 * lock held. */
static apr_status_t cut(int fd, apr_off_t length)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return errno;
    }
    if (st.st_nlink != 1 || st.st_size <= length) {
        return APR_SUCCESS;
    }
    return ftruncate(fd, length) == 0 ? APR_SUCCESS : errno;
}

/* Take over a file from another boot, unless somebody else has done it meanwhile. */
static apr_status_t adopt(bgu_safe_t *safe, bgu_spool_t *spool)
{
    int fd = bgu_spool_fd(spool);
    bgu_safe_mark_t mark;
    apr_status_t rv = bgu_spool_lock(spool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = get_mark(&mark, fd);
    if (rv == APR_SUCCESS && memcmp(mark.boot, boot.id, sizeof(boot.id)) != 0) {
        rv = cut(fd, mark.length);
        if (rv == APR_SUCCESS) {
            rv = set_mark(safe, fd, mark.length, 0);
        }
    }
    bgu_spool_unlock(spool);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t bgu_safe_open(bgu_safe_t *safe, bgu_spool_t *spool)
{
    bgu_safe_mark_t mark;

    *safe = (bgu_safe_t){.marked = 0};
    if (!knows_boot()) {
        return APR_SUCCESS;
    }
    apr_status_t rv = get_mark(&mark, bgu_spool_fd(spool));
    if (rv == APR_NOTFOUND) {
        return begin(safe, spool);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_ENOTIMPL ? APR_SUCCESS : rv;
    }
    if (memcmp(mark.boot, boot.id, sizeof(boot.id)) != 0) {
        return adopt(safe, spool);
    }
    *safe = (bgu_safe_t){.length = mark.length, .since = mark.time, .marked = 1};
    return APR_SUCCESS;
}

int bgu_safe_is_due(const bgu_safe_t *safe, apr_off_t size)
{
    return safe->marked && size > safe->length &&
           (size - safe->length >= BYTES_MAX || bgu_clock_uptime() - safe->since >= TIME_MAX);
}

/* Note how much is on the disk, unless the mark says so of more already. */
static apr_status_t note(bgu_safe_t *safe, bgu_spool_t *spool, apr_off_t size)
{
    int fd = bgu_spool_fd(spool);
    bgu_safe_mark_t mark;
    apr_status_t rv = bgu_spool_lock(spool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = get_mark(&mark, fd);
    if (rv == APR_SUCCESS && mark.length < size) {
        rv = set_mark(safe, fd, size, 0);
    }
    bgu_spool_unlock(spool);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

/* fsync(), however often a signal comes between. */
static int sync_file(int fd)
{
    int rc;

    do {
        rc = fsync(fd);
    } while (rc != 0 && errno == EINTR);
    return rc;
}

apr_status_t bgu_safe_sync(bgu_safe_t *safe, bgu_spool_t *spool, apr_off_t size, int durable)
{
    int fd = bgu_spool_fd(spool);

    if (sync_file(fd) != 0) {
        apr_status_t rv = errno;
        if (bgu_spool_lock(spool) == APR_SUCCESS) {
            (void)cut(fd, safe->length);
            bgu_spool_unlock(spool);
        }
        return rv;
    }
    if (!safe->marked) {
        return APR_SUCCESS;
    }
    apr_status_t rv = note(safe, spool, size);
    if (rv == APR_SUCCESS && durable && sync_file(fd) != 0) {
        rv = errno;
    }
    return rv;
}

void bgu_safe_forget(const bgu_spool_t *spool)
{
    (void)fremovexattr(bgu_spool_fd(spool), BGU_SAFE_ATTRIBUTE);
}
