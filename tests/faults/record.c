/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults_private.h"
#include "record.h"

/** Bytes that are read again at once, of a file that the kernel copied. */
#define PIECE 65536

int faults_record_begin(void)
{
    if (faults == NULL || atomic_load(&faults->recording) == 0) {
        return 0;
    }
    if (pthread_mutex_lock(&faults->record_lock) == EOWNERDEAD) {
        (void)pthread_mutex_consistent(&faults->record_lock);
    }
    return 1;
}

static void end(int error)
{
    (void)pthread_mutex_unlock(&faults->record_lock);
    errno = error;
}

/** Append to the file of records; it is opened each time, since forks and limits come between. */
static void append(faults_record_t *record, const struct iovec *vec, int count, uint64_t length)
{
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, faults->record_file, O_WRONLY | O_APPEND | O_CLOEXEC, 0);

    record->length = length;
    (void)syscall(SYS_write, fd, record, sizeof(*record));
    for (int i = 0; i < count && length > 0; i++) {
        size_t part = vec[i].iov_len < length ? vec[i].iov_len : length;
        (void)syscall(SYS_write, fd, vec[i].iov_base, part);
        length -= part;
    }
    (void)syscall(SYS_close, fd);
    (void)atomic_fetch_add(&faults->records, 1);
}

static faults_node_t node_of(const struct stat *info)
{
    return (faults_node_t){(uint64_t)info->st_dev, (uint64_t)info->st_ino};
}

/** Copy the last part of a path; what is longer than a name can be is cut. */
static void copy_name(char name[256], const char *path)
{
    (void)snprintf(name, 256, "%.255s", strrchr(path, '/') + 1);
}

/** Begin a record about an open file. Returns 0 if it is not watched. */
static int about_fd(faults_record_t *record, faults_record_e op, int fd)
{
    char path[PATH_MAX];
    struct stat info;

    faults_path_of(path, fd);
    if (faults_watched(path) == NULL || fstat(fd, &info) != 0) {
        return 0;
    }
    *record = (faults_record_t){.op = op, .node = node_of(&info), .mode = info.st_mode & 07777u};
    copy_name(record->name, path);
    record->time[0] = info.st_mtim.tv_sec;
    record->time[1] = info.st_mtim.tv_nsec;
    return 1;
}

/** Begin a record about a name. Returns 0 if it is not watched. */
static int about_name(faults_record_t *record, faults_record_e op, int folder, const char *path)
{
    char whole[2 * PATH_MAX];
    struct stat info;

    faults_whole_path(whole, folder, path);
    if (faults_watched(whole) == NULL) {
        return 0;
    }
    *record = (faults_record_t){.op = op};
    copy_name(record->name, whole);
    if (lstat(whole, &info) == 0) {
        record->node = node_of(&info);
        record->mode = info.st_mode & 07777u;
        record->time[0] = info.st_mtim.tv_sec;
        record->time[1] = info.st_mtim.tv_nsec;
    }
    *strrchr(whole, '/') = '\0';
    if (lstat(whole, &info) == 0) {
        record->parent = node_of(&info);
    }
    return 1;
}

void faults_record_write(int locked, int fd, off_t at, const struct iovec *vec, int count,
                         ssize_t done)
{
    int error = errno;
    faults_record_t record;

    if (!locked) {
        return;
    }
    if (done > 0 && about_fd(&record, FAULTS_R_WRITE, fd)) {
        /* Without a place, the call has moved the file's own one. */
        record.at = at >= 0 ? at : lseek(fd, 0, SEEK_CUR) - done;
        append(&record, vec, count, (uint64_t)done);
    }
    end(error);
}

void faults_record_copy(int locked, int from, off_t at, int to, off_t to_at, ssize_t done)
{
    static char piece[PIECE]; /* under the lock */
    int error = errno;
    faults_record_t record;

    if (!locked) {
        return;
    }
    if (done > 0 && about_fd(&record, FAULTS_R_WRITE, to)) {
        record.at = to_at >= 0 ? to_at : lseek(to, 0, SEEK_CUR) - done;
        while (done > 0) {
            struct iovec vec = {piece, done < PIECE ? (size_t)done : PIECE};
            ssize_t got = syscall(SYS_pread64, from, piece, vec.iov_len, at);
            if (got <= 0) {
                break;
            }
            append(&record, &vec, 1, (uint64_t)got);
            record.at += got;
            at += got;
            done -= got;
        }
    }
    end(error);
}

void faults_record_fd(int locked, int op, int fd, off_t at, int rc)
{
    int error = errno;
    faults_record_t record;

    if (!locked) {
        return;
    }
    if (rc == 0 && about_fd(&record, op, fd)) {
        record.at = at;
        append(&record, NULL, 0, 0);
    }
    end(error);
}

void faults_record_attribute(int locked, int op, int fd, const char *name, const void *value,
                             size_t size, int rc)
{
    int error = errno;
    struct iovec vec = {(void *)(uintptr_t)value, size};
    faults_record_t record;

    if (!locked) {
        return;
    }
    if (rc == 0 && about_fd(&record, op, fd)) {
        (void)snprintf(record.name, sizeof(record.name), "%s", name);
        append(&record, &vec, 1, size);
    }
    end(error);
}

void faults_record_name(int locked, int op, int folder, const char *path, int rc)
{
    int error = errno;
    faults_record_t record;

    if (!locked) {
        return;
    }
    if (rc >= 0 && about_name(&record, op, folder, path)) {
        append(&record, NULL, 0, 0);
    }
    end(error);
}

void faults_record_rename(int locked, int from_folder, const char *from, int folder, const char *to,
                          int rc)
{
    int error = errno;
    faults_record_t source, record;
    int left, arrived;

    if (!locked) {
        return;
    }
    left = rc == 0 && about_name(&source, FAULTS_R_RENAME, from_folder, from);
    arrived = rc == 0 && about_name(&record, FAULTS_R_RENAME, folder, to);
    if (left || arrived) {
        if (!left || !arrived || source.parent.inode != record.parent.inode ||
            source.parent.device != record.parent.device) {
            source.op = FAULTS_R_ELSEWHERE;
        }
        (void)memcpy(source.to_name, record.name, sizeof(source.to_name));
        source.node = record.node;
        append(&source, NULL, 0, 0);
    }
    end(error);
}
