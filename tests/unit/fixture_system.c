/* SPDX-License-Identifier: Apache-2.0 */

/* The fixture's files, processes and threads. */

#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/** User and group id of nobody where no other is known. */
#define NOBODY 65534

/** What fixture_as_nobody()'s child says when it cannot get into the folder. */
#define BARRED 101

/** Most threads at once. */
#define THREADS_MAX 16

/** Seconds until a child process counts as stuck. */
#define CHILD_DEADLINE 60

char *fixture_bytes(const fixture_t *f, size_t length)
{
    char *data = apr_palloc(f->pool, length + 1);
    unsigned seed = 1;
    size_t i;

    for (i = 0; i < length; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (char)(seed >> 24);
    }
    data[length] = '\0';
    return data;
}

void fixture_write(const char *path, const char *data, size_t length)
{
    FILE *file = fopen(path, "wb");

    REQUIRE(file != NULL);
    REQUIRE(fwrite(data, 1, length, file) == length);
    REQUIRE(fclose(file) == 0);
}

int fixture_holds(const char *path, const char *data, size_t length)
{
    struct stat info;
    FILE *file;
    char *found;
    int same;

    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size != length) {
        return 0;
    }
    file = fopen(path, "rb");
    found = malloc(length + 1);
    same = file != NULL && found != NULL && fread(found, 1, length + 1, file) == length &&
           memcmp(found, data, length) == 0;
    free(found);
    if (file != NULL) {
        fclose(file);
    }
    return same;
}

int fixture_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

long long fixture_size(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (long long)info.st_size : -1;
}

int fixture_count(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    REQUIRE(dir != NULL);
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
        }
    }
    closedir(dir);
    return count;
}

int fixture_open_files(const char *folder)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    char target[4096];
    int count = 0;

    REQUIRE(dir != NULL);
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

        if (length > 0) {
            target[length] = '\0';
            count += strncmp(target, folder, strlen(folder)) == 0;
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

void fixture_remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_limit_files(long long bytes)
{
    struct rlimit limit;

    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/** A child process that is waited for. */
struct child {
    pid_t pid;
    int status;
};

static int has_ended(void *baton)
{
    struct child *child = baton;

    return waitpid(child->pid, &child->status, WNOHANG) != 0;
}

int fixture_wait(pid_t pid)
{
    struct child child = {pid, 0};

    if (!check_wait(has_ended, &child, CHILD_DEADLINE)) {
        kill(pid, SIGKILL);
        waitpid(pid, &child.status, 0);
    }
    return WIFEXITED(child.status) ? WEXITSTATUS(child.status) : 128 + WTERMSIG(child.status);
}

/** What a thread of fixture_threads() is to do. */
struct job {
    void (*run)(void *baton, int number);
    void *baton;
    int number;
    pthread_barrier_t *start;
};

static void *run_job(void *data)
{
    const struct job *job = data;

    pthread_barrier_wait(job->start);
    job->run(job->baton, job->number);
    return NULL;
}

void fixture_threads(int count, void (*run)(void *baton, int number), void *baton)
{
    pthread_t threads[THREADS_MAX];
    struct job jobs[THREADS_MAX];
    pthread_barrier_t start;
    int i;

    REQUIRE(count <= THREADS_MAX);
    REQUIRE(pthread_barrier_init(&start, NULL, (unsigned)count) == 0);
    for (i = 0; i < count; i++) {
        jobs[i].run = run;
        jobs[i].baton = baton;
        jobs[i].number = i;
        jobs[i].start = &start;
        if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0) {
            abort(); /* the threads before it would wait for ever */
        }
    }
    for (i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&start);
}

int fixture_as_nobody(const fixture_t *f, int (*run)(void *baton), void *baton)
{
    int code;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 &&
            (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)) {
            _exit(BARRED);
        }
        _exit(access(f->root, X_OK) == 0 ? run(baton) : BARRED);
    }
    code = fixture_wait(pid);
    return code == BARRED ? -1 : code;
}

/** A name and what bore it at first. */
struct name {
    const char *path;
    ino_t inode;
};

static int bears_another(void *baton)
{
    const struct name *name = baton;
    struct stat info;

    return lstat(name->path, &info) == 0 && info.st_ino != name->inode;
}

pid_t fixture_swap(const char *one, const char *other)
{
    struct name name = {one, 0};
    struct stat info;
    pid_t pid;

    REQUIRE(lstat(one, &info) == 0);
    name.inode = info.st_ino;
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_DEADLINE);
        while (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0) {
        }
        _exit(1);
    }
    REQUIRE(check_wait(bears_another, &name, CHILD_DEADLINE));
    return pid;
}

void fixture_stop_swapping(pid_t pid)
{
    kill(pid, SIGKILL);
    CHECK_INT(fixture_wait(pid), 128 + SIGKILL);
}
