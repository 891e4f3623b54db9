/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_notify_answer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include "bgu_packet.h"
#include "bgu_spool_reply.h"

/* The value of a header line if it has that name: a copy without the white space around it. */
static const char *header_value(const char *line, apr_size_t len, const char *name,
                                apr_pool_t *pool)
{
    apr_size_t name_len = strlen(name);

    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0) {
        return NULL;
    }
    line += name_len + 1;
    len -= name_len + 1;
    while (len && apr_isspace(*line)) {
        line++;
        len--;
    }
    while (len && apr_isspace(line[len - 1])) {
        len--;
    }
    return apr_pstrmemdup(pool, line, len);
}

void bgu_notify_header(bgu_verdict_t *verdict, const char *line, apr_size_t len, apr_pool_t *pool)
{
    const char *url = header_value(line, len, BGU_H_STATIC_REPLY_URL, pool);

    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        /* An interim answer came before: what it said does not count. */
        verdict->static_url = NULL;
        verdict->copy = 0;
    }
    if (url) {
        verdict->static_url = url;
    }
    if (header_value(line, len, BGU_H_COPY_FILE, pool)) {
        verdict->copy = 1;
    }
}

static void judge(bgu_verdict_t *verdict, bgu_result_e result, const char *detail)
{
    verdict->result = result;
    verdict->detail = detail;
}

/* Look for the reply of an application that accepted. By reference it may be empty; a body is a
 * reply only if there is one. */
static void find_reply(bgu_verdict_t *verdict, const bgu_notification_t *ask, apr_pool_t *pool)
{
    apr_off_t size;
    int fd;
    apr_status_t rv = APR_ENOENT;

    if (verdict->static_url == NULL) {
        rv = bgu_reply_open(&fd, &size, ask->reply_path, pool);
    }
    if (APR_STATUS_IS_ENOENT(rv)) {
        return;
    }
    if (rv == EMFILE || rv == ENFILE || rv == ENOMEM || rv == EIO) {
        verdict->cause = rv;
        judge(verdict, bgu_result_of(rv), "cannot open the reply in the spool");
        return;
    }
    if (rv != APR_SUCCESS) {
        verdict->cause = rv;
        judge(verdict, BGU_APP_BROKEN,
              "the application's reply is no file of its own that the server's user can read");
        return;
    }
    (void)close(fd);
    if (ask->max_reply && size > ask->max_reply) {
        judge(verdict, BGU_APP_BROKEN, "the reply is larger than BGUploadMaxReply");
        return;
    }
    verdict->has_reply = 1;
}

/* Whether a text can stand in a request line, or a header. */
static int is_one_word(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c > ' ' && *c != 0x7f) {
        c++;
    }
    return *c == '\0';
}

/* Whether the application may send the client there. */
static int is_absolute_url(const char *url)
{
    const char *colon = strstr(url, "://");

    return colon && colon > url && is_one_word(url) && strcspn(url, "\"<>\\") == strlen(url);
}

/* Whether an answer says that the application accepted. */
static int is_accepted(int status)
{
    return status == 200 || status == 201 || status == 202 || status == 204;
}

/* Whether an answer can be passed on: these mean to the client what the application means by them.
 */
static int is_passed_on(int status)
{
    return status >= 400 && status <= 599 && status != 401 && status != 407 && status != 413 &&
           status != 416;
}

void bgu_notify_judge(bgu_verdict_t *verdict, const bgu_notification_t *notification,
                      apr_pool_t *pool)
{
    const char *url = verdict->static_url;
    int status = verdict->status;
    const char *detail =
        apr_psprintf(pool, "the application at %s answered %d", notification->url, status);

    if (!is_accepted(status)) {
        judge(verdict, is_passed_on(status) ? BGU_APP_REFUSED : BGU_APP_BROKEN, detail);
    } else if (url && strlen(url) > BGU_STATIC_URL_MAX) {
        judge(verdict, BGU_APP_BAD_URL, "the application's reply URL is too long");
    } else if (url && !is_absolute_url(url)) {
        judge(verdict, BGU_APP_BROKEN, "the application's reply URL is not absolute");
    } else {
        judge(verdict, BGU_OK, detail);
        find_reply(verdict, notification, pool);
    }
}

const char *bgu_notify_url(const char *url, const char *base, const char *query, apr_pool_t *pool)
{
    CURLU *parts = curl_url();
    char *whole = NULL, *scheme = NULL;
    const char *result = NULL;

    if (parts && curl_url_set(parts, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        (*query == '\0' ||
         curl_url_set(parts, CURLUPART_QUERY, query, CURLU_APPENDQUERY) == CURLUE_OK) &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0) &&
        curl_url_get(parts, CURLUPART_URL, &whole, 0) == CURLUE_OK && is_one_word(whole)) {
        result = apr_pstrdup(pool, whole);
    }
    curl_free(scheme);
    curl_free(whole);
    curl_url_cleanup(parts);
    return result;
}
