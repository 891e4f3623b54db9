/* SPDX-License-Identifier: Apache-2.0 */

#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "client_out.h"
#include "fixture.h"
#include "suites.h"

/** Open the part of f's file "out" as a new call would. It has to live as long as f's pool. */
static void open_out(client_out_t *out, const fixture_t *f, apr_uint64_t inode)
{
    REQUIRE(client_out_check(out, fixture_path(f, "out"), f->pool) == NULL);
    REQUIRE(client_out_open(out, inode, f->pool) == NULL);
}

static void close_out(client_out_t *out)
{
    REQUIRE(close(out->fd) == 0);
    out->fd = -1;
}

static apr_off_t size_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? info.st_size : -1;
}

static void test_whole(void)
{
    fixture_t *f = fixture_open_bare();
    static client_out_t out;

    fixture_write(fixture_path(f, "out"), "old", 3);
    open_out(&out, f, 0);
    CHECK_INT(client_out_write(&out, "12345", 5), 0);
    CHECK_INT(size_of(out.path), 3);
    CHECK_INT(client_out_finish(&out, f->pool), 0);
    CHECK_INT(size_of(out.path), 5);
    CHECK_INT(size_of(out.part), -1);
    CHECK_INT(out.fd, -1);
}

/** Only the very file of the earlier call is gone on with. */
static void test_going_on(void)
{
    fixture_t *f = fixture_open_bare();
    static client_out_t out;

    open_out(&out, f, 0);
    apr_uint64_t inode = out.inode;

    CHECK_INT(client_out_write(&out, "12345", 5), 0);
    close_out(&out);
    open_out(&out, f, inode);
    CHECK_INT(out.have, 5);
    CHECK_INT(client_out_write(&out, "67", 2), 0);
    CHECK_INT(size_of(out.part), 7);
    close_out(&out);
    open_out(&out, f, inode + 1);
    CHECK_INT(out.have, 0);
    CHECK_INT(size_of(out.part), 0);
    client_out_remove(out.path, inode + 1, f->pool);
    CHECK_INT(size_of(out.part), 0);
    client_out_remove(out.path, inode, f->pool);
    CHECK_INT(size_of(out.part), -1);
    close_out(&out);
}

/** A second one has to wait, also one that came when the first had just finished. */
static void test_lock(void)
{
    fixture_t *f = fixture_open_bare();
    static client_out_t out, other;

    open_out(&out, f, 0);
    other = out;
    other.fd = -1;
    const char *error = client_out_open(&other, 0, f->pool);
    REQUIRE(error != NULL);
    CHECK_HAS(error, "another bgupload");
    CHECK_INT(client_out_finish(&out, f->pool), 0);
    CHECK(client_out_open(&other, 0, f->pool) == NULL);
    close_out(&other);
}

/** Places where no reply goes. */
static void test_places(void)
{
    fixture_t *f = fixture_open_bare();
    const char *other = fixture_path(f, "other");
    static client_out_t out;

    CHECK(client_out_check(&out, "/dev/null", f->pool) != NULL);
    CHECK(client_out_check(&out, f->root, f->pool) != NULL);
    CHECK(client_out_check(&out, fixture_path(f, "none/out"), f->pool) != NULL);
    CHECK(client_out_check(&out, fixture_path(f, "none/"), f->pool) != NULL);
    CHECK(client_out_check(&out, "", f->pool) != NULL);
    REQUIRE(client_out_check(&out, fixture_path(f, "out"), f->pool) == NULL);
    fixture_write(other, "precious", 8);
    REQUIRE(symlink(other, out.part) == 0);
    CHECK(client_out_open(&out, 0, f->pool) != NULL);
    REQUIRE(unlink(out.part) == 0 && link(other, out.part) == 0);
    CHECK(client_out_open(&out, 0, f->pool) != NULL);
    CHECK_INT(size_of(other), 8);
    /* A link in the place of the reply is followed. */
    REQUIRE(symlink(other, out.path) == 0);
    CHECK(client_out_check(&out, out.path, f->pool) == NULL);
    CHECK_STR(out.path, other);
}

static const suite_test_t tests[] = {
    {"a whole reply takes its place", test_whole},
    {"going on with a part", test_going_on},
    {"the part is locked", test_lock},
    {"places", test_places},
};

void suite_client_out(void)
{
    SUITE_ADD("client_out", tests);
}
