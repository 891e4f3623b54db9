/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that the kernel moves through a pipe: when the file takes no more of them, when they break
 * off, and when filters want to see them. */

#include "suites.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "fault.h"
#include "files.h"
#include "overload.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";

enum { MIB = 1024 * 1024 };

/** Each write of a large body fails once: what is there is told, and the rest is sent. (A filter
 * that only counts bytes is not in the way of the pipe.) */
static void failing_writes(void)
{
    const httpd_env_options_t options = {
        .faults = 1, .modules = "reqtimeout", .server = "RequestReadTimeout body=20,MinRate=500\n"};
    upload_t up = upload_begin(&options, path);
    const char *file = files_noise(5 * MIB, 54, httpd_env_pool());
    const char *spool_file = apr_pstrmemdup(httpd_env_pool(), up.id + 1, strlen(up.id) - 2);
    long long next = 0;
    int spliced = 0;
    unsigned i;

    httpd_env_expect(up.env, "disk full");
    for (i = 1; i <= 4; i++) {
        fault_arm(up.env,
                  &(fault_t){FAULTS_FAIL, FAULTS_WRITES, spool_file, .first = i, .error = ENOSPC});
        CHECK_ANSWER(
            wire_fragment(up.wire, path, up.id, file, next, (size_t)(5 * MIB - next), 5 * MIB), 500,
            "0x80070070");
        spliced += strncmp(fault_hit(up.env), "splice spool/", 13) == 0;
        fault_disarm(up.env);
        up.wire = wire_connect(up.env);
        next = upload_next(&up, 5 * MIB);
        CHECK(next < 5 * MIB);
    }
    CHECK(spliced > 0);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, next, (size_t)(5 * MIB - next), 5 * MIB),
               200, 5 * MIB);
    upload_finish(&up, file, 5 * MIB);
}

/** Filters that look at the body. */
static void filters(void)
{
    const httpd_env_options_t options[] = {
        {.modules = "filter deflate", .directory = "SetInputFilter DEFLATE\n"},
        {.modules = "dumpio", .server = "DumpIOInput On\n"},
    };
    const char *file = files_noise(3 * MIB + 5, 58, httpd_env_pool());

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        upload_t up = upload_begin(&options[i], path);

        CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, 3 * MIB + 5, 3 * MIB + 5), 200,
                   3 * MIB + 5);
        upload_finish(&up, file, 3 * MIB + 5);
        httpd_env_stop(up.env);
    }
}

/** Number of ends of pipes that a process has open. */
static int count_pipes(pid_t pid)
{
    const char *folder = httpd_env_format("/proc/%ld/fd", (long)pid);
    const struct dirent *entry;
    DIR *dir = opendir(folder);
    int count = 0;

    REQUIRE(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        char target[64] = "";
        (void)readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        count += strncmp(target, "pipe:", 5) == 0;
    }
    closedir(dir);
    return count;
}

/** What a look at the pipes of a process is to find. */
typedef struct pipes_t {
    pid_t pid;
    int count;
} pipes_t;

static int are_closed(void *baton)
{
    const pipes_t *pipes = baton;

    return count_pipes(pipes->pid) <= pipes->count;
}

/** No pipe stays open behind bodies that break off. */
static void broken_off(void)
{
    const httpd_env_options_t options = {.server = OVERLOAD_ONE_CHILD};
    upload_t up = upload_begin(&options, path);
    const char *file = files_noise(3 * MIB, 59, httpd_env_pool());
    pipes_t pipes = {.pid = overload_child(up.env)};
    long long next = 0;

    pipes.count = count_pipes(pipes.pid);
    for (int i = 1; i <= 4; i++) {
        wire_send(up.wire,
                  "BITS_POST %s HTTP/1.1\r\nHost: localhost\r\nBITS-Packet-Type: Fragment\r\n"
                  "BITS-Session-Id: %s\r\nContent-Range: bytes %lld-%d/%d\r\n"
                  "Content-Length: %lld\r\n\r\n",
                  path, up.id, next, 3 * MIB - 1, 3 * MIB, 3 * MIB - next);
        wire_send_bytes(up.wire, file + next, 600000);
        next += 600000;
        upload_await_next(&(upload_t){up.env, wire_connect(up.env), path, up.id}, next, 3 * MIB);
        wire_disconnect(up.wire);
        up.wire = wire_connect(up.env);
    }
    CHECK(check_wait(are_closed, &pipes, HTTPD_ENV_DEADLINE));
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, next, (size_t)(3 * MIB - next), 3 * MIB),
               200, 3 * MIB);
    upload_finish(&up, file, 3 * MIB);
    CHECK(check_wait(are_closed, &pipes, HTTPD_ENV_DEADLINE));
}

void suite_ingest_pipe(void)
{
    static const suite_test_t tests[] = {
        {"a write of a large body fails", failing_writes},
        {"filters that look at the body", filters},
        {"pipes of bodies that break off", broken_off},
    };

    SUITE_ADD("ingest_pipe", tests);
}
