/* SPDX-License-Identifier: Apache-2.0 */

#include "harness.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "harness_memory.h"

/* libFuzzer calls these two. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[256];
static apr_pool_t *setup_pool;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void finish(void)
{
    apr_pool_destroy(setup_pool);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(folder, sizeof(folder), "%s/bgupload-fuzz-XXXXXX", tmp != NULL ? tmp : "/tmp");
    HOLDS(mkdtemp(folder) != NULL);
    (void)atexit(finish);
}

__attribute__((weak)) void fuzz_setup(apr_pool_t *pool)
{
    (void)pool;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    HOLDS(apr_initialize() == APR_SUCCESS);
    HOLDS(apr_pool_create(&setup_pool, NULL) == APR_SUCCESS);
    make_folder();
    fuzz_setup(setup_pool);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;

    HOLDS(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    harness_memory_begin();
    fuzz_one((const char *)data, size, pool);
    apr_pool_destroy(pool);
    harness_memory_end();
    return 0;
}

void fuzz_broken(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

/** A copy in memory of exactly its size. */
static char *copy(const char *data, size_t size, apr_pool_t *pool)
{
    char *result = apr_palloc(pool, size);

    memcpy(result, data, size);
    return result;
}

char *fuzz_text(const char *data, size_t size, apr_pool_t *pool)
{
    size_t length = strnlen(data, size);
    char *text = apr_palloc(pool, length + 1);

    memcpy(text, data, length);
    text[length] = '\0';
    return text;
}

/** Move on to behind the next line; returns its length. */
static size_t take_line(const char **data, size_t *size)
{
    const char *end = memchr(*data, '\n', *size);
    size_t length = end != NULL ? (size_t)(end - *data) : *size;
    size_t taken = end != NULL ? length + 1 : length;

    *data += taken;
    *size -= taken;
    return length;
}

char *fuzz_line(const char **data, size_t *size, size_t *length, apr_pool_t *pool)
{
    const char *start = *data;

    if (*size == 0) {
        return NULL;
    }
    *length = take_line(data, size);
    return copy(start, *length, pool);
}

char *fuzz_word(const char **data, size_t *size, apr_pool_t *pool)
{
    const char *start = *data;

    return fuzz_text(start, take_line(data, size), pool);
}

int fuzz_is_plain(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c >= ' ' && *c != 0x7f) {
        c++;
    }
    return *c == '\0';
}

const char *fuzz_path(const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, folder, "/", name, NULL);
}

void fuzz_write(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    HOLDS(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}
