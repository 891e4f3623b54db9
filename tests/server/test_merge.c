/* SPDX-License-Identifier: Apache-2.0 */

/* How limits of folders within folders merge, and what a .htaccess may say. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "upload.h"

static const char file[] = "1234567890";
enum { LENGTH = 10 };

/** Inner folders lift, lower or keep what the outer one says. */
static httpd_env_t *nested(const char *outer, const char *lifted, const char *lowered)
{
    httpd_env_options_t options = {
        .directory = outer,
        .server = httpd_env_format("<Directory \"{DOCROOT}/upload/lifted\">\n%s</Directory>\n"
                                   "<Directory \"{DOCROOT}/upload/lowered\">\n%s</Directory>\n",
                                   lifted, lowered)};
    httpd_env_t *env = httpd_env_start(&options);

    files_mkdir(httpd_env_path(env, "/upload/lifted"), 0755);
    files_mkdir(httpd_env_path(env, "/upload/lowered"), 0755);
    files_mkdir(httpd_env_path(env, "/upload/same"), 0755);
    return env;
}

/** Send a file of a total in one fragment of length bytes; hold the answer to a status. */
static void send_file(httpd_env_t *env, const char *path, size_t length, long long total,
                      int status, const char *code)
{
    upload_t up = upload_another(env, path);
    const wire_answer_t *answer = wire_fragment(up.wire, path, up.id, file, 0, length, total);

    if (status == 200) {
        CHECK_NEXT(answer, 200, (long long)length);
    } else {
        CHECK_ANSWER(answer, status, code);
    }
    CHECK_ANSWER(wire_cancel(wire_connect(env), path, up.id), 200, NULL);
}

static void max_size(void)
{
    httpd_env_t *env =
        nested("BGUploadMaxSize 100\n", "BGUploadMaxSize 0\n", "BGUploadMaxSize 50\n");

    send_file(env, "/upload/a", LENGTH, 101, 500, "0x80200020");
    send_file(env, "/upload/same/a", LENGTH, 101, 500, "0x80200020");
    send_file(env, "/upload/lifted/a", LENGTH, 101, 200, NULL);
    send_file(env, "/upload/lowered/a", LENGTH, 51, 500, "0x80200020");
    send_file(env, "/upload/lowered/a", LENGTH, 50, 200, NULL);
}

static void max_fragment(void)
{
    httpd_env_t *env =
        nested("BGUploadMaxFragment 5\n", "BGUploadMaxFragment 0\n", "BGUploadMaxFragment 4\n");

    send_file(env, "/upload/a", 6, 20, 413, "0x80200020");
    send_file(env, "/upload/same/a", 5, 20, 200, NULL);
    send_file(env, "/upload/lifted/a", LENGTH, 20, 200, NULL);
    send_file(env, "/upload/lowered/a", 5, 20, 413, "0x80200020");
}

/** A quota is the folder's, what it counts is the user's. */
static void quota(void)
{
    httpd_env_t *env = nested("BGUploadQuota 100\n", "BGUploadQuota 0\n", "BGUploadQuota 20\n");
    upload_t up = upload_another(env, "/upload/a");

    CHECK_NEXT(wire_fragment(up.wire, up.path, up.id, file, 0, LENGTH, 90), 200, LENGTH);
    send_file(env, "/upload/same/b", LENGTH, 11, 500, "0x80070070");
    send_file(env, "/upload/same/b", LENGTH, 10, 200, NULL);
    send_file(env, "/upload/lifted/b", LENGTH, 1000, 200, NULL);
    send_file(env, "/upload/lowered/b", LENGTH, 10, 500, "0x80070070");
    CHECK_ANSWER(wire_cancel(wire_connect(env), up.path, up.id), 200, NULL);
}

/** Status of a Create-Session. */
static int create(httpd_env_t *env, const char *path)
{
    return wire_packet(wire_connect(env), path, "Create-Session", NULL,
                       "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}\r\n", NULL,
                       0)
        ->status;
}

static void sessions_per_user(void)
{
    httpd_env_t *env = nested("BGUploadMaxSessionsPerUser 2\n", "BGUploadMaxSessionsPerUser 0\n",
                              "BGUploadMaxSessionsPerUser 1\n");

    CHECK_INT(create(env, "/upload/a"), 200);
    CHECK_INT(create(env, "/upload/lowered/a"), 503);
    CHECK_INT(create(env, "/upload/same/b"), 200);
    CHECK_INT(create(env, "/upload/c"), 503);
    CHECK_INT(create(env, "/upload/lifted/c"), 200);
}

/** What a request to a folder with this .htaccess is answered. */
static int with_htaccess(httpd_env_t *env, const char *lines)
{
    wire_t *wire = wire_connect(env);

    files_write(httpd_env_path(env, "/plain/.htaccess"), lines, strlen(lines));
    wire_send(wire, "BITS_POST /plain/a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Ping\r\n\r\n");
    return wire_read_any(wire)->status;
}

/** Directives that would let a folder's author reach beyond it, or past the server's limits. */
static void not_in_htaccess(void)
{
    static const char *const lines[] = {
        "BGUploadStore sqlite x.db\n",
        "BGUploadSpool /tmp\n",
        "BGUploadQuota 0\n",
        "BGUploadMaxSessionsPerUser 0\n",
        "BGUploadMaxSessions 0\n",
        "BGUploadNotify Value\n",
        "BGUploadNotifyURL http://x/\n",
        "BGUploadNotifyCA /etc/passwd\n",
        "BGUploadNotifyTimeout 1\n",
        "BGUploadMaxReply 0\n",
        "BGUploadReceiveBuffer 1M\n",
        "BGUploadCleanupInterval 0\n",
        "BGUploadTombstone 0\n",
    };
    httpd_env_options_t options = {.server = "<Directory \"{DOCROOT}/plain\">\n"
                                             "AllowOverride All\nBGUpload On\n</Directory>\n"};
    httpd_env_t *env = httpd_env_start(&options);

    httpd_env_expect(env, "not allowed here");
    CHECK_INT(with_htaccess(env, "BGUploadAllowOverwrites On\n"), 200);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (with_htaccess(env, lines[i]) != 500) {
            CHECK_FAIL("taken from a .htaccess: %s", lines[i]);
        }
    }
}

/** Without AllowOverride Options none is. */
static void overrides_forbidden(void)
{
    httpd_env_options_t options = {.server = "<Directory \"{DOCROOT}/plain\">\n"
                                             "AllowOverride AuthConfig\n</Directory>\n"};
    httpd_env_t *env = httpd_env_start(&options);

    httpd_env_expect(env, "not allowed here");
    CHECK_INT(with_htaccess(env, "BGUpload On\n"), 500);
    CHECK_HAS(httpd_env_log(env, 0), "BGUpload not allowed here");
}

void suite_merge(void)
{
    static const suite_test_t tests[] = {
        {"BGUploadMaxSize", max_size},
        {"BGUploadMaxFragment", max_fragment},
        {"BGUploadQuota", quota},
        {"BGUploadMaxSessionsPerUser", sessions_per_user},
        {"not in .htaccess", not_in_htaccess},
        {"AllowOverride without Options", overrides_forbidden},
    };

    SUITE_ADD("merge", tests);
}
