/* SPDX-License-Identifier: Apache-2.0 */

/* The reply as the client downloads it (protocol: upload-reply). */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "reply.h"
#include "users.h"

static const char file[] = "12345";
enum { LENGTH = 5, REPLY_LENGTH = 20000 };

/** The application leaves a reply of REPLY_LENGTH bytes, however it got the file. */
static const backend_plan_t gives_reply = {
    .body = REPLY_LENGTH, .file = BACKEND_FILE, .file_size = REPLY_LENGTH};

/** An upload that has its reply. */
static upload_t served(const char *by, const httpd_env_options_t *options)
{
    reply_t reply = reply_begin(by, options);
    const wire_answer_t *answer;

    backend_tell(reply.backend, &gives_reply);
    answer = reply_send(&reply.up, file, LENGTH);
    CHECK_NEXT(answer, 200, LENGTH);
    REQUIRE(wire_header(answer, "BITS-Reply-URL") != NULL);
    return reply.up;
}

static void end(const upload_t *up)
{
    CHECK_ANSWER(wire_close(wire_connect(up->env), up->path, up->id), 200, NULL);
    CHECK_INT(reply_status(up->env, "GET", reply_path(up), NULL), 404);
}

static const fetch_answer_t *get(const upload_t *up, const char *line, const char *other)
{
    const char *headers[] = {"Connection: close", line, other, NULL};
    fetch_t *client = fetch_open(up->env, FETCH_HTTP_1, NULL);

    return fetch(client, "GET", reply_path(up), headers, NULL, 0);
}

static const char *header_of(const fetch_answer_t *answer, const char *name)
{
    return apr_table_get(answer->headers, name);
}

/** Hold an answer to a status and a part of the reply. */
static void check_part(const fetch_answer_t *answer, int status, size_t start, size_t length)
{
    const char *all = backend_bytes(REPLY_LENGTH, httpd_env_pool());

    CHECK_INT(answer->status, status);
    CHECK_INT(answer->length, length);
    CHECK(answer->length == length && memcmp(answer->body, all + start, length) == 0);
    CHECK_STR(header_of(answer, "Content-Type"), "application/octet-stream");
    CHECK_STR(header_of(answer, "Content-Encoding"), NULL);
    CHECK_STR(header_of(answer, "Content-Length"), httpd_env_format("%lu", (unsigned long)length));
    if (status == 206) {
        CHECK_STR(header_of(answer, "Content-Range"),
                  httpd_env_format("bytes %lu-%lu/%d", (unsigned long)start,
                                   (unsigned long)(start + length - 1), REPLY_LENGTH));
    }
}

static void get_and_head(const char *by)
{
    upload_t up = served(by, NULL);
    const fetch_answer_t *answer = get(&up, NULL, NULL);
    wire_t *wire = wire_connect(up.env);
    const wire_answer_t *head;
    const char *etag = header_of(answer, "ETag");

    check_part(answer, 200, 0, REPLY_LENGTH);
    CHECK(etag != NULL && etag[0] == '"' && strlen(etag) > 2);
    CHECK(header_of(answer, "Last-Modified") != NULL);
    CHECK_STR(header_of(answer, "Accept-Ranges"), "bytes");
    wire_send(wire, "HEAD %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
              reply_path(&up));
    head = wire_read_any(wire);
    CHECK_INT(head->status, 200);
    CHECK_INT(head->body, 0);
    CHECK_STR(wire_header(head, "Content-Length"), httpd_env_format("%d", REPLY_LENGTH));
    CHECK_STR(wire_header(head, "ETag"), etag);
    CHECK_STR(wire_header(head, "Last-Modified"), header_of(answer, "Last-Modified"));
    end(&up);
}

static void whole(void)
{
    get_and_head("Reference");
    get_and_head("Value");
}

