/* SPDX-License-Identifier: Apache-2.0 */

#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "httpd_env.h"
#include "server_user.h"

/** Bytes that are handled at once where a file may be large. */
#define PIECE (1024 * 1024)

bytes_t files_read(const char *path)
{
    bytes_t bytes = {NULL, 0};
    struct stat info;
    char *data;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) {
        return bytes;
    }
    data = apr_palloc(httpd_env_pool(), (apr_size_t)info.st_size + 1);
    while (got > 0 && bytes.length < (size_t)info.st_size) {
        got = read(fd, data + bytes.length, (size_t)info.st_size - bytes.length);
        bytes.length += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    data[bytes.length] = '\0';
    bytes.data = data;
    return bytes;
}

/** Write all of it, or end the test. */
static void write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t put = write(fd, data, length);

        REQUIRE(put > 0);
        data += put;
        length -= (size_t)put;
    }
}

void files_write(const char *path, const void *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    REQUIRE(fd >= 0);
    server_user_own(path);
    write_all(fd, data, length);
    close(fd);
}

void files_mkdir(const char *path, mode_t mode)
{
    REQUIRE(mkdir(path, mode) == 0);
    REQUIRE(chmod(path, mode) == 0);
    server_user_own(path);
}

int files_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

long long files_size(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (long long)info.st_size : -1;
}

int files_mode(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (int)(info.st_mode & 07777) : -1;
}

int files_count(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    if (dir == NULL) {
        return 0;
    }
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
        }
    }
    closedir(dir);
    return count;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *level)
{
    (void)info;
    (void)type;
    (void)level;
    return remove(path);
}

static int open_folder(const char *path, const struct stat *info, int type, struct FTW *level)
{
    (void)info;
    (void)level;
    return type == FTW_D || type == FTW_DNR ? chmod(path, 0700) : 0;
}

void files_remove_tree(const char *path)
{
    nftw(path, open_folder, 16, FTW_PHYS);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/** Fill a buffer from a linear congruential generator; returns the next seed. */
static unsigned noise(char *data, size_t length, unsigned seed)
{
    size_t i;

    for (i = 0; i < length; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (char)(seed >> 24);
    }
    return seed;
}

char *files_noise(size_t length, unsigned seed, apr_pool_t *pool)
{
    char *data = apr_palloc(pool, length + 1);

    noise(data, length, seed);
    data[length] = '\0';
    return data;
}

void files_write_noise(const char *path, long long length, unsigned seed)
{
    static char piece[PIECE];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    REQUIRE(fd >= 0);
    server_user_own(path);
    while (length > 0) {
        size_t now = length < PIECE ? (size_t)length : PIECE;

        seed = noise(piece, now, seed);
        write_all(fd, piece, now);
        length -= (long long)now;
    }
    close(fd);
}

int files_same(const char *one, const char *other)
{
    static char left[PIECE];
    static char right[PIECE];
    FILE *a = fopen(one, "rb");
    FILE *b = fopen(other, "rb");
    size_t got = 1;
    int same = a != NULL && b != NULL;

    while (same && got > 0) {
        got = fread(left, 1, PIECE, a);
        same = fread(right, 1, PIECE, b) == got && memcmp(left, right, got) == 0;
    }
    if (a != NULL) {
        fclose(a);
    }
    if (b != NULL) {
        fclose(b);
    }
    return same;
}

static apr_status_t remove_folder(void *folder)
{
    files_remove_tree(folder);
    return APR_SUCCESS;
}

const char *files_other_file_system(apr_pool_t *pool)
{
    char *folder = apr_pstrdup(pool, "/dev/shm/bgupload-test-XXXXXX");

    if (mkdtemp(folder) == NULL) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, folder, remove_folder, apr_pool_cleanup_null);
    server_user_own(folder);
    return folder;
}
