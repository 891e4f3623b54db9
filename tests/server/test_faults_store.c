/* SPDX-License-Identifier: Apache-2.0 */

/* The session database in trouble while the server runs: locked, removed, replaced, damaged,
 * read-only. */

#include "suites.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin.h"
#include "files.h"
#include "patient.h"

static const char file[] = "1234567890";
enum { LENGTH = 10 };

/** Another program that keeps the database locked for writing. */
static sqlite3 *lock_store(const httpd_env_t *env)
{
    sqlite3 *db = NULL;

    REQUIRE(sqlite3_open(env->store, &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    return db;
}

static void send_create(wire_t *wire, const char *path)
{
    wire_send(wire,
              "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: Create-Session\r\n"
              "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\nContent-Length: 0\r\n\r\n",
              path);
}

/** Who wants to write waits for a while, others go on. */
static void test_locked(void)
{
    upload_t up = upload_begin(NULL, "/upload/a.bin");
    wire_t *creating = wire_connect(up.env);
    const wire_answer_t *answer;
    sqlite3 *db;

    httpd_env_expect(up.env, "end that program");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 3, LENGTH), 200, 3);
    db = lock_store(up.env);
    send_create(creating, "/upload/b.bin");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 3, 3, LENGTH), 200, 6);
    CHECK_ANSWER(wire_packet(up.wire, up.path, "Ping", NULL, NULL, NULL, 0), 200, NULL);
    answer = wire_read(creating);
    CHECK_ANSWER(answer, 503, "0x80070020");
    CHECK_STR(wire_header(answer, "Retry-After"), "5");
    /* One that comes to its end waits, but not in vain. */
    up.wire = wire_connect(up.env);
    wire_fragment_head(up.wire, up.path, up.id, 6, 4, LENGTH);
    wire_send_bytes(up.wire, file + 6, 4);
    sqlite3_close(db);
    CHECK_NEXT(wire_read(up.wire), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

static const char *with_ending(const httpd_env_t *env, const char *ending)
{
    return apr_pstrcat(env->pool, env->store, ending, NULL);
}

/** A database that is moved away is missed at once; when it is back, nothing is lost. */
static void test_moved_away(void)
{
    upload_t up = upload_begin(NULL, "/upload/a.bin");
    const char *away = with_ending(up.env, ".away");
    long mark;

    httpd_env_expect(up.env, "I/O error");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 3, LENGTH), 200, 3);
    mark = httpd_env_log_mark(up.env);
    REQUIRE(rename(up.env->store, away) == 0);
    CHECK_ANSWER(wire_fragment(wire_connect(up.env), up.path, up.id, file, 3, 3, LENGTH), 500,
                 "0x8007045D");
    CHECK_HAS(httpd_env_log(up.env, mark), "put the file back, or restart the server");
    CHECK_ANSWER(wire_packet(wire_connect(up.env), up.path, "Create-Session", NULL,
                             "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0),
                 500, "0x8007045D");
    REQUIRE(rename(away, up.env->store) == 0);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 3, 7, LENGTH), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

static void remove_store(const httpd_env_t *env)
{
    unlink(env->store);
    unlink(with_ending(env, "-wal"));
    unlink(with_ending(env, "-shm"));
}

/** One that is removed for good is made anew by a restart, and clients start over. */
static void test_removed(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    patient_t *patient = patient_make(env, "/upload/a.bin", file, LENGTH, 6);

    httpd_env_expect(env, "I/O error");
    httpd_env_expect_spool(env, 1); /* of the session that nobody knows any more */
    patient->keep = PATIENT_KEEP_CLOSED;
    while (patient->state.next == 0) {
        patient_step(patient);
    }
    remove_store(env);
    CHECK_ANSWER(patient_step(patient), 500, "0x8007045D");
    wire_disconnect(patient->up.wire);
    httpd_env_stop(env);
    httpd_env_resume(env);
    patient->up.wire = wire_connect(env);
    patient_go_on(patient);
    upload_check_file(&patient->up, file, LENGTH);
}

/** A copy that takes the place of the database is used, with the sessions that it has. */
static void test_replaced(void)
{
    upload_t up = upload_begin(NULL, "/upload/a.bin");
    const char *copy = with_ending(up.env, ".copy");
    sqlite3 *db = NULL;
    upload_t later;
    bytes_t bytes;

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, 3, LENGTH), 200, 3);
    REQUIRE(sqlite3_open(up.env->store, &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, apr_psprintf(up.env->pool, "VACUUM INTO '%s'", copy), NULL, NULL,
                         NULL) == SQLITE_OK);
    sqlite3_close(db);
    bytes = files_read(copy);
    later = upload_another(up.env, "/upload/b.bin");
    remove_store(up.env);
    files_write(up.env->store, bytes.data, bytes.length);
    unlink(copy);
    CHECK_ANSWER(wire_fragment(later.wire, later.path, later.id, file, 0, 3, LENGTH), 500,
                 "0x8020001F");
    up.wire = wire_connect(up.env);
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 3, 7, LENGTH), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

