/* SPDX-License-Identifier: Apache-2.0 */

/* disk: what a disk can do at best. Some threads make files: write, fsync, rename, fsync of the
 * folder. Prints JSON. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "latency.h"
#include "noise.h"
#include "number.h"

/** Most threads. */
#define THREADS 256

static uint64_t number;
static size_t size;
static int folder;
static atomic_uint_fast64_t next_file;

static void fail(const char *what)
{
    fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_file(uint64_t file)
{
    char name[32];
    char temporary[40];
    size_t length = size;
    const unsigned char *data = noise_at(0, 0, &length);
    int fd;

    snprintf(name, sizeof(name), "%" PRIu64, file);
    snprintf(temporary, sizeof(temporary), ".%s.part", name);
    fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || fsync(fd) != 0 || close(fd) != 0) {
        fail(temporary);
    }
    if (renameat(folder, temporary, folder, name) != 0 || fsync(folder) != 0) {
        fail(name);
    }
}

static void *make_files(void *unused)
{
    uint64_t file;

    (void)unused;
    while ((file = atomic_fetch_add(&next_file, 1)) < number) {
        make_file(file);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    uint64_t count;
    uint64_t began;
    uint64_t i;

    if (argc != 5) {
        fprintf(stderr, "usage: disk FOLDER NUMBER SIZE THREADS\n");
        return 2;
    }
    number = number_read(argv[2], UINT64_MAX);
    size = (size_t)number_read(argv[3], 512 * 1024);
    count = number_read(argv[4], THREADS);
    folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        fail(argv[1]);
    }
    noise_make();
    began = latency_now();
    for (i = 0; i < count; i++) {
        errno = pthread_create(&threads[i], NULL, make_files, NULL);
        if (errno != 0) {
            fail("a thread");
        }
    }
    for (i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("{\"protocol\":\"disk\",\"uploads\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"errors\":0,\"seconds\":%.6f}\n",
           number, number * size, (double)(latency_now() - began) / 1e9);
    return 0;
}
