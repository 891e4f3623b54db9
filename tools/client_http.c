/* SPDX-License-Identifier: Apache-2.0 */

#include "client_http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "bgu_packet.h"
#include "client_curl.h"
#include "client_url.h"

/* Bytes handed to libcurl at once. */
#define UPLOAD_BUFFER (256L * 1024)

struct client_http_t {
    CURL *curl;
    const client_watch_t *watch;
    unsigned long schemes;       /* that we may use; 0: no credentials */
    char host[CLIENT_HOST_SIZE]; /* whose scheme is known */
    int scheme_known;
    const client_packet_t *packet; /* being sent */
    client_answer_t *answer;       /* being received */
    apr_off_t sent;                /* bytes of the body */
    int requests;                  /* sent so far: more than one if the server wants credentials */
    int broken;                    /* the connection broke before the answer */
    apr_size_t heard;              /* bytes of the answer */
    int read_errno; /* why the file could not be read; -1: it is shorter than it was */
};

static size_t read_body(char *buffer, size_t size, size_t count, void *baton)
{
    client_http_t *http = baton;
    const bgu_range_t *range = &http->packet->range;
    apr_off_t left = range->end - range->first - http->sent;
    size_t want = size * count;
    ssize_t got;

    if (left <= 0) {
        return 0;
    }
    if ((apr_off_t)want > left) {
        want = (size_t)left;
    }
    do {
        got = pread(http->packet->fd, buffer, want, range->first + http->sent);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        http->read_errno = got < 0 ? errno : -1;
        return CURL_READFUNC_ABORT;
    }
    http->sent += got;
    return (size_t)got;
}

/* libcurl goes back when it has to send the body again, now with credentials. */
static int seek_body(void *baton, curl_off_t offset, int origin)
{
    client_http_t *http = baton;

    if (origin != SEEK_SET || offset < 0 ||
        offset > http->packet->range.end - http->packet->range.first) {
        return CURL_SEEKFUNC_FAIL;
    }
    http->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t take_header(char *line, size_t size, size_t count, void *baton)
{
    client_http_t *http = baton;

    http->heard += size * count;
    if (http->heard > CLIENT_CURL_HEAD_MAX) {
        return 0;
    }
    client_answer_line(http->answer, line, size * count);
    return size * count;
}

/* Answers of the module have no body; whatever others send is not wanted. */
static size_t drop_body(char *data, size_t size, size_t count, void *baton)
{
    client_http_t *http = baton;

    (void)data;
    http->heard += size * count;
    return http->heard > CLIENT_CURL_HEAD_MAX ? 0 : size * count;
}

static int watch_transfer(void *baton, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                          curl_off_t ulnow)
{
    const client_http_t *http = baton;

    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    if (http->packet->type == BGU_FRAGMENT) {
        http->watch->sent(http->watch->baton, http->sent);
    }
    return http->watch->interrupted(http->watch->baton);
}

/* Called before each request of an exchange. One more than we know of means that libcurl found a
 * kept connection broken and wants to send everything again by itself. But whether the server acted
 * on the first one matters, and a fragment may be there in part: that is for the engine to find
 * out. */
static int allow_request(void *baton, char *remote_ip, char *local_ip, int remote_port,
                         int local_port)
{
    client_http_t *http = baton;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (http->requests++ > 0 && !http->answer->ended) {
        http->broken = 1;
        return CURL_PREREQFUNC_ABORT;
    }
    client_answer_clear(http->answer);
    return CURL_PREREQFUNC_OK;
}

static void set_callbacks(client_http_t *http)
{
    CURL *curl = http->curl;

    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, http);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, http);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, allow_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, http);
}

client_http_t *client_http_make(const client_http_settings_t *settings, const client_watch_t *watch,
                                apr_pool_t *pool)
{
    client_http_t *http = apr_pcalloc(pool, sizeof(*http));
    CURL *curl = client_curl_make(settings, pool);

    if (curl == NULL) {
        return NULL;
    }
    http->curl = curl;
    http->watch = watch;
    http->schemes = client_curl_credentials(curl, settings);
    set_callbacks(http);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, BGU_METHOD);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
    return http;
}

void client_http_hurry(client_http_t *http, apr_interval_time_t limit)
{
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)(limit / 1000));
}

/* Add "name: value", or "name:" to keep libcurl from sending that header. */
static void add_header(struct curl_slist **list, const char *name, const char *value,
                       apr_pool_t *pool)
{
    const char *line = apr_pstrcat(pool, name, ":", value ? " " : "", value ? value : "", NULL);
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer) {
        *list = longer;
    }
}

static const char *content_range(const bgu_range_t *range, apr_pool_t *pool)
{
    if (range->total == 0) {
        return "bytes */0";
    }
    return apr_psprintf(pool, "bytes %" APR_OFF_T_FMT "-%" APR_OFF_T_FMT "/%" APR_OFF_T_FMT,
                        range->first, range->end - 1, range->total);
}