/** As a Windows client does it: one range after the other. */
static void ranges(void)
{
    upload_t up = served("Value", NULL);
    size_t at;

    for (at = 0; at < REPLY_LENGTH; at += 9977) {
        size_t now = REPLY_LENGTH - at < 9977 ? REPLY_LENGTH - at : 9977;

        check_part(get(&up,
                       httpd_env_format("Range: bytes=%lu-%lu", (unsigned long)at,
                                        (unsigned long)(at + now - 1)),
                       "Accept-Encoding: identity"),
                   206, at, now);
    }
    check_part(get(&up, "Range: bytes=-5", NULL), 206, REPLY_LENGTH - 5, 5);
    check_part(get(&up, "Range: bytes=19999-", NULL), 206, REPLY_LENGTH - 1, 1);
    check_part(get(&up, "Range: bytes=19999-30000", NULL), 206, REPLY_LENGTH - 1, 1);
    CHECK_INT(get(&up, "Range: bytes=20000-", NULL)->status, 416);
    end(&up);
}

static void multiple_ranges(void)
{
    upload_t up = served("Value", NULL);
    const fetch_answer_t *answer = get(&up, "Range: bytes=0-0,500-509", NULL);
    const char *type = header_of(answer, "Content-Type");

    CHECK_INT(answer->status, 206);
    CHECK(type != NULL && strncmp(type, "multipart/byteranges", 20) == 0);
    CHECK(answer->length > 11);
    CHECK_HAS(answer->body, "bytes 0-0/20000");
    end(&up);
}

static void conditions(void)
{
    upload_t up = served("Value", NULL);
    const fetch_answer_t *first = get(&up, NULL, NULL);
    const char *etag = header_of(first, "ETag");
    const char *date = header_of(first, "Last-Modified");

    REQUIRE(etag != NULL && date != NULL);
    CHECK_INT(get(&up, httpd_env_format("If-None-Match: %s", etag), NULL)->status, 304);
    CHECK_INT(get(&up, "If-None-Match: \"else\"", NULL)->status, 200);
    CHECK_INT(get(&up, "If-Match: \"else\"", NULL)->status, 412);
    CHECK_INT(get(&up, httpd_env_format("If-Match: %s", etag), NULL)->status, 200);
    CHECK_INT(get(&up, httpd_env_format("If-Modified-Since: %s", date), NULL)->status, 304);
    CHECK_INT(get(&up, httpd_env_format("If-Unmodified-Since: %s", date), NULL)->status, 200);
    check_part(get(&up, httpd_env_format("If-Range: %s", etag), "Range: bytes=7-16"), 206, 7, 10);
    check_part(get(&up, "If-Range: \"else\"", "Range: bytes=7-16"), 200, 0, REPLY_LENGTH);
    end(&up);
}

/** What a client goes on with after any interruption. */
static void validators_stay(void)
{
    upload_t up = served("Reference", NULL);
    const fetch_answer_t *first = get(&up, NULL, NULL);
    const fetch_answer_t *second;

    httpd_env_kill(up.env);
    httpd_env_resume(up.env);
    up.wire = wire_connect(up.env);
    CHECK_NEXT(reply_again(&up, file, LENGTH), 200, LENGTH);
    second = get(&up, NULL, NULL);
    check_part(second, 200, 0, REPLY_LENGTH);
    CHECK_STR(header_of(second, "ETag"), header_of(first, "ETag"));
    CHECK_STR(header_of(second, "Last-Modified"), header_of(first, "Last-Modified"));
    end(&up);
}

