/* SPDX-License-Identifier: Apache-2.0 */

/* Changes that many threads make at once: each has its own result. */

#include <stdatomic.h>

#include "../../mod_bgupload/bgu_store.h"
#include "fixture.h"
#include "suites.h"

enum { THREADS = 8, ROUNDS = 100 };

/** What the threads share: the sessions they create, and how that ended. */
typedef struct crowd_t {
    const fixture_t *f;
    const bgu_session_t *own[THREADS][ROUNDS]; /**< of one thread */
    const bgu_session_t *common[ROUNDS];       /**< of all */
    atomic_int created, refused, failed;
} crowd_t;

static crowd_t *make_crowd(void)
{
    fixture_t *f = fixture_open();
    crowd_t *crowd = apr_pcalloc(f->pool, sizeof(*crowd));

    crowd->f = f;
    for (int round = 0; round < ROUNDS; round++) {
        crowd->common[round] = fixture_session(f);
        for (int i = 0; i < THREADS; i++) {
            crowd->own[i][round] = fixture_session(f);
        }
    }
    return crowd;
}

static void create(crowd_t *crowd, const bgu_session_t *session, int durable)
{
    apr_status_t rv = bgu_store_sqlite.create(crowd->f->sessions.store, session, NULL, durable);

    if (rv == APR_SUCCESS) {
        atomic_fetch_add(&crowd->created, 1);
    } else if (rv == APR_EEXIST) {
        atomic_fetch_add(&crowd->refused, 1);
    } else {
        atomic_fetch_add(&crowd->failed, 1);
    }
}

/** Every other one wants it on the disk. */
static void create_all(void *baton, int number)
{
    crowd_t *crowd = baton;

    for (int round = 0; round < ROUNDS; round++) {
        create(crowd, crowd->common[round], number % 2);
        create(crowd, crowd->own[number][round], number % 2);
    }
}

static void create_own(void *baton, int number)
{
    crowd_t *crowd = baton;

    for (int round = 0; round < ROUNDS; round++) {
        create(crowd, crowd->own[number][round], 0);
    }
}

static int count_rows(const crowd_t *crowd)
{
    int count = 0;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++) {
            count += fixture_find(crowd->f, crowd->own[i][round]->id) != NULL;
        }
    }
    return count;
}

/** One that is there already does not take the others with it. */
static void test_own_results(void)
{
    crowd_t *crowd = make_crowd();

    fixture_threads(THREADS, create_all, crowd);
    CHECK_INT(atomic_load(&crowd->created), (THREADS + 1) * ROUNDS);
    CHECK_INT(atomic_load(&crowd->refused), (THREADS - 1) * ROUNDS);
    CHECK_INT(atomic_load(&crowd->failed), 0);
    CHECK_INT(count_rows(crowd), THREADS * ROUNDS);
}

/** Where the disk fails, what was said to be there is there, and the next change works. */
static void test_disk_full(void)
{
    crowd_t *crowd = make_crowd();

    fixture_limit_files(fixture_size(crowd->f->database) + 64 * 1024);
    fixture_threads(THREADS, create_own, crowd);
    fixture_limit_files(-1);
    CHECK(atomic_load(&crowd->created) > 0);
    CHECK(atomic_load(&crowd->failed) > 0);
    CHECK_INT(count_rows(crowd), atomic_load(&crowd->created));
    create(crowd, crowd->common[0], 1);
    CHECK(fixture_find(crowd->f, crowd->common[0]->id) != NULL);
}

void suite_sqlite_group(void)
{
    static const suite_test_t tests[] = {
        {"each has its own result", test_own_results},
        {"a full disk", test_disk_full},
    };

    SUITE_ADD("sqlite_group", tests);
}
