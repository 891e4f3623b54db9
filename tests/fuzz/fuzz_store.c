/* SPDX-License-Identifier: Apache-2.0 */

/* A damaged database. Each line of the input changes one byte of a sound one: "which value", by its
 * number among those that are not zero; "= size" cuts the file. */

#include "harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "bgu_guid.h"
#include "bgu_store.h"

/** Sessions of the sound database, and room for it. */
enum { COUNT = 40, FILE_MAX = 64 * 1024 };

/** Rows asked for at once: fewer than there are. */
enum { BATCH = 7 };

static char sound[FILE_MAX];
static size_t size_sound;
static size_t used[FILE_MAX]; /* offsets of the bytes that are not zero */
static size_t used_count;

static const char *number_id(int number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%08X-0000-0000-0000-000000000000", (unsigned)number * 4);
}

static void make_session(bgu_store_t *store, int number, apr_pool_t *pool)
{
    bgu_session_t session = {
        .id = number_id(number, pool),
        .state = (bgu_state_e)(number % (BGU_STATE_CANCELLED + 1)),
        .user = "ann",
        .client = "127.0.0.1",
        .path = "/upload/a.bin",
        .query = "a=b",
        .dest = "/srv/upload/a.bin",
        .spool = "/var/lib/mod_bgupload/spool",
        .total = number % 2 ? BGU_TOTAL_UNKNOWN : 100 * number,
        .created = 1,
        .updated = 2,
        .timeout = 3,
    };

    HOLDS(bgu_store_sqlite.create(store, &session, NULL, 0) == APR_SUCCESS);
}

void fuzz_setup(apr_pool_t *pool)
{
    const char *path = fuzz_path("sound.db", pool);
    const char *error;
    apr_pool_t *open_pool;
    bgu_store_t *store;
    ssize_t got;
    int fd;

    HOLDS(apr_pool_create(&open_pool, pool) == APR_SUCCESS);
    HOLDS(bgu_store_sqlite.open(&store, path, 1, &error, open_pool) == APR_SUCCESS);
    for (int i = 0; i < COUNT; i++) {
        make_session(store, i, pool);
    }
    /* Closing moves the log into the file. */
    apr_pool_destroy(open_pool);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = read(fd, sound, sizeof(sound));
    HOLDS(got > 0 && got < (ssize_t)sizeof(sound) && close(fd) == 0);
    size_sound = (size_t)got;
    for (size_t i = 0; i < size_sound; i++) {
        if (sound[i] != '\0') {
            used[used_count++] = i;
        }
    }
}

/** Write the database with the damage that the input tells. */
static void write_damaged(const char *path, const char *data, size_t size, apr_pool_t *pool)
{
    char *bytes = apr_pmemdup(pool, sound, size_sound);
    size_t length = size_sound;

    while (size > 0) {
        char *rest = fuzz_word(&data, &size, pool);
        size_t which;

        if (*rest == '=') {
            length = strtoul(rest + 1, NULL, 10) % (size_sound + 1);
            continue;
        }
        which = strtoul(rest, &rest, 10);
        bytes[which < used_count ? used[which] : which % size_sound] = (char)strtol(rest, NULL, 10);
    }
    fuzz_write(path, bytes, length);
    (void)unlink(apr_pstrcat(pool, path, "-wal", NULL));
    (void)unlink(apr_pstrcat(pool, path, "-shm", NULL));
}

/** What everybody relies on who gets a session from a store. */
static void check_session(const bgu_session_t *session)
{
    char id[BGU_ID_LEN + 1];

    HOLDS(bgu_guid_parse(id, session->id, strlen(session->id)) && strcmp(id, session->id) == 0);
    HOLDS(session->state >= BGU_STATE_RECEIVING && session->state <= BGU_STATE_CANCELLED);
    HOLDS(session->user && session->client && session->path && session->query && session->dest &&
          session->spool && session->reply.url);
}

/** A walk over all sessions, as bgu_cleanup() does it, comes to its end. */
static void walk(bgu_store_t *store, apr_pool_t *pool)
{
    const char *after = "";
    apr_status_t rv = APR_SUCCESS;
    int found = 1;

    while (rv == APR_SUCCESS && found > 0) {
        apr_array_header_t *rows = apr_array_make(pool, BATCH, sizeof(bgu_session_t *));

        rv = bgu_store_sqlite.list(store, rows, after, BATCH, pool);
        found = rows->nelts;
        HOLDS(found <= BATCH);
        for (int i = 0; i < found; i++) {
            const bgu_session_t *session = APR_ARRAY_IDX(rows, i, bgu_session_t *);

            check_session(session);
            HOLDS(strcmp(session->id, after) > 0);
            after = session->id;
        }
    }
}

static void change(bgu_store_t *store, const char *id, apr_pool_t *pool)
{
    bgu_session_t *session;

    if (bgu_store_sqlite.find(store, &session, id, pool) == APR_SUCCESS) {
        check_session(session);
        (void)bgu_store_sqlite.update(store, session, session->state, 0);
        (void)bgu_store_sqlite.remove(store, session->id, session->state);
    }
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *path = fuzz_path("damaged.db", pool);
    const char *error, *fault;
    bgu_store_t *store;

    write_damaged(path, data, size, pool);
    if (bgu_store_sqlite.open(&store, path, 0, &error, pool) != APR_SUCCESS) {
        HOLDS(error != NULL && fuzz_is_plain(error));
        return;
    }
    if (bgu_store_sqlite.check(store, &fault, pool) == APR_SUCCESS && fault != NULL) {
        HOLDS(*fault != '\0');
    }
    walk(store, pool);
    change(store, number_id(COUNT / 2, pool), pool);
    change(store, number_id(1, pool), pool);
}