/** Something else takes its place. */
static void test_replaced_by_rubbish(void)
{
    upload_t up = upload_begin(NULL, "/upload/a.bin");
    static const char *const rubbish[] = {"", "this is no database at all, but long enough for "
                                              "the header that one begins with, which has 100 "
                                              "bytes"};
    size_t i;

    httpd_env_expect(up.env, "I/O error");
    for (i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
        long mark = httpd_env_log_mark(up.env);

        remove_store(up.env);
        files_write(up.env->store, rubbish[i], strlen(rubbish[i]));
        CHECK_ANSWER(wire_fragment(wire_connect(up.env), up.path, up.id, file, 0, 3, LENGTH), 500,
                     "0x8007045D");
        CHECK_HAS(httpd_env_log(up.env, mark), "restore it, or move it away");
    }
    remove_store(up.env);
}

/** Fill all pages of the database but the first with rubbish. */
static void damage(const httpd_env_t *env)
{
    long long size = files_size(env->store);
    const char *noise = files_noise((size_t)size, 90, env->pool);
    int fd = open(env->store, O_WRONLY | O_CLOEXEC);

    REQUIRE(fd >= 0 && size > 4096);
    REQUIRE(pwrite(fd, noise, (size_t)size - 4096, 4096) == size - 4096);
    close(fd);
}

static void test_damaged(void)
{
    upload_t up = upload_begin(NULL, "/upload/a.bin");
    const char *output;
    long mark;

    httpd_env_expect(up.env, "I/O error");
    httpd_env_expect(up.env, "damaged");
    wire_disconnect(up.wire);
    /* All is in the database itself then. */
    httpd_env_stop(up.env);
    httpd_env_resume(up.env);
    mark = httpd_env_log_mark(up.env);
    damage(up.env);
    CHECK_ANSWER(wire_fragment(wire_connect(up.env), up.path, up.id, file, 0, 3, LENGTH), 500,
                 "0x8007045D");
    CHECK_HAS(httpd_env_log(up.env, mark), "restore it, or move it away");
    CHECK_INT(admin(up.env, "check", &output), 1);
    /* What the log says is done. */
    httpd_env_kill(up.env);
    remove_store(up.env);
    httpd_env_resume(up.env);
    up = upload_another(up.env, "/upload/a.bin");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, LENGTH, LENGTH), 200, LENGTH);
    upload_finish(&up, file, LENGTH);
}

/** Send the whole file on a new connection. Returns the status. */
static int send_all(upload_t *up)
{
    wire_disconnect(up->wire);
    up->wire = wire_connect(up->env);
    return wire_fragment(up->wire, up->path, up->id, file, 0, LENGTH, LENGTH)->status;
}

/** For check_wait(): whether that is refused, for a time. */
static int is_refused(void *baton)
{
    return send_all(baton) == 500;
}

/** For check_wait(): whether it is taken. */
static int is_taken(void *baton)
{
    return send_all(baton) == 200;
}

/** Processes that start while the database is read-only take it up when it is not any more. */
static void test_read_only(void)
{
    upload_t up = upload_begin(NULL, "/upload/a.bin");
    pid_t pids[16];
    int count, i;

    httpd_env_expect(up.env, "must be writable by the server's user");
    httpd_env_expect(up.env, "exit signal Killed");
    REQUIRE(chmod(up.env->store, 0444) == 0);
    count = httpd_env_children(up.env, pids, 16);
    for (i = 0; i < count; i++) {
        kill(pids[i], SIGKILL);
    }
    REQUIRE(check_wait(is_refused, &up, HTTPD_ENV_DEADLINE));
    REQUIRE(chmod(up.env->store, 0644) == 0);
    REQUIRE(check_wait(is_taken, &up, HTTPD_ENV_DEADLINE));
    upload_finish(&up, file, LENGTH);
}

void suite_faults_store(void)
{
    static const suite_test_t tests[] = {
        {"locked by another program", test_locked},
        {"moved away and back", test_moved_away},
        {"removed", test_removed},
        {"replaced by a copy", test_replaced},
        {"replaced by something else", test_replaced_by_rubbish},
        {"damaged", test_damaged},
        {"read-only", test_read_only},
    };

    SUITE_ADD("faults_store", tests);
}
