/* SPDX-License-Identifier: Apache-2.0 */

#include "faults_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

faults_t *faults;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv(FAULTS_VARIABLE);
    int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;

    if (fd >= 0) {
        void *block = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        faults = block != MAP_FAILED ? block : NULL;
        (void)syscall(SYS_close, fd);
    }
}

void faults_path_of(char *path, int fd)
{
    char link[64];
    ssize_t length;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
}

static int ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text);
    size_t tail = strlen(ending);

    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

void faults_whole_path(char *whole, int folder, const char *path)
{
    size_t length = 0;

    if (path[0] != '/' && folder != AT_FDCWD) {
        faults_path_of(whole, folder);
        length = strlen(whole);
        whole[length++] = '/';
    }
    (void)snprintf(whole + length, PATH_MAX, "%s", path);
}

const char *faults_watched(const char *path)
{
    for (int i = 0; i < FAULTS_FOLDERS; i++) {
        const char *folder = faults->folders[i];
        size_t length = strlen(folder);

        if (length > 0 && strncmp(path, folder, length) == 0 &&
            (path[length] == '/' || path[length] == '\0')) {
            return strrchr(folder, '/') + 1 - folder + path;
        }
    }
    return NULL;
}

/** Do to a call what is to be done, if its number says so. */
static int judge(const char *call, int kind, const char *path)
{
    const char *name = faults_watched(path);
    unsigned number;

    if (name == NULL || (faults->kinds & kind) == 0 || !ends_with(path, faults->ending)) {
        return 0;
    }
    number = atomic_fetch_add(&faults->count, 1) + 1;
    if (faults->act == FAULTS_COUNT || number < faults->first || number > faults->last) {
        return 0;
    }
    (void)snprintf(faults->hit, sizeof(faults->hit), "%s %.400s", call, name);
    if (faults->act == FAULTS_KILL) {
        (void)kill(0, SIGKILL);
        (void)pause();
    }
    if (faults->act == FAULTS_FAIL) {
        errno = faults->error;
        return -1;
    }
    return 1;
}

static int is_armed(void)
{
    return faults != NULL && atomic_load(&faults->armed) != 0;
}

int faults_judge_path(const char *call, int kind, int folder, const char *path)
{
    int before = errno;
    char whole[2 * PATH_MAX];
    int judgement;

    if (!is_armed()) {
        return 0;
    }
    faults_whole_path(whole, folder, path);
    judgement = judge(call, kind, whole);
    errno = judgement < 0 ? errno : before;
    return judgement;
}

int faults_judge_fd(const char *call, int kind, int fd)
{
    int before = errno;
    char path[PATH_MAX];
    int judgement;

    if (!is_armed()) {
        return 0;
    }
    faults_path_of(path, fd);
    judgement = judge(call, kind, path);
    errno = judgement < 0 ? errno : before;
    return judgement;
}

size_t faults_length(int judgement, size_t length)
{
    return judgement > 0 && length > 1 ? 1 : length;
}
