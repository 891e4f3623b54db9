/* SPDX-License-Identifier: Apache-2.0 */

/* The notification itself: what the application is sent, and what becomes of it when the
 * application cannot be reached or does not speak (protocol: upload-reply). */

#include "suites.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "files.h"
#include "reply.h"

static const char file[] = "1234567890";
enum { LENGTH = 10 };

static const char one_child[] = "StartServers 1\nServerLimit 1\nMaxRequestWorkers 16\n";

/** Hold a request to exactly these lines after the first one, in any order. */
static void check_head(const backend_request_t *request, const char *first, const char *lines)
{
    char *rest = apr_pstrdup(httpd_env_pool(), lines);
    size_t length = strlen(first) + strlen("\r\n\r\n");
    const char *line;

    CHECK(strncmp(request->head, apr_pstrcat(httpd_env_pool(), first, "\r\n", NULL),
                  strlen(first) + 2) == 0);
    for (line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        CHECK_HAS(request->head, apr_pstrcat(httpd_env_pool(), "\r\n", line, "\r\n", NULL));
        length += strlen(line) + strlen("\r\n");
    }
    if (strlen(request->head) != length) {
        CHECK_FAIL("other lines than expected: %s", request->head);
    }
}

static void by_reference(void)
{
    reply_t reply = reply_begin_lines("Reference", NULL);
    const backend_request_t *request;
    const char *id = apr_pstrndup(httpd_env_pool(), reply.up.id + 1, 36);
    const char *spool = reply.up.env->spool;

    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    request = backend_request(reply.backend, 0);
    check_head(
        request, "POST /app HTTP/1.1",
        httpd_env_format("Host: 127.0.0.1:%d\nUser-Agent: mod_bgupload\nAccept: */*\n"
                         "BITS-Original-Request-URL: http://localhost:%d/upload/a.bin\n"
                         "BITS-Session-Id: {%s}\nBITS-Request-DataFile-Name: %s/%s\n"
                         "BITS-Response-DataFile-Name: %s/%s.reply/response\nContent-Length: 0",
                         reply.backend->port, reply.up.env->port, id, spool, id, spool, id));
    CHECK_INT(request->length, LENGTH);
    CHECK(request->sum == backend_sum(0, file, LENGTH));
    CHECK_INT(request->file_mode, 0600);
    CHECK_ANSWER(wire_close(reply.up.wire, REPLY_PATH, reply.up.id), 200, NULL);
}

static void by_value(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);
    const backend_request_t *request;

    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    request = backend_request(reply.backend, 0);
    check_head(request, "POST /app HTTP/1.1",
               httpd_env_format("Host: 127.0.0.1:%d\nUser-Agent: mod_bgupload\nAccept: */*\n"
                                "BITS-Original-Request-URL: http://localhost:%d/upload/a.bin\n"
                                "BITS-Session-Id: %s\nContent-Type: application/octet-stream\n"
                                "Content-Length: 10",
                                reply.backend->port, reply.up.env->port, reply.up.id));
    CHECK_INT(request->length, LENGTH);
    CHECK(request->sum == backend_sum(0, file, LENGTH));
    CHECK_ANSWER(wire_close(reply.up.wire, REPLY_PATH, reply.up.id), 200, NULL);
}

/** The request line of the notification of an upload to this URL. */
static const char *first_line(httpd_env_t *env, backend_t *backend, const char *url)
{
    int count = backend_count(backend);
    upload_t up = reply_uploaded(env, url, file, LENGTH);
    const char *head = backend_request(backend, count)->head;

    CHECK_ANSWER(wire_close(up.wire, url, up.id), 200, NULL);
    return apr_pstrmemdup(httpd_env_pool(), head, strcspn(head, "\r"));
}

