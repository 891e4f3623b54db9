/* SPDX-License-Identifier: Apache-2.0 */

/* What a fragment costs, and what happens when there is no room for it. */

#include "suites.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";
static const char one_child[] = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n";

enum { MIB = 1024 * 1024 };

/** The largest fragment that Windows sends. */
enum { LARGEST = 13 * MIB };

/** How much an httpd child may grow with it, in KiB. */
enum { GROWTH_MAX = 2 * 1024 };

/** Send a fragment in pieces of a MiB; returns the child's largest memory meanwhile, in KiB. */
static long watch_fragment(const upload_t *up, pid_t child, const char *file, long long start,
                           long long length, long long total)
{
    long most = 0;
    long long at;

    wire_fragment_head(up->wire, path, up->id, start, length, total);
    for (at = 0; at < length; at += MIB) {
        long now;

        wire_send_bytes(up->wire, file + start + at,
                        (size_t)(length - at < MIB ? length - at : MIB));
        now = httpd_env_rss(child);
        most = now > most ? now : most;
    }
    CHECK_NEXT(wire_read(up->wire), 200, start + length);
    at = httpd_env_rss(child);
    return (long)at > most ? (long)at : most;
}

static void memory(void)
{
    httpd_env_options_t options = {.server = one_child};
    upload_t up;
    const long long total = 2LL * LARGEST + 2 * MIB;
    const char *file;
    pid_t child = 0;
    long before;
    long most;

    if (httpd_env_is_instrumented()) {
        check_skip("memory is not measured in an instrumented server");
        return;
    }
    up = upload_begin(&options, path);
    file = files_noise((size_t)total, 40, httpd_env_pool());
    REQUIRE(httpd_env_children(up.env, &child, 1) == 1);
    watch_fragment(&up, child, file, 0, MIB, total);
    watch_fragment(&up, child, file, MIB, MIB, total);
    before = httpd_env_rss(child);
    most = watch_fragment(&up, child, file, 2 * MIB, LARGEST, total);
    if (most - before > GROWTH_MAX) {
        CHECK_FAIL("the child grew from %ld to %ld KiB", before, most);
    }
    most = watch_fragment(&up, child, file, 2 * MIB + LARGEST, LARGEST, total);
    if (most - before > GROWTH_MAX) {
        CHECK_FAIL("the child grew from %ld to %ld KiB in the second fragment", before, most);
    }
    upload_finish(&up, file, (size_t)total);
}

/** strace on an httpd child; NULL if that cannot be had here. */
static program_t *trace(const httpd_env_t *env, pid_t child)
{
    const char *output = apr_pstrcat(env->pool, env->root, "/logs/strace.txt", NULL);
    const char *argv[] = {"strace",
                          "-f",
                          "-y",
                          "-s",
                          "0",
                          "-e",
                          "trace=flock,fcntl,write,pwrite64,writev,pwritev,ftruncate,fsync,"
                          "fdatasync,rename,unlink",
                          "-p",
                          httpd_env_format("%ld", (long)child),
                          NULL};

    return program_start(argv, output, env->pool);
}

/** Whether strace has told what became of it: attached, or not allowed. */
static int has_attached(void *baton)
{
    const program_t *program = baton;
    const char *said = files_read(program->output).data;

    return said != NULL && strchr(said, '\n') != NULL;
}

/** Number of times that a text stands in another. */
static int occurrences(const char *text, const char *part)
{
    int count = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part)) {
        count++;
    }
    return count;
}

/** Number of traced calls that write to a file of the store. */
static int store_writes(const char *calls, const char *store)
{
    char *rest = apr_pstrdup(httpd_env_pool(), calls);
    char *line;
    int count = 0;

    for (line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        count += strstr(line, store) != NULL && strstr(line, "fcntl(") == NULL;
    }
    return count;
}

