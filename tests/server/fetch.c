/* SPDX-License-Identifier: Apache-2.0 */

#include "fetch.h"

#include <curl/curl.h>
#include <string.h>

#include <apr_strings.h>

#include "wire.h"

struct fetch_t {
    httpd_env_t *env;
    CURL *curl;
};

/** Where an answer is gathered. */
struct gathering {
    fetch_answer_t *answer;
    char *body;
};

static apr_status_t close_client(void *baton)
{
    fetch_t *client = baton;

    curl_easy_cleanup(client->curl);
    return APR_SUCCESS;
}

fetch_t *fetch_open(httpd_env_t *env, fetch_version_e version, const char *user)
{
    static const long versions[] = {
        [FETCH_HTTP_1] = CURL_HTTP_VERSION_1_1,
        [FETCH_HTTP_2_CLEAR] = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
        [FETCH_HTTP_2_TLS] = CURL_HTTP_VERSION_2TLS,
    };
    fetch_t *client = apr_pcalloc(env->clients, sizeof(*client));

    client->env = env;
    client->curl = curl_easy_init();
    REQUIRE(client->curl != NULL);
    apr_pool_cleanup_register(env->clients, client, close_client, apr_pool_cleanup_null);
    curl_easy_setopt(client->curl, CURLOPT_HTTP_VERSION, versions[version]);
    curl_easy_setopt(client->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(client->curl, CURLOPT_CAINFO, env->ca);
    /* libcurl 7.88 breaks a connection with prior knowledge when it is used again. */
    curl_easy_setopt(client->curl, CURLOPT_FORBID_REUSE, version == FETCH_HTTP_2_CLEAR ? 1L : 0L);
    if (user != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(client->curl, CURLOPT_USERPWD, user);
    }
    return client;
}

static size_t take_body(char *data, size_t size, size_t count, void *baton)
{
    struct gathering *gathering = baton;
    fetch_answer_t *answer = gathering->answer;
    char *more = apr_palloc(httpd_env_pool(), answer->length + count + 1);

    (void)size;
    if (answer->length > 0) {
        memcpy(more, gathering->body, answer->length);
    }
    memcpy(more + answer->length, data, count);
    answer->length += count;
    more[answer->length] = '\0';
    gathering->body = more;
    answer->body = more;
    return count;
}

static size_t take_header(char *data, size_t size, size_t count, void *baton)
{
    struct gathering *gathering = baton;
    char *line = apr_pstrmemdup(httpd_env_pool(), data, count);
    char *colon = strchr(line, ':');

    (void)size;
    line[strcspn(line, "\r\n")] = '\0';
    if (colon != NULL) {
        *colon = '\0';
        apr_table_addn(gathering->answer->headers, line, colon + 1 + strspn(colon + 1, " "));
    }
    return count;
}

const fetch_answer_t *fetch(fetch_t *client, const char *method, const char *path,
                            const char *const headers[], const void *body, size_t length)
{
    apr_pool_t *pool = httpd_env_pool();
    fetch_answer_t *answer = apr_pcalloc(pool, sizeof(*answer));
    struct gathering gathering = {answer, NULL};
    struct curl_slist *list = NULL;
    CURLcode result;
    long number = 0;

    answer->headers = apr_table_make(pool, 8);
    answer->body = "";
    for (; headers != NULL && *headers != NULL; headers++) {
        list = curl_slist_append(list, *headers);
    }
    /* No "Expect: 100-continue" and no form's type: a client of this protocol sends neither. */
    list = curl_slist_append(list, "Expect:");
    list = curl_slist_append(list, "Content-Type:");
    curl_easy_setopt(client->curl, CURLOPT_URL, apr_pstrcat(pool, client->env->url, path, NULL));
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, list);
    if (body != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
    } else {
        curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &gathering);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, &gathering);
    result = curl_easy_perform(client->curl);
    curl_slist_free_all(list);
    if (result != CURLE_OK) {
        CHECK_FAIL("%s %s: %s", method, path, curl_easy_strerror(result));
        return answer;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &number);
    answer->status = (int)number;
    curl_easy_getinfo(client->curl, CURLINFO_HTTP_VERSION, &number);
    answer->version = number == CURL_HTTP_VERSION_2 ? 2 : 1;
    return answer;
}

/** What fetch_stream() hands on to. */
struct stream {
    fetch_take_fn *take;
    void *baton;
};

static size_t pass_on(char *data, size_t size, size_t count, void *baton)
{
    const struct stream *stream = baton;

    (void)size;
    return stream->take(stream->baton, data, count) ? count : 0;
}

int fetch_stream(fetch_t *client, const char *path, fetch_take_fn *take, void *baton)
{
    struct stream stream = {take, baton};
    const char *url = apr_pstrcat(httpd_env_pool(), client->env->url, path, NULL);
    CURLcode result;
    long status = 0;

    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    /* Without this, hanging up would be left to the next request of the connection. */
    curl_easy_setopt(client->curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, pass_on);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &stream);
    result = curl_easy_perform(client->curl);
    if (result != CURLE_OK && result != CURLE_WRITE_ERROR) {
        CHECK_FAIL("GET %s: %s", path, curl_easy_strerror(result));
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

/** Send one packet; the answer is held to 200, an Ack and no body. */
static const fetch_answer_t *packet(fetch_t *client, const char *path, const char *type,
                                    const char *more, const char *other, const void *body,
                                    size_t length)
{
    const char *headers[] = {apr_pstrcat(httpd_env_pool(), "BITS-Packet-Type: ", type, NULL), more,
                             other, NULL};
    const fetch_answer_t *answer =
        fetch(client, "BITS_POST", path, headers, body != NULL ? body : "", length);

    CHECK_INT(answer->status, 200);
    CHECK_STR(apr_table_get(answer->headers, "BITS-Packet-Type"), "Ack");
    CHECK_STR(apr_table_get(answer->headers, "Content-Length"), "0");
    CHECK_INT(answer->length, 0);
    return answer;
}

void fetch_upload(fetch_t *client, const char *path, const char *file, size_t length,
                  size_t fragment)
{
    apr_pool_t *pool = httpd_env_pool();
    const fetch_answer_t *answer = packet(
        client, path, "Create-Session", "BITS-Supported-Protocols: " WIRE_PROTOCOL, NULL, NULL, 0);
    const char *id = apr_table_get(answer->headers, "BITS-Session-Id");
    const char *session;
    size_t at = 0;

    REQUIRE(id != NULL);
    session = apr_pstrcat(pool, "BITS-Session-Id: ", id, NULL);
    while (at < length) {
        size_t now = length - at < fragment ? length - at : fragment;
        const char *range = httpd_env_format("Content-Range: bytes %lu-%lu/%lu", (unsigned long)at,
                                             (unsigned long)(at + now - 1), (unsigned long)length);

        answer = packet(client, path, "Fragment", session, range, file + at, now);
        REQUIRE(answer->status == 200);
        at += now;
        CHECK_STR(apr_table_get(answer->headers, "BITS-Received-Content-Range"),
                  httpd_env_format("%lu", (unsigned long)at));
    }
    packet(client, path, "Close-Session", session, NULL, NULL, 0);
}