static void queries(void)
{
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", NULL);
    upload_t up;

    CHECK_STR(first_line(env, backend, "/upload/a?x=1&y=%20%26"),
              "POST /app?x=1&y=%20%26 HTTP/1.1");
    CHECK_STR(first_line(env, backend, "/upload/a%20b%C3%A4"), "POST /app HTTP/1.1");
    CHECK_STR(backend_header(backend_request(backend, 1), "BITS-Original-Request-URL"),
              httpd_env_format("http://localhost:%d/upload/a%%20b%%c3%%a4", env->port));
    /* The query of Create-Session is the one that counts. */
    up = upload_another(env, "/upload/b?first=1");
    up.path = "/upload/b";
    CHECK_NEXT(reply_send(&up, file, LENGTH), 200, LENGTH);
    CHECK_HAS(backend_request(backend, 2)->head, "POST /app?first=1 HTTP/1.1\r\n");
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
}

/** An application below the same server, as seen from the destination. */
static void relative_url(void)
{
    httpd_env_options_t options = {
        .modules = "proxy proxy_http",
        .directory = "BGUploadNotifyURL ../app/in?k=v\n",
    };
    backend_t *backend = backend_start();
    backend_t *elsewhere = backend_start();
    httpd_env_t *env;
    wire_t *wire;
    const char *host;
    const char *id;

    options.server =
        httpd_env_format("ProxyPass /app/ %s/there/\nKeepAliveTimeout 1\n", backend->url);
    options.directory =
        apr_pstrcat(httpd_env_pool(), "BGUploadNotify Value\n", options.directory, NULL);
    env = httpd_env_start(&options);
    /* Whatever the client calls this server, it is this server that is asked. */
    host = httpd_env_format("Host: 127.0.0.1:%d\r\n", elsewhere->port);
    wire = wire_connect(env);
    wire_send(wire,
              "BITS_POST /upload/a.bin?q=1 HTTP/1.1\r\n%sBITS-Packet-Type: Create-Session\r\n"
              "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\nContent-Length: 0\r\n\r\n",
              host);
    id = wire_header(wire_read(wire), "BITS-Session-Id");
    REQUIRE(id != NULL);
    wire_send(wire,
              "BITS_POST /upload/a.bin?q=1 HTTP/1.1\r\n%sBITS-Packet-Type: Fragment\r\n"
              "BITS-Session-Id: %s\r\nContent-Range: bytes 0-9/10\r\n"
              "Content-Length: 10\r\n\r\n%s",
              host, id, file);
    CHECK_NEXT(wire_read_application(wire), 200, LENGTH);
    CHECK_INT(backend_count(elsewhere), 0);
    CHECK_HAS(backend_request(backend, 0)->head, "POST /there/in?k=v&q=1 HTTP/1.1\r\n");
    CHECK_ANSWER(wire_close(wire, "/upload/a.bin", id), 200, NULL);
}

/** An empty file is a file. */
static void empty_file(const char *by)
{
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, by, NULL);
    upload_t up = upload_another(env, REPLY_PATH);
    const wire_answer_t *answer;

    backend_tell(backend, &(backend_plan_t){.body = 50,
                                            .file = BACKEND_FILE,
                                            .file_size = 50,
                                            .answer = "HTTP/1.1 200 OK\n"
                                                      "BITS-Copy-File-To-Destination: 1\n"});
    answer =
        wire_packet(up.wire, up.path, "Fragment", up.id, "Content-Range: bytes */0\r\n", NULL, 0);
    CHECK_NEXT(answer, 200, 0);
    reply_check_url(&up, answer, 1);
    CHECK_INT(backend_count(backend), 1);
    CHECK_INT(backend_request(backend, 0)->length, 0);
    CHECK_STR(backend_header(backend_request(backend, 0), "Content-Length"), "0");
    reply_check_bytes(&up, 50);
    upload_finish(&up, "", 0);
}

static void empty_files(void)
{
    empty_file("Reference");
    empty_file("Value");
}

/** Nobody listens; then somebody does. */
static void no_connection(const char *by)
{
    httpd_env_options_t options = {.server = one_child};
    reply_t reply = reply_begin(by, &options);
    upload_t other;

    /* The server has an open connection to the application that went. */
    CHECK_NEXT(reply_send(&reply.up, file, LENGTH), 200, LENGTH);
    backend_stop(reply.backend);
    other = upload_another(reply.up.env, "/upload/b.bin");
    CHECK_ANSWER(reply_send(&other, file, LENGTH), 503, "0x801901F7");
    other.wire = wire_connect(other.env);
    CHECK_ANSWER(reply_again(&other, file, LENGTH), 503, "0x801901F7");
    backend_resume(reply.backend);
    other.wire = wire_connect(other.env);
    CHECK_NEXT(reply_again(&other, file, LENGTH), 200, LENGTH);
    CHECK_INT(backend_count(reply.backend), 2);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
    CHECK_ANSWER(wire_close(other.wire, other.path, other.id), 200, NULL);
}

