/* SPDX-License-Identifier: Apache-2.0 */

/* The calls that work on open files. Each is judged, then made as a plain system call. */

#include <stdint.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "faults_private.h"
#include "record.h"

static ssize_t write_judged(const char *call, int fd, const void *data, size_t length, off_t at)
{
    int judgement = faults_judge_fd(call, FAULTS_WRITES, fd);

    if (judgement < 0) {
        return -1;
    }
    length = faults_length(judgement, length);
    int locked = faults_record_begin();
    ssize_t done =
        at < 0 ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, at);
    struct iovec vec = {(void *)(uintptr_t)data, length};
    faults_record_write(locked, fd, at, &vec, 1, done);
    return done;
}

ssize_t write(int fd, const void *data, size_t length)
{
    return write_judged("write", fd, data, length, -1);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
    return write_judged("pwrite", fd, data, length, at);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off_t at)
{
    return write_judged("pwrite", fd, data, length, at);
}

static ssize_t pwritev_judged(int fd, const struct iovec *vec, int count, off_t at)
{
    int judgement = faults_judge_fd("pwritev", FAULTS_WRITES, fd);

    if (judgement < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    /* The position is handed over in two halves where a register does not hold it. */
    ssize_t done = judgement > 0 ? syscall(SYS_pwrite64, fd, vec[0].iov_base,
                                           faults_length(1, vec[0].iov_len), at)
                                 : syscall(SYS_pwritev, fd, vec, (long)count, (long)at, 0L);
    faults_record_write(locked, fd, at, vec, count, done);
    return done;
}

ssize_t pwritev(int fd, const struct iovec *vec, int count, off_t at)
{
    return pwritev_judged(fd, vec, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *vec, int count, off_t at)
{
    return pwritev_judged(fd, vec, count, at);
}

static int truncate_judged(int fd, off_t length)
{
    if (faults_judge_fd("ftruncate", FAULTS_WRITES, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_ftruncate, fd, length);
    faults_record_fd(locked, FAULTS_R_CUT, fd, length, rc);
    return rc;
}

int ftruncate(int fd, off_t length)
{
    return truncate_judged(fd, length);
}

int ftruncate64(int fd, off_t length)
{
    return truncate_judged(fd, length);
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length,
                        unsigned flags)
{
    int judgement = faults_judge_fd("copy_file_range", FAULTS_WRITES, to);

    if (judgement < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    off_t at = from_at != NULL ? *from_at : lseek(from, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_copy_file_range, from, from_at, to, to_at,
                           faults_length(judgement, length), flags);
    faults_record_copy(locked, from, at, to, -1, done);
    return done;
}

static ssize_t sendfile_judged(int to, int from, off_t *at, size_t length)
{
    int judgement = faults_judge_fd("sendfile", FAULTS_WRITES, to);

    if (judgement < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    off_t from_at = at != NULL ? *at : lseek(from, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_sendfile, to, from, at, faults_length(judgement, length));
    faults_record_copy(locked, from, from_at, to, -1, done);
    return done;
}

ssize_t sendfile(int to, int from, off_t *at, size_t length)
{
    return sendfile_judged(to, from, at, length);
}

ssize_t sendfile64(int to, int from, off_t *at, size_t length)
{
    return sendfile_judged(to, from, at, length);
}

ssize_t splice(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags)
{
    int judgement = faults_judge_fd("splice", FAULTS_WRITES, to);

    if (judgement < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    off_t at = to_at != NULL ? *to_at : -1;
    ssize_t done =
        syscall(SYS_splice, from, from_at, to, to_at, faults_length(judgement, length), flags);
    /* What was in the pipe is in the file. */
    faults_record_copy(locked, to, at, to, at, done);
    return done;
}

int fsync(int fd)
{
    if (faults_judge_fd("fsync", FAULTS_SYNCS, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_fsync, fd);
    faults_record_fd(locked, FAULTS_R_SYNC, fd, 0, rc);
    return rc;
}

int fdatasync(int fd)
{
    if (faults_judge_fd("fdatasync", FAULTS_SYNCS, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_fdatasync, fd);
    faults_record_fd(locked, FAULTS_R_SYNC, fd, 0, rc);
    return rc;
}

static ssize_t read_judged(const char *call, int fd, void *data, size_t length, off_t at)
{
    int judgement = faults_judge_fd(call, FAULTS_READS, fd);

    if (judgement < 0) {
        return -1;
    }
    length = faults_length(judgement, length);
    return at < 0 ? syscall(SYS_read, fd, data, length)
                  : syscall(SYS_pread64, fd, data, length, at);
}

ssize_t read(int fd, void *data, size_t length)
{
    return read_judged("read", fd, data, length, -1);
}

ssize_t pread(int fd, void *data, size_t length, off_t at)
{
    return read_judged("pread", fd, data, length, at);
}

ssize_t pread64(int fd, void *data, size_t length, off_t at)
{
    return read_judged("pread", fd, data, length, at);
}

int flock(int fd, int operation)
{
    if (faults_judge_fd("flock", FAULTS_LOCKS, fd) < 0) {
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    if (faults_judge_fd("fsetxattr", FAULTS_NAMES, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
    faults_record_attribute(locked, FAULTS_R_SET, fd, name, value, size, rc);
    return rc;
}

int fremovexattr(int fd, const char *name)
{
    if (faults_judge_fd("fremovexattr", FAULTS_NAMES, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_fremovexattr, fd, name);
    faults_record_attribute(locked, FAULTS_R_UNSET, fd, name, NULL, 0, rc);
    return rc;
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
    if (faults_judge_fd("fgetxattr", FAULTS_READS, fd) < 0) {
        return -1;
    }
    return syscall(SYS_fgetxattr, fd, name, value, size);
}
