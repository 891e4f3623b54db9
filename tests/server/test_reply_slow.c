/* SPDX-License-Identifier: Apache-2.0 */

/* A large reply to a client that reads slowly: while it pauses, httpd holds what it could not send,
 * others open and close files, and the server application does as it likes. */

#include "suites.h"

#include <string.h>

#include <apr_strings.h>

#include "files.h"
#include "overload.h"
#include "reply.h"

/** Length of the reply: more than the buffers of a connection and of a client hold. */
enum { REPLY_LENGTH = 16 * 1024 * 1024 };

/** Pauses of a download, and uploads of others in each. */
enum { PAUSES = 2, OTHERS = 3 };

/** A way to the client. */
typedef struct way_t {
    fetch_version_e version;
    int tls;
    const char *lines; /**< how httpd handles files */
} way_t;

static const way_t ways[] = {
    {FETCH_HTTP_1, 0, "EnableMMAP Off\nEnableSendfile Off\n"},
    {FETCH_HTTP_1, 0, "EnableMMAP On\nEnableSendfile Off\n"},
    {FETCH_HTTP_1, 0, "EnableMMAP Off\nEnableSendfile On\n"},
    {FETCH_HTTP_1, 1, "EnableMMAP On\nEnableSendfile On\n"},
    {FETCH_HTTP_2_CLEAR, 0, "EnableMMAP Off\nEnableSendfile Off\n"},
    {FETCH_HTTP_2_CLEAR, 0, "EnableMMAP On\nEnableSendfile On\n"},
    {FETCH_HTTP_2_TLS, 1, "EnableMMAP On\nEnableSendfile On\n"},
};

/** A download under way. */
typedef struct download_t {
    httpd_env_t *env;
    fetch_version_e version;
    const char *id;                                  /**< of the session, with braces */
    const char *expected;                            /**< the reply */
    size_t got;                                      /**< bytes of it so far */
    int same;                                        /**< they are as expected */
    int pauses;                                      /**< made so far */
    int (*pause)(const struct download_t *download); /**< returns 0 to hang up */
} download_t;

static int take(void *baton, const char *data, size_t length)
{
    download_t *download = baton;

    download->same = download->same && length <= REPLY_LENGTH - download->got &&
                     memcmp(download->expected + download->got, data, length) == 0;
    download->got += length;
    if (download->got > (size_t)download->pauses * REPLY_LENGTH / PAUSES) {
        download->pauses++;
        return download->pause(download);
    }
    return 1;
}

/** Others send files, for which the server opens and closes as many. */
static int others_upload(const download_t *download)
{
    const char *data = files_noise(1000, 95, httpd_env_pool());

    for (int i = 0; i < OTHERS; i++) {
        fetch_t *other = fetch_open(download->env, download->version, NULL);

        fetch_upload(other, httpd_env_format("/plain/%d-%d", download->pauses, i), data, 1000, 300);
    }
    return 1;
}

/** One packet of a session, whose answer has to be 200. */
static const fetch_answer_t *packet(fetch_t *client, const char *const headers[], const char *body,
                                    size_t length)
{
    const fetch_answer_t *answer = fetch(client, "BITS_POST", REPLY_PATH, headers, body, length);

    REQUIRE(answer->status == 200);
    return answer;
}

/** A download whose reply is there. Its server has one process, which also takes uploads to /plain
 * without an application. */
static download_t begin(const way_t *way)
{
    static const char *const create[] = {"BITS-Packet-Type: Create-Session",
                                         "BITS-Supported-Protocols: " WIRE_PROTOCOL, NULL};
    const char *fragment[] = {"BITS-Packet-Type: Fragment", "Content-Range: bytes 0-4/5", NULL,
                              NULL};
    httpd_env_options_t options = {
        .modules = way->version == FETCH_HTTP_1 ? NULL : "http2",
        .tls = way->tls,
        .server =
            httpd_env_format("%s<Directory \"{DOCROOT}/plain\">\nBGUpload On\n</Directory>\n%s%s",
                             OVERLOAD_ONE_CHILD, way->lines,
                             way->version == FETCH_HTTP_1 ? "" : "Protocols h2 h2c http/1.1\n")};
    backend_t *backend;
    download_t download = {.env = reply_server(&backend, "Reference", &options),
                           .version = way->version,
                           .expected = backend_bytes(REPLY_LENGTH, httpd_env_pool()),
                           .same = 1};
    fetch_t *client = fetch_open(download.env, way->version, NULL);

    backend_tell(backend, &(backend_plan_t){.file = BACKEND_FILE, .file_size = REPLY_LENGTH});
    download.id = apr_table_get(packet(client, create, "", 0)->headers, "BITS-Session-Id");
    REQUIRE(download.id != NULL);
    fragment[2] = httpd_env_format("BITS-Session-Id: %s", download.id);
    (void)packet(client, fragment, "12345", 5);
    return download;
}

static const char *path_of(const download_t *download)
{
    return reply_path(&(upload_t){.path = REPLY_PATH, .id = download->id});
}

/** Whether httpd has what a way needs. */
static int is_possible(const way_t *way)
{
    return (!way->tls || httpd_env_has_module("ssl")) &&
           (way->version == FETCH_HTTP_1 || httpd_env_has_module("http2"));
}

static void end(const download_t *download)
{
    const char *const close_session[] = {"BITS-Packet-Type: Close-Session",
                                         httpd_env_format("BITS-Session-Id: %s", download->id),
                                         NULL};

    (void)packet(fetch_open(download->env, download->version, NULL), close_session, "", 0);
}

static int has_closed(void *baton)
{
    const download_t *download = baton;

    return overload_open(download->env, overload_child(download->env)).spool == 0;
}

/** Download in every way; behind that, nothing of the reply may stay open. */
static void download_all(int (*pause)(const download_t *download), size_t least, size_t most)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        download_t download;
        fetch_t *client;

        if (!is_possible(&ways[i])) {
            check_skip("httpd has no mod_ssl or no mod_http2");
            continue;
        }
        download = begin(&ways[i]);
        download.pause = pause;
        client = fetch_open(download.env, ways[i].version, NULL);
        CHECK_INT(fetch_stream(client, path_of(&download), take, &download), 200);
        CHECK(download.got >= least && download.got <= most);
        CHECK(download.same);
        CHECK(check_wait(has_closed, &download, HTTPD_ENV_DEADLINE));
        end(&download);
        httpd_env_kill(download.env); /* an orderly stop would take its time */
    }
}

static void whole(void)
{
    download_all(others_upload, REPLY_LENGTH, REPLY_LENGTH);
}

static int hang_up(const download_t *download)
{
    (void)others_upload(download);
    return download->pauses < PAUSES;
}

static void hung_up(void)
{
    download_all(hang_up, 0, REPLY_LENGTH - 1);
}

void suite_reply_slow(void)
{
    static const suite_test_t tests[] = {
        {"it comes whole", whole},
        {"the client hangs up", hung_up},
    };

    SUITE_ADD("reply_slow", tests);
}
