/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that come in a pipe. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_spool.h"
#include "fixture.h"
#include "suites.h"

#define ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

enum { PIPE_SIZE = 1024 * 1024, PIECE = 200000, TOTAL = 3 * PIECE };

/** A pipe, and the spool file that it is emptied into. */
typedef struct plumbing_t {
    fixture_t *f;
    const char *data; /**< of the whole upload */
    bgu_spool_t *spool;
    apr_off_t size; /**< as the last call told it */
    int pipe[2];
} plumbing_t;

static plumbing_t open_plumbing(void)
{
    plumbing_t p = {.f = fixture_open_bare(), .size = -1};
    int created;

    p.data = fixture_bytes(p.f, TOTAL);
    REQUIRE(bgu_spool_open(&p.spool, p.f->spool, ID, &created, p.f->pool) == APR_SUCCESS);
    REQUIRE(pipe2(p.pipe, O_CLOEXEC | O_NONBLOCK) == 0);
    REQUIRE(fcntl(p.pipe[1], F_SETPIPE_SZ, PIPE_SIZE) >= 0);
    return p;
}

static void close_plumbing(const plumbing_t *p)
{
    close(p->pipe[0]);
    close(p->pipe[1]);
}

/** Append the bytes [first, end), which are put into the pipe before. */
static apr_status_t append(plumbing_t *p, apr_off_t first, apr_off_t end)
{
    bgu_piece_t piece = {NULL, 0, p->pipe[0], end - first};

    REQUIRE(write(p->pipe[1], p->data + first, (size_t)(end - first)) == end - first);
    return bgu_spool_append(p->spool, &p->size, first, TOTAL, &piece);
}

/** Bytes left in the pipe. */
static long left(const plumbing_t *p)
{
    static char bytes[PIPE_SIZE];
    ssize_t got = read(p->pipe[0], bytes, sizeof(bytes));

    return got < 0 && errno == EAGAIN ? 0 : (long)got;
}

static int holds(const plumbing_t *p, size_t length)
{
    return fixture_holds(fixture_spool_path(p->f, ID), p->data, length);
}

static void test_append(void)
{
    plumbing_t p = open_plumbing();

    CHECK_INT(append(&p, 0, PIECE), APR_SUCCESS);
    CHECK_INT(p.size, PIECE);
    CHECK_INT(append(&p, PIECE, TOTAL), APR_SUCCESS);
    CHECK_INT(p.size, TOTAL);
    CHECK_INT(left(&p), 0);
    CHECK(holds(&p, TOTAL));
    close_plumbing(&p);
}

/** What is there already is taken out of the pipe and not written. */
static void test_overlap(void)
{
    plumbing_t p = open_plumbing();

    REQUIRE(append(&p, 0, PIECE) == APR_SUCCESS);
    CHECK_INT(append(&p, 1000, PIECE), APR_SUCCESS);
    CHECK_INT(p.size, PIECE);
    CHECK_INT(left(&p), 0);
    CHECK_INT(append(&p, PIECE - 70001, 2 * PIECE), APR_SUCCESS);
    CHECK_INT(p.size, 2 * PIECE);
    CHECK_INT(left(&p), 0);
    CHECK(holds(&p, 2 * PIECE));
    close_plumbing(&p);
}

/** A gap, bytes beyond the end, a file with another name, a removed one: nothing is written. */
static void test_refused(void)
{
    plumbing_t p = open_plumbing();
    const char *path = fixture_spool_path(p.f, ID);

    CHECK_INT(append(&p, 1, PIECE), APR_EINVAL);
    CHECK_INT(left(&p), PIECE - 1);
    CHECK_INT(p.size, 0);
    REQUIRE(append(&p, 0, PIECE) == APR_SUCCESS);
    REQUIRE(link(path, fixture_path(p.f, "other")) == 0);
    CHECK_INT(append(&p, PIECE, PIECE + 1), EMLINK);
    CHECK_INT(left(&p), 1);
    REQUIRE(unlink(path) == 0 && unlink(fixture_path(p.f, "other")) == 0);
    CHECK_INT(append(&p, PIECE, PIECE + 1), APR_ENOENT);
    close_plumbing(&p);
}

/** A pipe with less than was promised is no end of the upload. */
static void test_too_little(void)
{
    plumbing_t p = open_plumbing();
    bgu_piece_t piece = {NULL, 0, p.pipe[0], PIECE};

    REQUIRE(write(p.pipe[1], p.data, 10) == 10);
    CHECK_INT(bgu_spool_append(p.spool, &p.size, 0, TOTAL, &piece), EAGAIN);
    CHECK_INT(p.size, 10);
    CHECK(holds(&p, 10));
    close_plumbing(&p);
}

/** The size is told also where only a part could be written. */
static void test_full(void)
{
    plumbing_t p = open_plumbing();

    fixture_limit_files(100000);
    apr_status_t rv = append(&p, 0, PIECE);
    fixture_limit_files(-1);
    CHECK_INT(rv, EFBIG);
    CHECK_INT(p.size, 100000);
    CHECK(holds(&p, 100000));
    close_plumbing(&p);
}

/** Not all files can be spliced to; here it is one that is open for appending. */
static void test_copied(void)
{
    plumbing_t p = open_plumbing();

    REQUIRE(fcntl(bgu_spool_fd(p.spool), F_SETFL, O_APPEND) == 0);
    CHECK_INT(append(&p, 0, PIECE), APR_SUCCESS);
    CHECK_INT(append(&p, PIECE - 1000, TOTAL), APR_SUCCESS);
    CHECK_INT(left(&p), 0);
    CHECK(holds(&p, TOTAL));
    close_plumbing(&p);
}

static const suite_test_t tests[] = {
    {"append", test_append},           {"overlap", test_overlap},
    {"gap, end, names", test_refused}, {"less than promised", test_too_little},
    {"a full disk", test_full},        {"a file that cannot be spliced to", test_copied},
};

void suite_spool_pipe(void)
{
    SUITE_ADD("spool_pipe", tests);
}
