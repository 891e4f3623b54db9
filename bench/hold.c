/* SPDX-License-Identifier: Apache-2.0 */

/* hold: keeps free memory from being given back. A virtual machine may return what is free to its
 * host, after seconds and in large blocks; whoever stores the next file pays for getting it again,
 * many times what the file costs. So a file in memory takes as much as is asked for, and gives all
 * of it back but a page here and there: what is free between them is in no large block. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "number.h"

/** Bytes of which one page is kept, and of that page. Linux reports what is free from 2 MiB on. */
enum { BLOCK = 2 * 1024 * 1024, PAGE = 4096 };

/** Fill the file, block by block, then empty each. Returns whether that was possible. */
static int hold(int fd, off_t size)
{
    static char block[BLOCK];
    off_t at;

    memset(block, 'x', sizeof(block));
    for (at = 0; at < size; at += BLOCK) {
        if (pwrite(fd, block, sizeof(block), at) != (ssize_t)sizeof(block)) {
            return 0;
        }
    }
    for (at = 0; at < size; at += BLOCK) {
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at + PAGE, BLOCK - PAGE) !=
            0) {
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    int fd;

    if (argc != 3) {
        fprintf(stderr, "usage: hold FILE SIZE\n");
        return 2;
    }
    fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || !hold(fd, (off_t)number_read(argv[2], INT64_MAX))) {
        fprintf(stderr, "hold: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    return 0;
}