static void no_connections(void)
{
    no_connection("Reference");
    no_connection("Value");
}

/** It takes the request and says nothing; what it says too late is not heard. */
static void silent(const char *by)
{
    reply_t reply = reply_begin_lines(by, "BGUploadNotifyTimeout 1s\n");

    backend_tell(reply.backend,
                 &(backend_plan_t){.held = 1, .file = BACKEND_FILE, .file_size = 9, .body = 9});
    CHECK_ANSWER(reply_send(&reply.up, file, LENGTH), 408, "0x80070112");
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    backend_release(reply.backend);
    backend_await_answered(reply.backend, 0);
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    backend_tell(reply.backend, &(backend_plan_t){0});
    reply.up.wire = wire_connect(reply.up.env);
    CHECK_NEXT(reply_again(&reply.up, file, LENGTH), 200, LENGTH);
    CHECK_INT(backend_count(reply.backend), 2);
    /* What the first one left is not taken for the reply of the second. */
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
}

static void silence_by_reference(void)
{
    silent("Reference");
}

static void silence_by_value(void)
{
    silent("Value");
}

/** It dies with the request in its hands, and comes back. */
static void application_restarts(void)
{
    reply_t reply = reply_begin_lines("Value", NULL);

    backend_tell(reply.backend, &(backend_plan_t){.held = 1, .body = 9});
    reply_ask(&reply.up, file, LENGTH);
    backend_await(reply.backend, 1);
    backend_stop(reply.backend);
    CHECK_ANSWER(wire_read_application(reply.up.wire), 502, "0x801901F6");
    backend_release(reply.backend);
    backend_resume(reply.backend);
    reply.up.wire = wire_connect(reply.up.env);
    CHECK_NEXT(reply_again(&reply.up, file, LENGTH), 200, LENGTH);
    CHECK_INT(backend_count(reply.backend), 2);
    reply_check_bytes(&reply.up, 9);
    CHECK_ANSWER(wire_close(reply.up.wire, reply.up.path, reply.up.id), 200, NULL);
}

static void connections_are_kept(void)
{
    httpd_env_options_t options = {.server = one_child};
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", &options);
    int i;

    for (i = 0; i < 3; i++) {
        first_line(env, backend, "/upload/a.bin");
        CHECK_INT(backend_request(backend, i)->connection, 0);
    }
}

/** What an application sends beyond its answer answers nobody else's notification. */
static void nothing_is_left(void)
{
    httpd_env_options_t options = {.server = one_child};
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", &options);
    upload_t first = upload_another(env, "/upload/a.bin");
    upload_t second = upload_another(env, "/upload/b.bin");

    backend_tell(backend, &(backend_plan_t){.form = BACKEND_TWICE, .body = 20});
    CHECK_NEXT(reply_send(&first, file, LENGTH), 200, LENGTH);
    backend_release(backend);
    backend_await_answered(backend, 0);
    backend_tell(backend, &(backend_plan_t){.body = 30});
    CHECK_NEXT(reply_send(&second, file, LENGTH), 200, LENGTH);
    CHECK_INT(backend_count(backend), 2);
    CHECK(backend_request(backend, 1)->connection != backend_request(backend, 0)->connection);
    reply_check_bytes(&second, 30);
    CHECK_ANSWER(wire_close(first.wire, first.path, first.id), 200, NULL);
    CHECK_ANSWER(wire_close(second.wire, second.path, second.id), 200, NULL);
}