/** Neither an id that is not known, nor anything around the reply. */
static void nothing_else(void)
{
    httpd_env_options_t options = {.modules = "autoindex", .directory = "Options +Indexes\n"};
    upload_t up = served("Value", &options);
    static const char *const paths[] = {
        "/upload/BITS-Sessions",
        "/upload/BITS-Sessions/",
        "/upload/BITS-Sessions/Replies",
        "/upload/BITS-Sessions/Replies/",
        "/upload/BITS-Sessions/Replies/" WIRE_NO_SESSION,
        "/upload/BITS-Sessions/Replies/" WIRE_NO_SESSION "/responsefile.bin",
        "/upload/BITS-Sessions/Replies/../responsefile.bin",
        "/upload/BITS-Sessions/Replies//responsefile.bin",
        "/upload/BITS-Sessions/Replies/%s",
        "/upload/BITS-Sessions/Replies/%s/",
        "/upload/BITS-Sessions/Replies/%s/response",
        "/upload/BITS-Sessions/Replies/%s/responsefile.bin/more",
        "/upload/BITS-Sessions/Replies/%s/../%s/else.bin",
        "/BITS-Sessions/Replies/%s/responsefile.bin",
        "/plain/BITS-Sessions/Replies/%s/responsefile.bin",
        "/upload/sub/BITS-Sessions/Replies/%s/responsefile.bin",
    };
    size_t i;

    files_mkdir(httpd_env_path(up.env, "/upload/sub"), 0755);
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *mark = strstr(paths[i], "%s");
        const char *path = paths[i];
        int status;

        for (; mark != NULL; mark = strstr(path, "%s")) {
            path = apr_pstrcat(httpd_env_pool(),
                               apr_pstrmemdup(httpd_env_pool(), path, (apr_size_t)(mark - path)),
                               up.id, mark + 2, NULL);
        }
        status = reply_status(up.env, "GET", path, NULL);
        if (status != 404 && status != 403) {
            CHECK_FAIL("GET %s: %d", path, status);
        }
    }
    end(&up);
}

static void other_methods(void)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PROPFIND", "PATCH"};
    upload_t up = served("Value", NULL);
    size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        int status = reply_status(up.env, methods[i], reply_path(&up), "Content-Length: 0\r\n");

        if (status != 403 && status != 404 && status != 405) {
            CHECK_FAIL("%s: %d", methods[i], status);
        }
    }
    reply_check_bytes(&up, REPLY_LENGTH);
    end(&up);
}

/** An upload of ann's with its reply. */
static upload_t served_to_ann(const char *lines)
{
    httpd_env_options_t options = {.modules = USERS_MODULES, .directory = lines};
    backend_t *backend;
    httpd_env_t *env = reply_server(&backend, "Value", &options);
    upload_t up = {env, wire_connect(env), REPLY_PATH, NULL};
    const char *more =
        apr_pstrcat(env->pool, USERS_ANN, "BITS-Supported-Protocols: " WIRE_PROTOCOL "\r\n", NULL);

    backend_tell(backend, &gives_reply);
    users_write(env);
    up.id = wire_header(wire_packet(up.wire, up.path, "Create-Session", NULL, more, NULL, 0),
                        "BITS-Session-Id");
    REQUIRE(up.id != NULL);
    more = apr_pstrcat(env->pool, USERS_ANN, "Content-Range: bytes 0-4/5\r\n", NULL);
    CHECK_NEXT(wire_packet(up.wire, up.path, "Fragment", up.id, more, file, LENGTH), 200, LENGTH);
    return up;
}

static void other_users(void)
{
    upload_t up = served_to_ann(USERS_LINES);
    int status = reply_status(up.env, "GET", reply_path(&up), USERS_BOB);

    CHECK(status == 403 || status == 404);
    CHECK_INT(reply_status(up.env, "GET", reply_path(&up), NULL), 401);
    CHECK_INT(reply_status(up.env, "GET", reply_path(&up), USERS_ANN), 200);
    CHECK_ANSWER(wire_packet(up.wire, up.path, "Close-Session", up.id, USERS_ANN, NULL, 0), 200,
                 NULL);
    CHECK_INT(reply_status(up.env, "GET", reply_path(&up), USERS_ANN), 404);
}

/** Where httpd lets everybody read, the module does not. */
static void anonymous(void)
{
    upload_t up = served_to_ann(USERS_LINES "Require method GET HEAD\n");
    int status = reply_status(up.env, "GET", reply_path(&up), NULL);

    CHECK(status == 403 || status == 404);
    CHECK_ANSWER(wire_packet(up.wire, up.path, "Cancel-Session", up.id, USERS_ANN, NULL, 0), 200,
                 NULL);
}

