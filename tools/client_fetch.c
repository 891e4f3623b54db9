/* SPDX-License-Identifier: Apache-2.0 */

#include "client_fetch.h"

#include <string.h>
#include <apr_strings.h>
#include "client_curl.h"

struct client_fetcher_t {
    const client_http_settings_t *settings;
    const client_watch_t *watch;
    CURL *open, *trusted; /* without and with name and password; NULL until needed */
    apr_pool_t *pool;
    const client_fetch_t *fetch; /* on its way */
    client_answer_t *answer;
    client_head_t head;
    client_body_e body;
    apr_size_t heard; /* bytes of heads and of bodies nobody wants */
    int failed;       /* errno: why the part could not be written */
};

static size_t take_head(char *line, size_t size, size_t count, void *baton)
{
    client_fetcher_t *f = baton;
    apr_size_t len = size * count;
    const client_fetch_t *fetch = f->fetch;

    f->heard += len;
    if (f->heard > CLIENT_CURL_HEAD_MAX) {
        return 0;
    }
    client_answer_line(f->answer, line, len);
    client_head_line(&f->head, line, len);
    f->body = CLIENT_BODY_NONE;
    if (!f->answer->ended) {
        return len;
    }
    /* Ours to judge: the packets' mark is not for downloads. */
    f->answer->ack = 1;
    f->body = client_head_body(&f->head, fetch->out->have, fetch->etag);
    if (f->body == CLIENT_BODY_WHOLE) {
        f->failed = client_out_empty(fetch->out);
    }
    if (f->body == CLIENT_BODY_WHOLE || f->body == CLIENT_BODY_REST) {
        fetch->begin(fetch->baton, &f->head, f->body);
    }
    return f->failed ? 0 : len;
}

static size_t take_body(char *data, size_t size, size_t count, void *baton)
{
    client_fetcher_t *f = baton;
    apr_size_t len = size * count;

    if (f->body == CLIENT_BODY_OTHER || f->body == CLIENT_BODY_UNUSABLE) {
        return 0;
    }
    if (f->body == CLIENT_BODY_WHOLE || f->body == CLIENT_BODY_REST) {
        f->failed = client_out_write(f->fetch->out, data, len);
        return f->failed ? 0 : len;
    }
    f->heard += len;
    return f->heard > CLIENT_CURL_HEAD_MAX ? 0 : len;
}

static int watch_transfer(void *baton, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                          curl_off_t ulnow)
{
    const client_fetcher_t *f = baton;

    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    f->watch->sent(f->watch->baton, f->fetch->out->have);
    return f->watch->interrupted(f->watch->baton);
}

client_fetcher_t *client_fetcher_make(const client_http_settings_t *settings,
                                      const client_watch_t *watch, apr_pool_t *pool)
{
    client_fetcher_t *f = apr_pcalloc(pool, sizeof(*f));

    f->settings = settings;
    f->watch = watch;
    f->pool = pool;
    f->open = client_curl_make(settings, pool);
    f->trusted = client_curl_make(settings, pool);
    if (f->open == NULL || f->trusted == NULL) {
        return NULL;
    }
    curl_easy_setopt(f->trusted, CURLOPT_HTTPAUTH,
                     (long)client_curl_credentials(f->trusted, settings));
    for (int i = 0; i < 2; i++) {
        CURL *curl = i ? f->trusted : f->open;
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, f);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_transfer);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, f);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    }
    return f;
}

/* Add a line to a list; without memory the request fails, or is refused, by itself. */
static void add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer) {
        *list = longer;
    }
}

static struct curl_slist *request_headers(const client_fetch_t *fetch, apr_pool_t *pool)
{
    struct curl_slist *list = NULL;

    add(&list, "Accept-Encoding: identity");
    if (fetch->out->have > 0) {
        add(&list, apr_psprintf(pool, "Range: bytes=%" APR_OFF_T_FMT "-", fetch->out->have));
        add(&list, apr_pstrcat(pool, "If-Range: ", fetch->etag, NULL));
    }
    return list;
}

static client_verdict_e trouble(client_fetcher_t *f, client_reach_e reach, const char *text,
                                client_verdict_e verdict)
{
    f->answer->reach = reach;
    f->answer->status = 0;
    (void)apr_cpystrn(f->answer->trouble, text, sizeof(f->answer->trouble));
    return verdict;
}

/* The transfer came to its end: is everything there? */
static client_verdict_e judge_body(client_fetcher_t *f)
{
    apr_off_t total = client_head_total(&f->head);

    if (total >= 0 && f->fetch->out->have != total) {
        return trouble(f, CLIENT_UNREACHED, "the reply is not complete", CLIENT_TRANSIENT);
    }
    return CLIENT_OK;
}

static client_verdict_e judge(client_fetcher_t *f, CURLcode rc, const char *detail)
{
    const char *text = *detail ? detail : curl_easy_strerror(rc);

    if (f->failed) {
        return trouble(f, CLIENT_UNREADABLE, strerror(f->failed), CLIENT_FILE);
    }
    if (rc == CURLE_ABORTED_BY_CALLBACK) {
        return trouble(f, CLIENT_STOPPED, "stopped", CLIENT_INTERRUPTED);
    }
    if (f->answer->ended && f->body == CLIENT_BODY_NOTHING) {
        return CLIENT_OK;
    }
    if (f->answer->ended && f->body == CLIENT_BODY_OTHER) {
        return trouble(f, CLIENT_UNREACHED, "the reply is not what it was before", CLIENT_RANGE);
    }
    if (f->answer->ended && f->body == CLIENT_BODY_UNUSABLE) {
        return trouble(f, CLIENT_UNREACHED,
                       "the reply came in a form that was not asked for or has no length",
                       CLIENT_FATAL);
    }
    if (f->answer->ended && f->body == CLIENT_BODY_NONE) {
        return client_status_verdict(f->answer->status);
    }
    if (client_curl_is_certificate_trouble(rc)) {
        return trouble(f, CLIENT_UNREACHABLE, text, CLIENT_FATAL);
    }
    if (rc != CURLE_OK || !f->answer->ended) {
        return trouble(f, CLIENT_UNREACHED, rc ? text : "the answer was not HTTP",
                       CLIENT_TRANSIENT);
    }
    return judge_body(f);
}

client_verdict_e client_fetch(client_fetcher_t *f, client_answer_t *answer,
                              const client_fetch_t *fetch, apr_pool_t *pool)
{
    CURL *curl = fetch->with_credentials ? f->trusted : f->open;
    struct curl_slist *headers = request_headers(fetch, pool);
    char detail[CURL_ERROR_SIZE] = "";
    client_verdict_e verdict;

    client_answer_clear(answer);
    client_head_clear(&f->head);
    f->fetch = fetch;
    f->answer = answer;
    f->body = CLIENT_BODY_NONE;
    f->heard = 0;
    f->failed = 0;
    client_curl_target(curl, fetch->url, pool);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    verdict = judge(f, rc, detail);
    answer->retry_after = client_curl_retry_after(curl);
    return verdict;
}

const char *client_fetch_advice(const client_answer_t *answer, int with_credentials)
{
    if (answer->reach == CLIENT_UNREACHABLE) {
        return "give the server's certificate authority with --ca";
    }
    if (answer->reach != CLIENT_ANSWERED) {
        return "";
    }
    if (answer->status >= 300 && answer->status < 400) {
        return "redirects are not followed";
    }
    if (answer->status == 401) {
        return with_credentials ? "give the right name and password with --user"
                                : "the reply is on another host, which gets no name and password";
    }
    return "";
}
