/* SPDX-License-Identifier: Apache-2.0 */

#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "noise.h"

/** Wrong files that are told one by one. */
#define TOLD 10

/** Compare an open file. Returns NULL, or what is wrong. */
static const char *compare(int fd, uint64_t file, uint64_t size)
{
    static unsigned char data[256 * 1024];
    uint64_t offset = 0;
    ssize_t got;

    while ((got = read(fd, data, sizeof(data))) > 0) {
        if (!noise_is(file, offset, data, (size_t)got)) {
            return "holds other bytes";
        }
        offset += (uint64_t)got;
    }
    if (got < 0) {
        return strerror(errno);
    }
    return offset == size ? NULL : "has another size";
}

static const char *verify(const char *path, uint64_t file, uint64_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *wrong;

    if (fd < 0) {
        return strerror(errno);
    }
    wrong = compare(fd, file, size);
    close(fd);
    return wrong;
}

uint64_t verify_files(const plan_t *plan, const char *folder)
{
    uint64_t errors = 0;
    uint64_t file;

    for (file = 0; file < plan->number; file++) {
        char path[4096];
        const char *wrong;

        snprintf(path, sizeof(path), "%s/%" PRIu64, folder, file);
        wrong = verify(path, file, plan->size);
        if (wrong != NULL && errors++ < TOLD) {
            fprintf(stderr, "load: stored file %s: %s\n", path, wrong);
        }
    }
    return errors;
}
