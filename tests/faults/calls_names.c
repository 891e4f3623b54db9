/* SPDX-License-Identifier: Apache-2.0 */

/* The calls that work on names. Each is judged, then made as a plain system call. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults_private.h"
#include "record.h"

/** The mode behind the flags of open(), where the flags say that there is one. */
static mode_t mode_of(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

/** Open, and record a file that was made or emptied by it. */
static int open_recorded(int folder, const char *path, int flags, mode_t mode)
{
    int locked = (flags & (O_CREAT | O_TRUNC)) != 0 && faults_record_begin();
    struct stat info;
    int there = locked && fstatat(folder, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);

    if (there) {
        faults_record_fd(locked, FAULTS_R_CUT, fd, 0, (flags & O_TRUNC) != 0 && fd >= 0 ? 0 : -1);
    } else {
        faults_record_name(locked, FAULTS_R_CREATE, folder, path, fd);
    }
    return fd;
}

static int open_judged(const char *call, int folder, const char *path, int flags, mode_t mode)
{
    int kind = (flags & (O_CREAT | O_TRUNC)) != 0 ? FAULTS_NAMES : FAULTS_OPENS;

    if (faults_judge_path(call, kind, folder, path) < 0) {
        return -1;
    }
    return open_recorded(folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_judged("open", AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_judged("open", AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_judged("openat", folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_judged("openat", folder, path, flags, mode);
}

static int remove_recorded(int folder, const char *path, int flags)
{
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_unlinkat, folder, path, flags);

    faults_record_name(locked, FAULTS_R_REMOVE, folder, path, rc);
    return rc;
}

int unlink(const char *path)
{
    if (faults_judge_path("unlink", FAULTS_NAMES, AT_FDCWD, path) < 0) {
        return -1;
    }
    return remove_recorded(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    if (faults_judge_path("unlinkat", FAULTS_NAMES, folder, path) < 0) {
        return -1;
    }
    return remove_recorded(folder, path, flags);
}

int rmdir(const char *path)
{
    if (faults_judge_path("rmdir", FAULTS_NAMES, AT_FDCWD, path) < 0) {
        return -1;
    }
    return remove_recorded(AT_FDCWD, path, AT_REMOVEDIR);
}

static int make_recorded(int folder, const char *path, mode_t mode)
{
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_mkdirat, folder, path, mode);

    faults_record_name(locked, FAULTS_R_FOLDER, folder, path, rc);
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    if (faults_judge_path("mkdir", FAULTS_NAMES, AT_FDCWD, path) < 0) {
        return -1;
    }
    return make_recorded(AT_FDCWD, path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    if (faults_judge_path("mkdirat", FAULTS_NAMES, folder, path) < 0) {
        return -1;
    }
    return make_recorded(folder, path, mode);
}

static int link_recorded(int from_folder, const char *from, int folder, const char *to, int flags)
{
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_linkat, from_folder, from, folder, to, flags);

    faults_record_name(locked, FAULTS_R_LINK, folder, to, rc);
    return rc;
}

int link(const char *from, const char *to)
{
    if (faults_judge_path("link", FAULTS_NAMES, AT_FDCWD, to) < 0) {
        return -1;
    }
    return link_recorded(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_folder, const char *from, int folder, const char *to, int flags)
{
    if (faults_judge_path("linkat", FAULTS_NAMES, folder, to) < 0) {
        return -1;
    }
    return link_recorded(from_folder, from, folder, to, flags);
}

static int rename_recorded(int from_folder, const char *from, int folder, const char *to,
                           unsigned flags)
{
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_renameat2, from_folder, from, folder, to, flags);

    faults_record_rename(locked, from_folder, from, folder, to, rc);
    return rc;
}

int rename(const char *from, const char *to)
{
    if (faults_judge_path("rename", FAULTS_NAMES, AT_FDCWD, to) < 0) {
        return -1;
    }
    return rename_recorded(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int folder, const char *to)
{
    if (faults_judge_path("renameat", FAULTS_NAMES, folder, to) < 0) {
        return -1;
    }
    return rename_recorded(from_folder, from, folder, to, 0);
}

int renameat2(int from_folder, const char *from, int folder, const char *to, unsigned flags)
{
    if (faults_judge_path("renameat2", FAULTS_NAMES, folder, to) < 0) {
        return -1;
    }
    return rename_recorded(from_folder, from, folder, to, flags);
}

int chmod(const char *path, mode_t mode)
{
    if (faults_judge_path("chmod", FAULTS_NAMES, AT_FDCWD, path) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode);
    faults_record_name(locked, FAULTS_R_MODE, AT_FDCWD, path, rc);
    return rc;
}

int fchmod(int fd, mode_t mode)
{
    if (faults_judge_fd("fchmod", FAULTS_NAMES, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_fchmod, fd, mode);
    faults_record_fd(locked, FAULTS_R_MODE, fd, 0, rc);
    return rc;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags)
{
    if (faults_judge_path("utimensat", FAULTS_NAMES, folder, path) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_utimensat, folder, path, times, flags);
    faults_record_name(locked, FAULTS_R_TIME, folder, path, rc);
    return rc;
}

int futimens(int fd, const struct timespec times[2])
{
    if (faults_judge_fd("futimens", FAULTS_NAMES, fd) < 0) {
        return -1;
    }
    int locked = faults_record_begin();
    int rc = (int)syscall(SYS_utimensat, fd, NULL, times, 0);
    faults_record_fd(locked, FAULTS_R_TIME, fd, 0, rc);
    return rc;
}