static void host_id(void)
{
    reply_t reply = reply_begin_lines("Value", "BGUploadHostId node7.example:8080\n");

    backend_tell(reply.backend, &gives_reply);
    CHECK_STR(
        wire_header(reply_send(&reply.up, file, LENGTH), "BITS-Reply-URL"),
        apr_pstrcat(httpd_env_pool(), "http://node7.example:8080", reply_path(&reply.up), NULL));
    reply_check_bytes(&reply.up, REPLY_LENGTH);
    end(&reply.up);
}

/** A reply goes out as it is, whatever its folder's files are subject to. */
static void no_filters(void)
{
    static const char *const lines[] = {
        "SetOutputFilter INCLUDES;DEFLATE\nOptions +Includes\nForceType text/html\n"
        "AddDefaultCharset utf-8\n",
        "SetHandler server-status\nOptions +ExecCGI\nAddHandler cgi-script .bin\n",
    };
    size_t i;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        httpd_env_options_t options = {.modules = "deflate filter include status cgid",
                                       .server = "ScriptSock \"{ROOT}/run/cgisock\"\n",
                                       .directory = lines[i]};
        upload_t up = served("Value", &options);

        check_part(get(&up, "Accept-Encoding: gzip", NULL), 200, 0, REPLY_LENGTH);
        check_part(get(&up, "Accept-Encoding: gzip", "Range: bytes=10-19"), 206, 10, 10);
        end(&up);
    }
}

/** Through another name of a file the server would show what only it may read. */
static void hard_link(void)
{
    reply_t reply = reply_begin_lines("Reference", NULL);

    backend_tell(reply.backend,
                 &(backend_plan_t){.file = BACKEND_HARD_LINK, .target = reply.up.env->store});
    CHECK_ANSWER(reply_send(&reply.up, file, LENGTH), 502, "0x801900C8");
    CHECK_INT(reply_status(reply.up.env, "GET", reply_path(&reply.up), NULL), 404);
    CHECK_ANSWER(wire_cancel(wire_connect(reply.up.env), reply.up.path, reply.up.id), 200, NULL);
    CHECK(files_exists(reply.up.env->store));
}

/** The same, done behind the server's back. */
static void swapped_for_hard_link(void)
{
    upload_t up = served("Reference", NULL);
    const char *path = httpd_env_format("%s/%.36s.reply/response", up.env->spool, up.id + 1);
    const char *argv[] = {"ln", "-f", up.env->store, path, NULL};

    CHECK_INT(program_run(argv, NULL, httpd_env_pool()), 0);
    CHECK_INT(reply_status(up.env, "GET", reply_path(&up), NULL), 404);
    end(&up);
    CHECK(files_exists(up.env->store));
}

/** The application swaps its reply for a link behind the server's back. */
static void swapped_for_link(void)
{
    upload_t up = served("Reference", NULL);
    const char *path = httpd_env_format("%s/%.36s.reply/response", up.env->spool, up.id + 1);
    const char *argv[] = {"ln", "-sf", "/etc/passwd", path, NULL};

    reply_check_bytes(&up, REPLY_LENGTH);
    CHECK_INT(program_run(argv, NULL, httpd_env_pool()), 0);
    CHECK_INT(reply_status(up.env, "GET", reply_path(&up), NULL), 404);
    end(&up);
}

void suite_reply_serving(void)
{
    static const suite_test_t tests[] = {
        {"GET and HEAD", whole},
        {"ranges", ranges},
        {"several ranges at once", multiple_ranges},
        {"conditional requests", conditions},
        {"validators never change", validators_stay},
        {"nothing else is there", nothing_else},
        {"other methods", other_methods},
        {"other users", other_users},
        {"nobody, where all may read", anonymous},
        {"BGUploadHostId", host_id},
        {"no filters, no execution", no_filters},
        {"a hard link as reply", hard_link},
        {"a link in the reply's place", swapped_for_link},
        {"a hard link in the reply's place", swapped_for_hard_link},
    };

    SUITE_ADD("reply_serving", tests);
}
