/* SPDX-License-Identifier: Apache-2.0 */

/* A whole upload under each MPM, over TLS and over HTTP/2. */

#include "suites.h"

#include "fetch.h"
#include "files.h"
#include "upload.h"
#include "wire.h"

static const char path[] = "/upload/a.bin";
enum { LENGTH = 1000000, FRAGMENT = 300000 };

/** Upload a file through libcurl and look at the result. */
static void upload_with(const httpd_env_options_t *options, fetch_version_e version)
{
    httpd_env_t *env = httpd_env_start(options);
    fetch_t *client = fetch_open(env, version, NULL);
    const char *file = files_noise(LENGTH, 30, httpd_env_pool());
    upload_t up = {env, NULL, path, NULL};
    const fetch_answer_t *answer;

    fetch_upload(client, path, file, LENGTH, FRAGMENT);
    upload_check_file(&up, file, LENGTH);
    answer = fetch(client, "GET", path, NULL, NULL, 0);
    CHECK_INT(answer->status, 200);
    CHECK_INT(answer->version, version == FETCH_HTTP_1 ? 1 : 2);
    CHECK_INT(answer->length, LENGTH);
}

/** Whether httpd can be asked to do this; prints what is missing. */
static int can(const char *module)
{
    if (httpd_env_has_module(module)) {
        return 1;
    }
    check_skip(httpd_env_format("httpd has no mod_%s", module));
    return 0;
}

static void event(void)
{
    const httpd_env_options_t options = {.mpm = "event"};

    if (can("mpm_event")) {
        upload_with(&options, FETCH_HTTP_1);
    }
}

static void worker(void)
{
    const httpd_env_options_t options = {.mpm = "worker"};

    if (can("mpm_worker")) {
        upload_with(&options, FETCH_HTTP_1);
    }
}

static void prefork(void)
{
    const httpd_env_options_t options = {.mpm = "prefork"};

    if (can("mpm_prefork")) {
        upload_with(&options, FETCH_HTTP_1);
    }
}

static void tls(void)
{
    const httpd_env_options_t options = {.tls = 1};

    if (can("ssl")) {
        upload_with(&options, FETCH_HTTP_1);
    }
}

static void http2_over_tls(void)
{
    const httpd_env_options_t options = {
        .tls = 1, .modules = "http2", .server = "Protocols h2 http/1.1\n"};

    if (can("ssl") && can("http2")) {
        upload_with(&options, FETCH_HTTP_2_TLS);
    }
}

static void http2_clear(void)
{
    const httpd_env_options_t options = {.modules = "http2", .server = "Protocols h2c http/1.1\n"};

    if (can("http2")) {
        upload_with(&options, FETCH_HTTP_2_CLEAR);
    }
}

static void http2_refusals(void)
{
    const httpd_env_options_t options = {.modules = "http2", .server = "Protocols h2c http/1.1\n"};
    const char *session = "BITS-Session-Id: " WIRE_NO_SESSION;
    const char *unknown[] = {"BITS-Packet-Type: Nothing", NULL};
    const char *no_session[] = {"BITS-Packet-Type: Close-Session", session, NULL};
    const fetch_answer_t *answer;
    fetch_t *client;
    httpd_env_t *env;

    if (!can("http2")) {
        return;
    }
    env = httpd_env_start(&options);
    client = fetch_open(env, FETCH_HTTP_2_CLEAR, NULL);
    answer = fetch(client, "BITS_POST", path, unknown, "", 0);
    CHECK_INT(answer->status, 400);
    CHECK_STR(apr_table_get(answer->headers, "BITS-Error-Code"), "0x80070057");
    answer = fetch(client, "BITS_POST", path, no_session, "", 0);
    CHECK_INT(answer->status, 500);
    CHECK_STR(apr_table_get(answer->headers, "BITS-Error-Code"), "0x8020001F");
    CHECK_STR(apr_table_get(answer->headers, "BITS-Packet-Type"), "Ack");
    CHECK_INT(answer->length, 0);
}

void suite_mpm(void)
{
    static const suite_test_t tests[] = {
        {"event", event},
        {"worker", worker},
        {"prefork", prefork},
        {"TLS", tls},
        {"HTTP/2 over TLS", http2_over_tls},
        {"HTTP/2 without TLS", http2_clear},
        {"HTTP/2 refusals", http2_refusals},
    };

    SUITE_ADD("mpm", tests);
}
