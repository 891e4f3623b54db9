/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mod_bgupload/bgu_spool.h"
#include "fixture.h"
#include "suites.h"

#define ID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

/** Open the spool file of ID, making it if it is not there. */
static bgu_spool_t *open_spool(const fixture_t *f)
{
    bgu_spool_t *spool = NULL;
    int created = 0;

    REQUIRE(bgu_spool_open(&spool, f->spool, ID, &created, f->pool) == APR_SUCCESS);
    return spool;
}

/** Append one piece. */
static apr_status_t append(bgu_spool_t *spool, apr_off_t *size, apr_off_t position, apr_off_t total,
                           const char *data, size_t length)
{
    char *copy = malloc(length + 1); /* as large as it must be, so that reading beyond is seen */
    struct iovec vec;
    apr_status_t rv;

    memcpy(copy, data, length);
    vec.iov_base = copy;
    vec.iov_len = length;
    rv = bgu_spool_append(spool, size, position, total,
                          &(bgu_piece_t){&vec, 1, -1, (apr_off_t)length});
    free(copy);
    return rv;
}

static void test_open(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = NULL;
    apr_off_t size = -1;
    int created = -1;

    CHECK(APR_STATUS_IS_ENOENT(bgu_spool_open(&spool, f->spool, ID, NULL, f->pool)));
    CHECK_INT(fixture_count(f->spool), 0);
    CHECK_INT(bgu_spool_open(&spool, f->spool, ID, &created, f->pool), APR_SUCCESS);
    CHECK_INT(created, 1);
    CHECK_INT(bgu_spool_size(&size, spool), APR_SUCCESS);
    CHECK_INT(size, 0);
    CHECK_STR(bgu_spool_path(f->spool, ID, f->pool), fixture_spool_path(f, ID));
    CHECK(fixture_exists(fixture_spool_path(f, ID)));
    CHECK_INT(bgu_spool_open(&spool, f->spool, ID, &created, f->pool), APR_SUCCESS);
    CHECK_INT(created, 0);
    CHECK_INT(bgu_spool_open(&spool, f->spool, ID, NULL, f->pool), APR_SUCCESS);
    CHECK(APR_STATUS_IS_ENOENT(
        bgu_spool_open(&spool, fixture_path(f, "missing"), ID, &created, f->pool)));
}

/** Nobody but the server reads what is on its way. */
static void test_private(void)
{
    fixture_t *f = fixture_open_bare();
    struct stat info;

    open_spool(f);
    REQUIRE(stat(fixture_spool_path(f, ID), &info) == 0);
    CHECK_INT(info.st_mode & 077, 0);
}

/** One append after others of the same file of ten bytes, "0123456789". */
struct append_case {
    const char *name;
    long long before; /**< bytes that are there */
    long long position;
    const char *data;
    apr_status_t status;
    const char *after; /**< what the file holds then */
};

static const struct append_case append_cases[] = {
    {"first", 0, 0, "01234", APR_SUCCESS, "01234"},
    {"all", 0, 0, "0123456789", APR_SUCCESS, "0123456789"},
    {"next", 5, 5, "567", APR_SUCCESS, "01234567"},
    {"last", 5, 5, "56789", APR_SUCCESS, "0123456789"},
    {"nothing", 5, 5, "", APR_SUCCESS, "01234"},
    {"overlap", 5, 3, "xx567", APR_SUCCESS, "01234567"},
    {"overlap from the start", 5, 0, "xxxxx56789", APR_SUCCESS, "0123456789"},
    {"duplicate", 5, 1, "xx", APR_SUCCESS, "01234"},
    {"duplicate up to the end", 5, 0, "xxxxx", APR_SUCCESS, "01234"},
    {"duplicate of the whole", 10, 0, "xxxxxxxxxx", APR_SUCCESS, "0123456789"},
    {"gap", 5, 6, "678", APR_EINVAL, "01234"},
    {"gap at the start", 0, 1, "123", APR_EINVAL, ""},
    {"gap of nothing", 5, 6, "", APR_EINVAL, "01234"},
    {"one byte beyond the total", 9, 9, "9x", APR_EINVAL, NULL},
    {"all beyond the total", 10, 10, "x", APR_EINVAL, "0123456789"},
    {"overlap that reaches beyond", 10, 5, "xxxxxx", APR_EINVAL, "0123456789"},
};