static void copy(const char *by)
{
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, by, NULL);
    upload_t up = upload_another(env, REPLY_PATH);

    backend_tell(backend, &(backend_plan_t){.answer = "HTTP/1.1 200 OK\n"
                                                      "bits-copy-file-to-destination:\n"});
    CHECK_NEXT(reply_send(&up, file, LENGTH), 200, LENGTH);
    CHECK(!files_exists(httpd_env_path(env, REPLY_PATH)));
    upload_finish(&up, file, LENGTH);
    CHECK_INT(httpd_env_spool_count(env), 0);
}

static void copies(void)
{
    copy("Reference");
    copy("Value");
}

/** An application over TLS: a second httpd, which answers a POST with a file of its own. */
static void tls(void)
{
    httpd_env_t *application =
        httpd_env_start(&(httpd_env_options_t){.stock = 1, .tls = 1, .server = "KeepAlive Off\n"});
    httpd_env_options_t options = {0};
    httpd_env_t *env;
    upload_t up;
    const wire_answer_t *answer;

    files_write(httpd_env_path(application, "/app"), backend_bytes(99, httpd_env_pool()), 99);
    options.directory = httpd_env_format("BGUploadNotify Value\nBGUploadNotifyURL %s/app\n"
                                         "BGUploadNotifyCA \"%s\"\n",
                                         application->url, application->ca);
    env = httpd_env_start(&options);
    up = upload_another(env, REPLY_PATH);
    answer = reply_send(&up, file, LENGTH);
    CHECK_NEXT(answer, 200, LENGTH);
    reply_check_url(&up, answer, 1);
    reply_check_bytes(&up, 99);
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
    /* Nobody that the system knows vouches for it. */
    options.directory =
        httpd_env_format("BGUploadNotify Value\nBGUploadNotifyURL %s/app\n", application->url);
    env = httpd_env_start(&options);
    up = upload_another(env, REPLY_PATH);
    CHECK_ANSWER(reply_send(&up, file, LENGTH), 503, "0x801901F7");
    CHECK_ANSWER(wire_cancel(wire_connect(env), up.path, up.id), 200, NULL);
}

/** The application is another user, whose group is that of the spool. */
static void other_user(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    const struct group *group = nobody != NULL ? getgrgid(nobody->pw_gid) : NULL;
    backend_t *backend;
    httpd_env_options_t options = {0};
    httpd_env_t *env;
    upload_t up;
    const wire_answer_t *answer;
    gid_t gid;

    if (geteuid() != 0 || group == NULL) {
        check_skip("needs root and the user nobody");
        return;
    }
    gid = group->gr_gid;
    backend = backend_start_as("nobody", apr_pstrdup(httpd_env_pool(), group->gr_name));
    options.directory =
        httpd_env_format("BGUploadNotify Reference\nBGUploadNotifyURL %s/app\n", backend->url);
    env = httpd_env_start(&options);
    REQUIRE(chown(env->spool, (uid_t)-1, gid) == 0 && chmod(env->spool, 02710) == 0);
    backend_tell(backend, &(backend_plan_t){.file = BACKEND_FILE, .file_size = 500});
    up = upload_another(env, REPLY_PATH);
    answer = reply_send(&up, file, LENGTH);
    CHECK_NEXT(answer, 200, LENGTH);
    CHECK_INT(backend_request(backend, 0)->length, LENGTH);
    CHECK_INT(backend_request(backend, 0)->file_mode, 0640);
    reply_check_url(&up, answer, 1);
    reply_check_bytes(&up, 500);
    CHECK_ANSWER(wire_close(up.wire, up.path, up.id), 200, NULL);
}

void suite_reply_notify(void)
{
    static const suite_test_t tests[] = {
        {"the request by reference", by_reference},
        {"the request by value", by_value},
        {"the destination's query", queries},
        {"a relative URL", relative_url},
        {"an empty file", empty_files},
        {"no connection", no_connections},
        {"silence by reference", silence_by_reference},
        {"silence by value", silence_by_value},
        {"the application restarts meanwhile", application_restarts},
        {"connections are used again", connections_are_kept},
        {"what comes beyond an answer", nothing_is_left},
        {"BITS-Copy-File-To-Destination", copies},
        {"an application over TLS", tls},
        {"an application of another user", other_user},
    };

    SUITE_ADD("reply_notify", tests);
}
