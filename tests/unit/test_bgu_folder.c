/* SPDX-License-Identifier: Apache-2.0 */

/* Opening a folder whose path somebody else changes. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_folder.h"
#include "fixture.h"
#include "suites.h"

/** Times that a folder is opened while somebody changes its path. */
#define ROUNDS 20000

/** Make the folder a/b/c and beside it other/b/c, and links: to_a -> a, a/to_b -> b,
 * a/b/out -> other. */
static fixture_t *make_tree(void)
{
    static const char *const folders[] = {"a", "a/b", "a/b/c", "other", "other/b", "other/b/c"};
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        REQUIRE(mkdir(fixture_path(f, folders[i]), 0755) == 0);
    }
    REQUIRE(symlink("a", fixture_path(f, "to_a")) == 0);
    REQUIRE(symlink("b", fixture_path(f, "a/to_b")) == 0);
    REQUIRE(symlink(fixture_path(f, "other"), fixture_path(f, "a/b/out")) == 0);
    fixture_write(fixture_path(f, "a/file"), "x", 1);
    return f;
}

/** Whether a descriptor is that of a folder. */
static int is_folder(int fd, const char *path)
{
    struct stat got, wanted;

    return fstat(fd, &got) == 0 && stat(path, &wanted) == 0 && got.st_ino == wanted.st_ino &&
           got.st_dev == wanted.st_dev;
}

/** Open a folder below the fixture's, where no link is followed below root. Returns 0 if that is
 * the right one, else what stood in the way. */
static int opened(const fixture_t *f, const char *name, const char *root)
{
    const char *path = fixture_path(f, name);
    int fd = bgu_folder_open(path, root ? (int)strlen(fixture_path(f, root)) : 0, f->pool);
    int fault = fd < 0 ? errno : 0;

    if (fd >= 0) {
        CHECK(is_folder(fd, path));
        CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK_INT(fsync(fd), 0);
        REQUIRE(close(fd) == 0);
    }
    return fault;
}

static void test_paths(void)
{
    static const struct {
        const char *path, *root;
        int fault;
    } cases[] = {
        {"a", NULL, 0},
        {"to_a/to_b/c", NULL, 0},
        {"a/b/out/b", NULL, 0},
        {"a", "a", 0},
        {"a/b/c", "a", 0},
        {"a//b/c", "a", 0},
        {"a/b/c", "a/b/c", 0},
        {"to_a", "to_a", 0},
        {"to_a/b/c", "to_a", 0},
        {"a/b/out/b/c", "a/b/out", 0},
        {"a/to_b", "a", ELOOP},
        {"a/to_b/c", "a", ELOOP},
        {"a/b/out/b/c", "a", ELOOP},
        {"a/b/out", "a/b", ELOOP},
        {"to_a/to_b", "to_a", ELOOP},
        {"a/file", "a", ENOTDIR},
        {"a/file/b", "a", ENOTDIR},
        {"a/file", NULL, ENOTDIR},
        {"a/none", "a", ENOENT},
        {"a/none/c", "a", ENOENT},
        {"none/b", "none", ENOENT},
    };
    fixture_t *f = make_tree();
    int before = fixture_count("/proc/self/fd");
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CASE_INT(cases[i].path, opened(f, cases[i].path, cases[i].root), cases[i].fault);
    }
    CHECK_INT(fixture_count("/proc/self/fd"), before);
}

/** A row that was damaged may say anything. */
static void test_odd_roots(void)
{
    fixture_t *f = make_tree();
    const char *path = fixture_path(f, "a/b/c");
    static const int roots[] = {-1, 1, 1000000};
    size_t i;

    for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        int fd = bgu_folder_open(path, roots[i], f->pool);

        CHECK(is_folder(fd, path));
        close(fd);
    }
}

static int open_unreadable(void *baton)
{
    const fixture_t *f = baton;

    return opened(f, "a/b/c", "a");
}

/** Folders on the way may be closed to reading, as for httpd. */
static void test_unreadable(void)
{
    fixture_t *f = make_tree();
    int code;

    REQUIRE(chmod(fixture_path(f, "a"), 0711) == 0 && chmod(fixture_path(f, "a/b"), 0711) == 0);
    code = fixture_as_nobody(f, open_unreadable, f);
    if (code < 0) {
        check_skip("another user cannot get into TMPDIR");
    } else {
        CHECK_INT(code, 0);
    }
}

/** However often the path changes, it is the right folder or none. */
static void test_swapped(void)
{
    fixture_t *f = make_tree();
    const char *path = fixture_path(f, "a/b/c");
    int root = (int)strlen(fixture_path(f, "a"));
    struct stat inside, got;
    pid_t pid;
    int i, wrong = 0, other = 0;

    REQUIRE(stat(path, &inside) == 0);
    REQUIRE(symlink(fixture_path(f, "other/b"), fixture_path(f, "a/link")) == 0);
    pid = fixture_swap(fixture_path(f, "a/b"), fixture_path(f, "a/link"));
    for (i = 0; i < ROUNDS; i++) {
        int fd = bgu_folder_open(path, root, f->pool);

        if (fd < 0) {
            other += errno != ELOOP && errno != ENOTDIR;
        } else {
            wrong += fstat(fd, &got) != 0 || got.st_ino != inside.st_ino;
            close(fd);
        }
    }
    fixture_stop_swapping(pid);
    CHECK_INT(wrong, 0);
    CHECK_INT(other, 0);
}

static const suite_test_t tests[] = {
    {"paths, with and without links", test_paths},
    {"odd roots", test_odd_roots},
    {"folders on the way that cannot be read", test_unreadable},
    {"a path that changes all the time", test_swapped},
};

void suite_folder(void)
{
    SUITE_ADD("folder", tests);
}