static void test_append(void)
{
    fixture_t *f = fixture_open_bare();
    size_t i;

    for (i = 0; i < sizeof(append_cases) / sizeof(append_cases[0]); i++) {
        const struct append_case *c = &append_cases[i];
        bgu_spool_t *spool = open_spool(f);
        apr_off_t size = -1;

        CASE_INT(c->name, append(spool, &size, 0, 10, "0123456789", (size_t)c->before),
                 APR_SUCCESS);
        CASE_INT(c->name, size, c->before);
        size = -1;
        CASE_INT(c->name, append(spool, &size, c->position, 10, c->data, strlen(c->data)),
                 c->status);
        CASE_INT(c->name, size, fixture_size(fixture_spool_path(f, ID)));
        CASE(c->name, size <= 10);
        CASE(c->name, c->after == NULL ||
                          fixture_holds(fixture_spool_path(f, ID), c->after, strlen(c->after)));
        CASE_INT(c->name, bgu_spool_remove(f->spool, ID, f->pool), APR_SUCCESS);
    }
}

/** Pieces of any size and number, with the skipped part ending inside of one. */
static void test_pieces(void)
{
    static const size_t sizes[] = {0, 1, 7, 0, 100, 3, 0, 4096, 0};
    fixture_t *f = fixture_open_bare();
    size_t total = 0;
    size_t skip;
    size_t i;
    char *data;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        total += sizes[i];
    }
    data = fixture_bytes(f, total);
    for (skip = 0; skip <= 112; skip++) {
        struct iovec vec[sizeof(sizes) / sizeof(sizes[0])];
        bgu_spool_t *spool = open_spool(f);
        apr_off_t size = -1;
        char *from = data;

        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            vec[i].iov_base = from;
            vec[i].iov_len = sizes[i];
            from += sizes[i];
        }
        REQUIRE(append(spool, &size, 0, (apr_off_t)total, data, skip) == APR_SUCCESS);
        bgu_piece_t piece = {vec, sizeof(sizes) / sizeof(sizes[0]), -1, (apr_off_t)total};
        CHECK_INT(bgu_spool_append(spool, &size, 0, (apr_off_t)total, &piece), APR_SUCCESS);
        CHECK_INT(size, total);
        CHECK(fixture_holds(fixture_spool_path(f, ID), data, total));
        REQUIRE(bgu_spool_remove(f->spool, ID, f->pool) == APR_SUCCESS);
    }
}

/** More pieces than the system takes at once. */
static void test_many_pieces(void)
{
    enum { COUNT = 5000 };
    fixture_t *f = fixture_open_bare();
    char *data = fixture_bytes(f, COUNT);
    struct iovec *vec = apr_pcalloc(f->pool, COUNT * sizeof(*vec));
    apr_off_t size = -1;
    int i;

    for (i = 0; i < COUNT; i++) {
        vec[i].iov_base = data + i;
        vec[i].iov_len = 1;
    }
    CHECK_INT(
        bgu_spool_append(open_spool(f), &size, 0, COUNT, &(bgu_piece_t){vec, COUNT, -1, COUNT}),
        APR_SUCCESS);
    CHECK_INT(size, COUNT);
    CHECK(fixture_holds(fixture_spool_path(f, ID), data, COUNT));
}

static void test_two_openers(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *old = open_spool(f);
    bgu_spool_t *new = open_spool(f);
    apr_off_t size = -1;

    CHECK_INT(append(old, &size, 0, 10, "012", 3), APR_SUCCESS);
    CHECK_INT(append(new, &size, 3, 10, "3456", 4), APR_SUCCESS);
    CHECK_INT(size, 7);
    CHECK_INT(append(old, &size, 3, 10, "xx", 2), APR_SUCCESS);
    CHECK_INT(size, 7);
    CHECK_INT(append(old, &size, 5, 10, "xx789", 5), APR_SUCCESS);
    CHECK_INT(size, 10);
    CHECK_INT(append(new, &size, 7, 10, "xxx", 3), APR_SUCCESS);
    CHECK_INT(bgu_spool_size(&size, new), APR_SUCCESS);
    CHECK_INT(size, 10);
    CHECK(fixture_holds(fixture_spool_path(f, ID), "0123456789", 10));
}

static void test_removed(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);
    apr_off_t size = -1;

    REQUIRE(append(spool, &size, 0, 10, "012", 3) == APR_SUCCESS);
    CHECK_INT(bgu_spool_remove(f->spool, ID, f->pool), APR_SUCCESS);
    CHECK(!fixture_exists(fixture_spool_path(f, ID)));
    CHECK(APR_STATUS_IS_ENOENT(append(spool, &size, 3, 10, "345", 3)));
    CHECK(APR_STATUS_IS_ENOENT(bgu_spool_size(&size, spool)));
    CHECK_INT(bgu_spool_remove(f->spool, ID, f->pool), APR_SUCCESS);
    CHECK_INT(bgu_spool_remove(fixture_path(f, "missing"), ID, f->pool), APR_SUCCESS);

    /* one that is made anew is another file */
    open_spool(f);
    CHECK(APR_STATUS_IS_ENOENT(append(spool, &size, 3, 10, "345", 3)));
    CHECK_INT(fixture_size(fixture_spool_path(f, ID)), 0);
}