static struct curl_slist *request_headers(const client_packet_t *packet, apr_pool_t *pool)
{
    struct curl_slist *list = NULL;

    add_header(&list, BGU_H_PACKET_TYPE, bgu_packet_name(packet->type), pool);
    if (packet->type == BGU_CREATE_SESSION) {
        add_header(&list, BGU_H_SUPPORTED_PROTOCOLS, BGU_PROTOCOL, pool);
    }
    if (packet->session_id) {
        add_header(&list, BGU_H_SESSION_ID, apr_pstrcat(pool, "{", packet->session_id, "}", NULL),
                   pool);
    }
    if (packet->content_name) {
        add_header(&list, BGU_H_CONTENT_NAME, packet->content_name, pool);
    }
    if (packet->type == BGU_FRAGMENT) {
        add_header(&list, BGU_H_CONTENT_RANGE, content_range(&packet->range, pool), pool);
    }
    add_header(&list, "Expect", NULL, pool);
    return list;
}

/* What it means that libcurl did not get to the end of an exchange. */
static void explain(const client_http_t *http, CURLcode rc, const char *detail)
{
    client_answer_t *answer = http->answer;
    const char *text = *detail ? detail : curl_easy_strerror(rc);

    if (rc == CURLE_OK) {
        text = "the answer was not HTTP";
    }

    if (http->read_errno) {
        answer->reach = CLIENT_UNREADABLE;
        text = http->read_errno < 0 ? "it became shorter" : strerror(http->read_errno);
    } else if (http->broken) {
        answer->reach = CLIENT_UNREACHED;
        text = "the connection broke";
    } else if (rc == CURLE_ABORTED_BY_CALLBACK) {
        answer->reach = CLIENT_STOPPED;
        text = "stopped";
    } else if (answer->ended) {
        /* A refusal can arrive while the body is still being sent, and break that. */
        return;
    } else {
        answer->reach =
            client_curl_is_certificate_trouble(rc) ? CLIENT_UNREACHABLE : CLIENT_UNREACHED;
    }
    answer->status = 0;
    (void)apr_cpystrn(answer->trouble, text, sizeof(answer->trouble));
}

/* After the first answer, use the scheme that the server asked for right away, so that no fragment
 * is sent twice for a challenge. */
static void learn_scheme(client_http_t *http, const client_answer_t *answer)
{
    static const unsigned long order[] = {CURLAUTH_NEGOTIATE, CURLAUTH_DIGEST, CURLAUTH_NTLM,
                                          CURLAUTH_BASIC};
    long offered = 0;

    if (answer->reach != CLIENT_ANSWERED || answer->status == 401) {
        return;
    }
    http->scheme_known = 1;
    (void)curl_easy_getinfo(http->curl, CURLINFO_HTTPAUTH_AVAIL, &offered);
    for (apr_size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i] & http->schemes & (unsigned long)offered) {
            curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH, (long)order[i]);
            return;
        }
    }
}

static void perform(client_http_t *http, client_answer_t *answer, const client_packet_t *packet,
                    apr_pool_t *pool)
{
    struct curl_slist *headers = request_headers(packet, pool);
    curl_off_t length = 0;
    char detail[CURL_ERROR_SIZE] = "";
    CURLcode rc;

    if (packet->type == BGU_FRAGMENT) {
        length = packet->range.end - packet->range.first;
    }
    client_answer_clear(answer);
    http->packet = packet;
    http->answer = answer;
    http->sent = 0;
    http->heard = 0;
    http->requests = 0;
    http->broken = 0;
    http->read_errno = 0;
    client_curl_target(http->curl, packet->url, pool);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_INFILESIZE_LARGE, length);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, detail);
    rc = curl_easy_perform(http->curl);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (rc != CURLE_OK || !answer->ended) {
        explain(http, rc, detail);
    }
    answer->retry_after = client_curl_retry_after(http->curl);
    if (http->schemes && !http->scheme_known) {
        learn_scheme(http, answer);
    }
}

void client_http_exchange(client_http_t *http, client_answer_t *answer,
                          const client_packet_t *packet, apr_pool_t *pool)
{
    const char *host = client_url_host(packet->url, pool);

    if (http->schemes && strcmp(host, http->host) != 0) {
        (void)apr_cpystrn(http->host, host, sizeof(http->host));
        http->scheme_known = 0;
        curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH, (long)http->schemes);
    }
    if (http->schemes && !http->scheme_known && packet->type == BGU_FRAGMENT) {
        client_packet_t ping = {.type = BGU_PING, .url = packet->url};
        perform(http, answer, &ping, pool);
        if (!http->scheme_known) {
            return;
        }
    }
    perform(http, answer, packet, pool);
}
