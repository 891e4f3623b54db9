/* SPDX-License-Identifier: Apache-2.0 */

/* Another local user plants things where uploads pass, with a real server and, when root, as a real
 * other user. */

#include "suites.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "reply.h"
#include "server_user.h"

/** Uploads that are committed while somebody swaps their folder, and how often each is tried. */
enum { UPLOADS = 100, TRIES = 20 };

/** Do something as user nobody (as it is, when not root) in a child process.
 * @return its id */
static pid_t as_nobody(void (*act)(const httpd_env_t *env), const httpd_env_t *env)
{
    const struct passwd *nobody = getpwnam("nobody");
    pid_t pid;

    REQUIRE(nobody != NULL);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)) {
            _exit(1);
        }
        act(env);
        _exit(0);
    }
    return pid;
}

static void finished(pid_t pid)
{
    int status = -1;

    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

/** Make /upload/theirs, in which everybody may do everything, and inside of it the folder in, and
 * outside of all uploads the folder out, to which the server can write. */
static httpd_env_t *start(const char *directory)
{
    httpd_env_options_t options = {.directory = directory};
    httpd_env_t *env = httpd_env_start(&options);

    files_mkdir(httpd_env_path(env, "/upload/theirs"), 0777);
    files_mkdir(httpd_env_path(env, "/upload/theirs/in"), 0777);
    files_mkdir(httpd_env_path(env, "/plain/out"), 0777);
    return env;
}

static void link_out(const httpd_env_t *env)
{
    if (symlink(httpd_env_path(env, "/plain/out"), httpd_env_path(env, "/upload/theirs/link")) !=
        0) {
        _exit(1);
    }
}

static void swap(const httpd_env_t *env)
{
    const char *in = httpd_env_path(env, "/upload/theirs/in");
    const char *link = httpd_env_path(env, "/upload/theirs/link");

    alarm(HTTPD_ENV_DEADLINE);
    while (renameat2(AT_FDCWD, in, AT_FDCWD, link, RENAME_EXCHANGE) == 0) {
    }
    _exit(1);
}

/** Whether the folder is a link by now. */
static int is_swapped(void *baton)
{
    struct stat info;

    return lstat(baton, &info) == 0 && S_ISLNK(info.st_mode);
}

/** Close a session until that works, or often enough. */
static int close_somehow(const upload_t *up)
{
    int i, status = 0;

    for (i = 0; i < TRIES && status != 200; i++) {
        wire_t *wire = wire_connect(up->env);

        status = wire_close(wire, up->path, up->id)->status;
        wire_disconnect(wire);
    }
    return status == 200;
}

/** httpd looks whether the folder is a link, then we open it: in between it becomes one. */
static void swapped_folder(void)
{
    httpd_env_t *env = start("Options None\nBGUploadSync Off\nBGUploadMaxSessionsPerUser 0\n");
    const char *in = httpd_env_path(env, "/upload/theirs/in");
    const char *link = httpd_env_path(env, "/upload/theirs/link");
    upload_t ups[UPLOADS];
    int i, done = 0;
    pid_t pid;

    for (i = 0; i < UPLOADS; i++) {
        ups[i] = upload_another(env, httpd_env_format("/upload/theirs/in/%d", i));
        CHECK_NEXT(wire_fragment(ups[i].wire, ups[i].path, ups[i].id, "12345", 0, 5, 5), 200, 5);
        wire_disconnect(ups[i].wire);
    }
    finished(as_nobody(link_out, env));
    pid = as_nobody(swap, env);
    REQUIRE(check_wait(is_swapped, (void *)in, HTTPD_ENV_DEADLINE));
    for (i = 0; i < UPLOADS; i++) {
        done += close_somehow(&ups[i]);
    }
    kill(pid, SIGKILL);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
    CHECK_INT(files_count(httpd_env_path(env, "/plain/out")), 0);
    CHECK_INT(files_count(in) + files_count(link), done);
    httpd_env_expect(env, "Symbolic link not allowed");
    httpd_env_expect_spool(env, UPLOADS - done);
}

/** A link that httpd may follow is followed: Options are the administrator's word. */
static void allowed_link(void)
{
    static const struct {
        const char *lines;
        int status;
    } cases[] = {{"Options FollowSymLinks\n", 200}, {NULL, 200}, {"Options None\n", 403}};
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        httpd_env_t *env = start(cases[i].lines);

        finished(as_nobody(link_out, env));
        CHECK_INT(wire_packet(wire_connect(env), "/upload/theirs/link/a", "Create-Session", NULL,
                              "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL, 0)
                      ->status,
                  cases[i].status);
        httpd_env_expect(env, "Symbolic link not allowed");
    }
}

/** The folder of the uploads itself may be a link, behind an Alias that names it. */
static void linked_root(void)
{
    httpd_env_options_t options = {.modules = "alias",
                                   .server = "Alias /linked/ \"{ROOT}/linked/\"\n"
                                             "<Directory \"{ROOT}/linked\">\nBGUpload On\n"
                                             "Options None\nRequire all granted\n</Directory>\n"};
    httpd_env_t *env = httpd_env_start(&options);
    const char *link = apr_pstrcat(env->pool, env->root, "/linked", NULL);
    upload_t up;

    files_mkdir(httpd_env_path(env, "/plain/out"), 0755);
    files_mkdir(httpd_env_path(env, "/plain/out/deep"), 0755);
    REQUIRE(symlink(httpd_env_path(env, "/plain/out"), link) == 0);
    up = upload_another(env, "/linked/a");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "12345", 0, 5, 5), 200, 5);
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    up = upload_another(env, "/linked/deep/b");
    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, "12345", 0, 5, 5), 200, 5);
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    CHECK_INT(files_size(httpd_env_path(env, "/plain/out/a")), 5);
    CHECK_INT(files_size(httpd_env_path(env, "/plain/out/deep/b")), 5);
}