/** A disk that is full half-way: what fitted stays, and the size says so. */
static void test_full(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = open_spool(f);
    char *data = fixture_bytes(f, 300000);
    apr_off_t size = -1;
    apr_status_t rv;

    fixture_limit_files(100000);
    rv = append(spool, &size, 0, 300000, data, 300000);
    fixture_limit_files(-1);
    CHECK_INT(rv, EFBIG);
    CHECK_INT(size, 100000);
    CHECK(fixture_holds(fixture_spool_path(f, ID), data, 100000));
    CHECK_INT(append(spool, &size, 0, 300000, data, 300000), APR_SUCCESS);
    CHECK_INT(size, 300000);
    CHECK(fixture_holds(fixture_spool_path(f, ID), data, 300000));
}

static void test_times(void)
{
    fixture_t *f = fixture_open_bare();
    apr_time_t now = apr_time_now();
    bgu_spool_t *spool;
    apr_off_t size;

    CHECK_INT(bgu_spool_mtime(f->spool, ID, f->pool), 0);
    spool = open_spool(f);
    fixture_age_spool(f, ID, 1000);
    CHECK(bgu_spool_mtime(f->spool, ID, f->pool) < now - apr_time_from_sec(990));
    CHECK_INT(bgu_spool_touch(f->spool, ID, f->pool), APR_SUCCESS);
    CHECK(bgu_spool_mtime(f->spool, ID, f->pool) > now - apr_time_from_sec(10));
    CHECK(bgu_spool_mtime(f->spool, ID, f->pool) < now + apr_time_from_sec(100));
    fixture_age_spool(f, ID, 1000);
    REQUIRE(append(spool, &size, 0, 10, "012", 3) == APR_SUCCESS);
    CHECK(bgu_spool_mtime(f->spool, ID, f->pool) > now - apr_time_from_sec(10));
}

static void test_sync(void)
{
    fixture_t *f = fixture_open_bare();

    CHECK_INT(bgu_spool_sync_folder(f->spool), APR_SUCCESS);
    CHECK(bgu_spool_sync_folder(fixture_path(f, "missing")) != APR_SUCCESS);
}

/** What the threads and processes below share. */
struct crowd {
    fixture_t *f;
    const char *data;
    apr_off_t total;
    atomic_int failures;
};

/** Append all of the upload in pieces of a size of its own, from wherever the file ends. */
static void append_all(void *baton, int number)
{
    struct crowd *crowd = baton;
    size_t piece = 1000 + 777 * (size_t)number;
    bgu_spool_t *spool = NULL;
    apr_pool_t *pool;
    apr_off_t size = 0;
    int created;

    apr_pool_create(&pool, NULL);
    if (bgu_spool_open(&spool, crowd->f->spool, ID, &created, pool) != APR_SUCCESS) {
        atomic_fetch_add(&crowd->failures, 1);
    }
    while (spool != NULL && size < crowd->total) {
        apr_off_t position = size > number ? size - number : size; /* overlap a little */
        size_t rest = (size_t)(crowd->total - position);
        apr_status_t rv = append(spool, &size, position, crowd->total, crowd->data + position,
                                 rest < piece ? rest : piece);

        if (rv != APR_SUCCESS) {
            atomic_fetch_add(&crowd->failures, 1);
            break;
        }
    }
    apr_pool_destroy(pool);
}

static void test_threads(void)
{
    fixture_t *f = fixture_open_bare();
    struct crowd crowd = {.f = f, .total = 4000000};

    crowd.data = fixture_bytes(f, (size_t)crowd.total);
    fixture_threads(8, append_all, &crowd);
    CHECK_INT(crowd.failures, 0);
    CHECK(fixture_holds(fixture_spool_path(f, ID), crowd.data, (size_t)crowd.total));
}

static void test_processes(void)
{
    fixture_t *f = fixture_open_bare();
    struct crowd crowd = {.f = f, .total = 4000000};
    pid_t pids[4];
    int i;

    crowd.data = fixture_bytes(f, (size_t)crowd.total);
    for (i = 0; i < 4; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            append_all(&crowd, i);
            _exit(crowd.failures == 0 ? 0 : 1);
        }
    }
    for (i = 0; i < 4; i++) {
        CHECK_INT(fixture_wait(pids[i]), 0);
    }
    CHECK(fixture_holds(fixture_spool_path(f, ID), crowd.data, (size_t)crowd.total));
}