static void system_calls(void)
{
    httpd_env_options_t options = {.server = one_child};
    const char *argv[] = {"strace", "-V", NULL};
    const long long total = 3 * MIB;
    const char *file = files_noise((size_t)total, 41, httpd_env_pool());
    program_t *strace;
    const char *calls;
    pid_t child = 0;
    upload_t up;

    if (program_run(argv, NULL, httpd_env_pool()) != 0) {
        check_skip("no strace");
        return;
    }
    up = upload_begin(&options, path);
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 0, MIB, total), 200, MIB);
    REQUIRE(httpd_env_children(up.env, &child, 1) == 1);
    strace = trace(up.env, child);
    REQUIRE(check_wait(has_attached, strace, HTTPD_ENV_DEADLINE));
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, MIB, MIB, total), 200, 2 * MIB);
    kill(strace->pid, SIGINT);
    program_wait(strace, HTTPD_ENV_DEADLINE);
    calls = files_read(strace->output).data;
    if (strstr(calls, "attached") == NULL) {
        check_skip(httpd_env_format("strace may not attach: %.100s", calls));
    } else {
        /* The trace saw the fragment, or the rest proves nothing. */
        CHECK(occurrences(calls, up.env->spool) >= 1);
        CHECK_INT(store_writes(calls, up.env->store), 0);
        CHECK(occurrences(calls, "LOCK_EX") >= 1);
        CHECK(occurrences(calls, "LOCK_EX") <= MIB / (256 * 1024));
        CHECK(occurrences(calls, "LOCK_UN") <= MIB / (256 * 1024));
        CHECK_INT(occurrences(calls, "fsync("), 0);
        CHECK_INT(occurrences(calls, "fdatasync("), 0);
    }
    CHECK_NEXT(wire_fragment(up.wire, path, up.id, file, 2 * MIB, MIB, total), 200, total);
    upload_finish(&up, file, (size_t)total);
}

/** Send all from next on; returns the answer. */
static const wire_answer_t *send_rest(upload_t *up, const char *file, long long next,
                                      long long total)
{
    up->wire = wire_connect(up->env);
    return wire_fragment(up->wire, path, up->id, file, next, (size_t)(total - next), total);
}

/** A fragment meets the end of the room; later there is more, and the session goes on. */
static void no_room(upload_t *up, void (*make_room)(const upload_t *up))
{
    const long long total = 3 * MIB;
    const char *file = files_noise((size_t)total, 42, httpd_env_pool());
    long long next;

    httpd_env_expect(up->env, "disk full");
    httpd_env_expect(up->env, "AH00646"); /* the access log met the limit as well */
    CHECK_NEXT(wire_fragment(up->wire, path, up->id, file, 0, 100000, total), 200, 100000);
    CHECK_ANSWER(send_rest(up, file, 100000, total), 500, "0x80070070");
    next = upload_next(up, total);
    CHECK(next >= 100000 && next < total);
    CHECK_ANSWER(send_rest(up, file, next, total), 500, "0x80070070");
    next = upload_next(up, total);
    make_room(up);
    CHECK_NEXT(send_rest(up, file, next, total), 200, total);
    upload_finish(up, file, (size_t)total);
}

static void lift_limit(const upload_t *up)
{
    httpd_env_stop(up->env);
    httpd_env_limit_files(up->env, 0);
    httpd_env_resume(up->env);
}

static void file_size_limit(void)
{
    httpd_env_options_t options = {.file_limit = MIB};
    upload_t up = upload_begin(&options, path);

    no_room(&up, lift_limit);
}

/** Pool cleanup: a mounted file system. */
static apr_status_t unmount(void *folder)
{
    umount2(folder, MNT_DETACH);
    return APR_SUCCESS;
}

/** A file system of a MiB for the spool, or 0 when not allowed to mount. */
static int mount_small(const httpd_env_t *env, const char *folder)
{
    files_mkdir(folder, 0755);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=0777") != 0) {
        return 0;
    }
    apr_pool_cleanup_register(env->pool, folder, unmount, apr_pool_cleanup_null);
    return 1;
}

static void enlarge(const upload_t *up)
{
    const char *folder = apr_pstrcat(up->env->pool, up->env->root, "/small", NULL);

    REQUIRE(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=8m") == 0);
}

static void full_disk(void)
{
    httpd_env_t *env = httpd_env_start(NULL);
    const char *small = apr_pstrcat(env->pool, env->root, "/small", NULL);
    upload_t up;

    if (!mount_small(env, small)) {
        check_skip(httpd_env_format("cannot mount a small file system: %s", strerror(errno)));
        return;
    }
    httpd_env_stop(env);
    /* The same server again, with its spool on the small file system: a commit copies from there.
     */
    httpd_env_add_lines(env, "<Directory \"{DOCROOT}/upload\">\n"
                             "BGUploadSpool \"{ROOT}/small\"\n</Directory>\n");
    httpd_env_resume(env);
    up = upload_another(env, path);
    no_room(&up, enlarge);
    CHECK_INT(files_count(small), 0);
    CHECK_INT(files_count(httpd_env_path(env, "/upload")), 1);
}

void suite_resources(void)
{
    static const suite_test_t tests[] = {
        {"memory of a 13 MiB fragment", memory},
        {"system calls of a fragment in the middle", system_calls},
        {"file size limit", file_size_limit},
        {"full disk, and a spool on another file system", full_disk},
    };

    SUITE_ADD("resources", tests);
}