static void plant_at_destination(const httpd_env_t *env)
{
    const char *target = httpd_env_path(env, "/plain/out/secret");

    if (symlink(target, httpd_env_path(env, "/upload/theirs/in/link")) != 0 ||
        link(httpd_env_path(env, "/upload/theirs/own"),
             httpd_env_path(env, "/upload/theirs/in/hard")) != 0) {
        _exit(1);
    }
}

static void make_own(const httpd_env_t *env)
{
    FILE *file = fopen(httpd_env_path(env, "/upload/theirs/own"), "w");

    if (file == NULL || fputs("own", file) < 0 || fclose(file) != 0 ||
        chmod(httpd_env_path(env, "/upload/theirs/own"), 0666) != 0) {
        _exit(1);
    }
}

/** Between Create-Session and Close-Session the destination becomes a link to something. */
static void planted_destination(int overwrite)
{
    static const char *const names[] = {"link", "hard"};
    httpd_env_t *env = start(overwrite ? "BGUploadAllowOverwrites On\n" : NULL);
    upload_t ups[2];
    struct stat info;
    size_t i;

    files_write(httpd_env_path(env, "/plain/out/secret"), "secret", 6);
    finished(as_nobody(make_own, env));
    for (i = 0; i < 2; i++) {
        ups[i] = upload_another(env, httpd_env_format("/upload/theirs/in/%s", names[i]));
        CHECK_NEXT(wire_fragment(ups[i].wire, ups[i].path, ups[i].id, "12345", 0, 5, 5), 200, 5);
    }
    finished(as_nobody(plant_at_destination, env));
    for (i = 0; i < 2; i++) {
        const char *file = httpd_env_path(env, ups[i].path);
        const wire_answer_t *answer = wire_close(ups[i].wire, ups[i].path, ups[i].id);

        CHECK_INT(answer->status, overwrite ? 200 : 403);
        REQUIRE(lstat(file, &info) == 0);
        CHECK_INT(S_ISREG(info.st_mode) && info.st_size == 5, overwrite);
    }
    CHECK_STR(files_read(httpd_env_path(env, "/plain/out/secret")).data, "secret");
    CHECK_STR(files_read(httpd_env_path(env, "/upload/theirs/own")).data, "own");
    CHECK_INT(files_count(httpd_env_path(env, "/plain/out")), 1);
    httpd_env_expect_spool(env, overwrite ? 0 : 2);
}

static void planted_and_kept(void)
{
    planted_destination(0);
}

static void planted_and_replaced(void)
{
    planted_destination(1);
}

/** What the application finds a way to put in the place of the file for its answer's body. */
static void planted_part(int pipe)
{
    reply_t reply = reply_begin("Value", NULL);
    const char *target = httpd_env_path(reply.up.env, "/plain/target");
    const char *part =
        httpd_env_format("%s/%.36s.reply/response.part", reply.up.env->spool, reply.up.id + 1);

    files_write(target, "target", 6);
    backend_tell(reply.backend, &(backend_plan_t){.held = 1, .body = 9});
    reply_ask(&reply.up, "12345", 5);
    backend_await(reply.backend, 1);
    REQUIRE((pipe ? mkfifo(part, 0666) : link(target, part)) == 0);
    server_user_own(part);
    backend_release(reply.backend);
    CHECK_INT(wire_read(reply.up.wire)->status, 500);
    CHECK_STR(files_read(target).data, "target");
    httpd_env_expect(reply.up.env, "cannot write the reply to the spool");
    CHECK_ANSWER(wire_cancel(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
}

/** A thread of the server would wait for a reader for ever. */
static void pipe_for_reply(void)
{
    planted_part(1);
}

static void link_for_reply(void)
{
    planted_part(0);
}

void suite_planted(void)
{
    static const suite_test_t tests[] = {
        {"the folder becomes a link all the time", swapped_folder},
        {"a link that may be followed", allowed_link},
        {"a link that the configuration names", linked_root},
        {"links at the destination, overwriting off", planted_and_kept},
        {"links at the destination, overwriting on", planted_and_replaced},
        {"a pipe for the reply", pipe_for_reply},
        {"a link for the reply", link_for_reply},
    };

    SUITE_ADD("planted", tests);
}