/** A holder of the lock, and a writer that has to wait for it. */
struct waiting {
    fixture_t *f;
    atomic_int stage; /**< 1: locked; 2: the writer is about to write */
    atomic_int failures;
    apr_off_t size_meanwhile;
};

static int stage_two(void *baton)
{
    return ((struct waiting *)baton)->stage == 2;
}

static int stage_one(void *baton)
{
    return ((struct waiting *)baton)->stage >= 1;
}

static int file_has_grown(void *baton)
{
    return fixture_size(fixture_spool_path(((struct waiting *)baton)->f, ID)) > 0;
}

static void hold_or_write(void *baton, int number)
{
    struct waiting *w = baton;
    bgu_spool_t *spool = NULL;
    apr_off_t size = 0;
    apr_pool_t *pool;
    int created;
    int bad;

    apr_pool_create(&pool, NULL);
    bad = bgu_spool_open(&spool, w->f->spool, ID, &created, pool) != APR_SUCCESS;
    if (number == 0) {
        bad = bad || bgu_spool_lock(spool) != APR_SUCCESS;
        w->stage = 1;
        bad = bad || !check_wait(stage_two, w, 20);
        check_wait(file_has_grown, w, 0); /* it must not; give it the time to do so */
        bad = bad || bgu_spool_size(&w->size_meanwhile, spool) != APR_SUCCESS;
        bgu_spool_unlock(spool);
    } else {
        bad = bad || !check_wait(stage_one, w, 20);
        w->stage = 2;
        bad = bad || append(spool, &size, 0, 10, "0123456789", 10) != APR_SUCCESS;
    }
    atomic_fetch_add(&w->failures, bad);
    apr_pool_destroy(pool);
}

static void test_lock(void)
{
    fixture_t *f = fixture_open_bare();
    struct waiting waiting = {.f = f, .size_meanwhile = -1};

    fixture_threads(2, hold_or_write, &waiting);
    CHECK_INT(waiting.failures, 0);
    CHECK_INT(waiting.size_meanwhile, 0);
    CHECK(fixture_holds(fixture_spool_path(f, ID), "0123456789", 10));
}

#define VANISH_ROUNDS 4000

/** Open the file, and remove it again, as the late requests of an ended session do. */
static void open_and_remove(void *baton, int number)
{
    struct waiting *w = baton;

    (void)number;
    for (int i = 0; i < VANISH_ROUNDS; i++) {
        bgu_spool_t *spool;
        apr_pool_t *pool;
        int created;

        apr_pool_create(&pool, NULL);
        atomic_fetch_add(&w->failures,
                         bgu_spool_open(&spool, w->f->spool, ID, &created, pool) != APR_SUCCESS ||
                             bgu_spool_remove(w->f->spool, ID, pool) != APR_SUCCESS);
        apr_pool_destroy(pool);
    }
}

/** Whoever is to make the file gets one, also where others make and remove it meanwhile. */
static void test_vanishing(void)
{
    fixture_t *f = fixture_open_bare();
    struct waiting waiting = {.f = f};

    fixture_threads(4, open_and_remove, &waiting);
    CHECK_INT(waiting.failures, 0);
}

/** A lock is dropped with the file that holds it. */
static void test_lock_dropped(void)
{
    fixture_t *f = fixture_open_bare();
    bgu_spool_t *spool = NULL;
    apr_off_t size = 0;
    apr_pool_t *pool;
    int created;

    apr_pool_create(&pool, f->pool);
    REQUIRE(bgu_spool_open(&spool, f->spool, ID, &created, pool) == APR_SUCCESS);
    REQUIRE(bgu_spool_lock(spool) == APR_SUCCESS);
    apr_pool_destroy(pool);
    CHECK_INT(append(open_spool(f), &size, 0, 3, "012", 3), APR_SUCCESS);
}

static const suite_test_t tests[] = {
    {"open and make", test_open},
    {"the file is private", test_private},
    {"append, overlap, duplicate, gap", test_append},
    {"pieces of all sizes", test_pieces},
    {"5000 pieces", test_many_pieces},
    {"two openers", test_two_openers},
    {"a removed file", test_removed},
    {"a file that is made and removed meanwhile", test_vanishing},
    {"a full disk", test_full},
    {"modification time", test_times},
    {"sync", test_sync},
    {"threads append the same upload", test_threads},
    {"processes append the same upload", test_processes},
    {"a lock keeps writers out", test_lock},
    {"a lock goes with its file", test_lock_dropped},
};

void suite_spool(void)
{
    SUITE_ADD("spool", tests);
}
