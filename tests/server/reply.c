/* SPDX-License-Identifier: Apache-2.0 */

#include "reply.h"

#include <string.h>

#include <apr_strings.h>

httpd_env_t *reply_server(backend_t **backend, const char *by, const httpd_env_options_t *options)
{
    httpd_env_options_t all = {0};

    *backend = backend_start();
    if (options != NULL) {
        all = *options;
    }
    all.directory = httpd_env_format("BGUploadNotify %s\nBGUploadNotifyURL %s/app\n%s\n", by,
                                     (*backend)->url, all.directory != NULL ? all.directory : "");
    return httpd_env_start(&all);
}

reply_t reply_begin(const char *by, const httpd_env_options_t *options)
{
    reply_t reply;
    httpd_env_t *env = reply_server(&reply.backend, by, options);

    reply.up = upload_another(env, REPLY_PATH);
    return reply;
}

reply_t reply_begin_lines(const char *by, const char *lines)
{
    httpd_env_options_t options = {.directory = lines};

    return reply_begin(by, &options);
}

void reply_ask(const upload_t *up, const char *file, size_t length)
{
    wire_fragment_head(up->wire, up->path, up->id, 0, (long long)length, (long long)length);
    wire_send_bytes(up->wire, file, length);
}

const wire_answer_t *reply_send(const upload_t *up, const char *file, size_t length)
{
    reply_ask(up, file, length);
    return wire_read_application(up->wire);
}

const wire_answer_t *reply_again(const upload_t *up, const char *file, size_t length)
{
    wire_fragment_head(up->wire, up->path, up->id, (long long)length - 1, 1, (long long)length);
    wire_send_bytes(up->wire, file + length - 1, 1);
    return wire_read_application(up->wire);
}

upload_t reply_uploaded(httpd_env_t *env, const char *path, const char *file, size_t length)
{
    upload_t up = upload_another(env, path);

    CHECK_NEXT(reply_send(&up, file, length), 200, (long long)length);
    return up;
}

const char *reply_path(const upload_t *up)
{
    const char *slash = strrchr(up->path, '/');

    return httpd_env_format("%.*s/BITS-Sessions/Replies/%s/responsefile.bin",
                            (int)(slash - up->path), up->path, up->id);
}

/** A path as it stands in a URL: the braces may be escaped. */
static const char *unescape(const char *url)
{
    char *result = apr_pstrdup(httpd_env_pool(), url);
    char *to = result;

    while (*url != '\0') {
        if (strncmp(url, "%7b", 3) == 0 || strncmp(url, "%7d", 3) == 0) {
            *to++ = url[2] == 'b' ? '{' : '}';
            url += 3;
        } else {
            *to++ = *url++;
        }
    }
    *to = '\0';
    return result;
}

void reply_check_url(const upload_t *up, const wire_answer_t *answer, int file)
{
    const char *url = wire_header(answer, "BITS-Reply-URL");

    if (!file || url == NULL) {
        CHECK_STR(url, file ? reply_path(up) : NULL);
        return;
    }
    CHECK_STR(unescape(url),
              httpd_env_format("http://localhost:%d%s", up->env->port, reply_path(up)));
}

void reply_check_bytes(const upload_t *up, size_t length)
{
    /* A connection that libcurl keeps would go on to the next server that the test starts. */
    static const char *const headers[] = {"Connection: close", NULL};
    fetch_t *client = fetch_open(up->env, FETCH_HTTP_1, NULL);
    const fetch_answer_t *answer = fetch(client, "GET", reply_path(up), headers, NULL, 0);

    CHECK_INT(answer->status, 200);
    CHECK_INT(answer->length, length);
    CHECK(answer->length != length || length == 0 ||
          memcmp(answer->body, backend_bytes(length, httpd_env_pool()), length) == 0);
}

int reply_status(httpd_env_t *env, const char *method, const char *path, const char *more)
{
    wire_t *wire = wire_connect(env);
    int status;

    wire_send(wire, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
              path, more != NULL ? more : "");
    status = wire_read_any(wire)->status;
    wire_disconnect(wire);
    return status;
}
