/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_notify_curl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include "bgu_clock.h"
#include "bgu_notify_answer.h"
#include "bgu_notify_idle.h"
#include "bgu_packet.h"

/* An application that sends or takes bytes at less than this rate, beyond its timeout, is given up:
 * a byte now and then must not hold a thread for ever. Bytes a second. */
#define RATE_MIN (16 * 1024)

/* Most bytes of headers in an answer. */
#define HEADERS_MAX (256 * 1024)

/* Microseconds to wait for a connection. */
#define CONNECT_TIMEOUT apr_time_from_sec(30)

typedef struct notifier_t {
    bgu_notifier_t interface; /* first: what the core sees */
    bgu_notify_idle_t *idle;
} notifier_t;

/* One notification on its way. */
typedef struct exchange_t {
    const bgu_notification_t *ask;
    bgu_verdict_t *verdict;
    apr_pool_t *pool;
    CURL *curl;
    int data;              /* the received file, or -1 */
    int reply;             /* what the body goes to, or -1 */
    const char *part_path; /* where the body goes until it is whole */
    apr_off_t sent, received;
    apr_size_t header_bytes;
    int headed;       /* the headers came to their end */
    apr_time_t since; /* when the present phase began, of bgu_clock_uptime() */
    enum { SENDING, WAITING, RECEIVING } phase;
    int aborted; /* verdict says why we gave up */
} exchange_t;

static void judge(exchange_t *ex, bgu_result_e result, apr_status_t cause, const char *detail)
{
    ex->verdict->result = result;
    ex->verdict->cause = cause;
    ex->verdict->detail = detail;
}

/* Give up: libcurl ends the transfer when a callback has done this. */
static void give_up(exchange_t *ex, bgu_result_e result, apr_status_t cause, const char *detail)
{
    ex->aborted = 1;
    judge(ex, result, cause, detail);
}

static void enter(exchange_t *ex, int phase)
{
    if ((int)ex->phase != phase) {
        ex->phase = phase == WAITING ? WAITING : RECEIVING;
        ex->since = bgu_clock_uptime();
    }
}

/* libcurl asks for more of the file. */
static size_t on_read(char *buffer, size_t size, size_t count, void *data)
{
    exchange_t *ex = data;
    apr_off_t left = ex->ask->size - ex->sent;
    size_t max = size * count;
    ssize_t got;

    if ((apr_off_t)max > left) {
        max = (size_t)left;
    }
    if (max == 0) {
        return 0;
    }
    do {
        got = pread(ex->data, buffer, max, ex->sent);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        give_up(ex, BGU_IO_ERROR, got < 0 ? errno : APR_EOF, "cannot read the received file");
        return CURL_READFUNC_ABORT;
    }
    ex->sent += got;
    return (size_t)got;
}

/* libcurl wants to send the file again, on another connection. */
static int on_seek(void *data, curl_off_t offset, int origin)
{
    exchange_t *ex = data;

    if (origin != SEEK_SET || offset < 0 || offset > ex->ask->size) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    ex->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
    exchange_t *ex = data;
    size_t len = size * count;

    ex->header_bytes += len;
    if (ex->header_bytes > HEADERS_MAX) {
        give_up(ex, BGU_APP_BROKEN, APR_SUCCESS, "the application's headers have no end");
        return 0;
    }
    /* libcurl takes the end of the connection for the end of the headers. */
    ex->headed = len <= 2 && (*line == '\r' || *line == '\n');
    bgu_notify_header(ex->verdict, line, len, ex->pool);
    return len;
}

/* Whether the body of the answer is the reply, as far as the headers tell. */
static int is_reply(exchange_t *ex)
{
    long status = 0;

    (void)curl_easy_getinfo(ex->curl, CURLINFO_RESPONSE_CODE, &status);
    return ex->ask->by == BGU_NOTIFY_VALUE && status >= 200 && status < 300 &&
           ex->verdict->static_url == NULL;
}

static apr_status_t write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
    return APR_SUCCESS;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    exchange_t *ex = data;
    size_t len = size * count;

    enter(ex, RECEIVING);
    ex->received += (apr_off_t)len;
    if (!is_reply(ex)) {
        return len;
    }
    if (ex->ask->max_reply && ex->received > ex->ask->max_reply) {
        give_up(ex, BGU_APP_BROKEN, APR_SUCCESS, "the reply is larger than BGUploadMaxReply");
        return 0;
    }
    if (ex->reply < 0) {
        ex->reply = open(ex->part_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    }
    apr_status_t rv = ex->reply < 0 ? errno : write_all(ex->reply, bytes, len);
    if (rv != APR_SUCCESS) {
        give_up(ex, bgu_result_of(rv), rv, "cannot write the reply to the spool");
        return 0;
    }
    return len;
}

/* Called by libcurl about once a second and whenever something moves: look at the clock. */
static int on_progress(void *data, curl_off_t download_total, curl_off_t download,
                       curl_off_t upload_total, curl_off_t upload)
{
    exchange_t *ex = data;
    apr_off_t moved = 0;

    (void)download_total;
    (void)upload_total;
    if (ex->phase == SENDING && upload >= (ex->ask->by == BGU_NOTIFY_VALUE ? ex->ask->size : 0)) {
        enter(ex, WAITING);
    }
    if (ex->phase == SENDING) {
        moved = upload;
    } else if (ex->phase == RECEIVING) {
        moved = download;
    }
    apr_time_t deadline = ex->since + ex->ask->timeout + apr_time_from_sec(moved / RATE_MIN);
    if (bgu_clock_uptime() > deadline) {
        give_up(ex, BGU_APP_TIMEOUT, APR_SUCCESS,
                "the application did not answer within BGUploadNotifyTimeout");
        return 1;
    }
    return 0;
}

/* The headers of the request. NULL for want of memory. */
static struct curl_slist *request_headers(const exchange_t *ex)
{
    const bgu_notification_t *ask = ex->ask;
    apr_pool_t *pool = ex->pool;
    struct curl_slist *list = NULL, *longer;
    const char *lines[6];
    int count = 0;

    lines[count++] = apr_pstrcat(pool, BGU_H_ORIGINAL_URL ": ", ask->original_url, NULL);
    lines[count++] = apr_pstrcat(pool, BGU_H_SESSION_ID ": {", ask->session_id, "}", NULL);
    if (ask->by == BGU_NOTIFY_REFERENCE) {
        lines[count++] = apr_pstrcat(pool, BGU_H_REQUEST_FILE ": ", ask->data_path, NULL);
        lines[count++] = apr_pstrcat(pool, BGU_H_RESPONSE_FILE ": ", ask->reply_path, NULL);
        lines[count++] = "Content-Type:";
    } else {
        lines[count++] = "Content-Type: application/octet-stream";
    }
    /* Nothing is gained by waiting for a 100 Continue. */
    lines[count++] = "Expect:";
    for (int i = 0; i < count; i++) {
        longer = curl_slist_append(list, lines[i]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* All options are set anew: the handle keeps nothing of the notification before but its
 * connection. Setting one only fails where libcurl was built without the feature, which the
 * transfer shows. */
static void prepare(exchange_t *ex, struct curl_slist *headers, char *error)
{
    const bgu_notification_t *ask = ex->ask;
    CURL *curl = ex->curl;
    apr_interval_time_t connect = ask->timeout < CONNECT_TIMEOUT ? ask->timeout : CONNECT_TIMEOUT;

    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, ask->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "mod_bgupload");
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    /* bgu_notify_idle_take() */
    (void)curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    /* The application is named by the administrator; a proxy in the environment is not meant. */
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)apr_time_as_msec(connect));
    if (ask->ca) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, ask->ca);
    }
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    if (ask->by == BGU_NOTIFY_VALUE) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->size);
        (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        (void)curl_easy_setopt(curl, CURLOPT_READDATA, ex);
        (void)curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        (void)curl_easy_setopt(curl, CURLOPT_SEEKDATA, ex);
        (void)curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    } else {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
    }
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, ex);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ex);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, ex);
}

/* Why the transfer itself failed. */
static void judge_failure(exchange_t *ex, CURLcode code, const char *error)
{
    const char *detail =
        apr_pstrcat(ex->pool, "no whole answer from the application at ", ex->ask->url, ": ",
                    *error ? error : curl_easy_strerror(code), NULL);
    curl_off_t connected = 0;

    if (ex->aborted) {
        return;
    }
    (void)curl_easy_getinfo(ex->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    judge(ex, connected == 0 ? BGU_APP_UNREACHABLE : BGU_APP_BROKEN, APR_SUCCESS, detail);
}

/* The reply, if it came as a body, under its name. */
static apr_status_t keep_body(exchange_t *ex)
{
    if (ex->reply < 0) {
        return APR_SUCCESS;
    }
    int rc = close(ex->reply);
    ex->reply = -1;
    if (rc != 0 || rename(ex->part_path, ex->ask->reply_path) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

static void transfer(exchange_t *ex)
{
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = request_headers(ex);
    long status = 0;

    if (headers == NULL) {
        judge(ex, BGU_IO_ERROR, APR_ENOMEM, "no memory for a notification");
        return;
    }
    prepare(ex, headers, error);
    ex->since = bgu_clock_uptime();
    CURLcode code = curl_easy_perform(ex->curl);
    (void)curl_easy_getinfo(ex->curl, CURLINFO_RESPONSE_CODE, &status);
    ex->verdict->status = (int)status;
    if (code == CURLE_OK && ex->headed) {
        apr_status_t rv = keep_body(ex);
        if (rv == APR_SUCCESS) {
            bgu_notify_judge(ex->verdict, ex->ask, ex->pool);
        } else {
            judge(ex, bgu_result_of(rv), rv, "cannot write the reply to the spool");
        }
    } else {
        judge_failure(ex, code, error);
    }
    curl_slist_free_all(headers);
}

static void notify(bgu_notifier_t *interface, bgu_verdict_t *verdict,
                   const bgu_notification_t *notification, apr_pool_t *pool)
{
    notifier_t *notifier = (notifier_t *)interface;
    exchange_t ex = {
        .ask = notification,
        .verdict = verdict,
        .pool = pool,
        .data = -1,
        .reply = -1,
        .part_path = apr_pstrcat(pool, notification->reply_path, ".part", NULL),
        .curl = bgu_notify_idle_take(notifier->idle),
    };

    *verdict = (bgu_verdict_t){.result = BGU_OK};
    if (ex.curl == NULL) {
        judge(&ex, BGU_IO_ERROR, APR_ENOMEM, "no memory for a notification");
        return;
    }
    if (notification->by == BGU_NOTIFY_VALUE) {
        ex.data = open(notification->data_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (notification->by == BGU_NOTIFY_VALUE && ex.data < 0) {
        judge(&ex, BGU_IO_ERROR, errno, "cannot open the received file");
    } else {
        transfer(&ex);
    }
    if (ex.data >= 0) {
        (void)close(ex.data);
    }
    if (ex.reply >= 0) {
        (void)close(ex.reply);
    }
    if (verdict->result != BGU_OK) {
        (void)unlink(ex.part_path);
        (void)unlink(notification->reply_path);
    }
    bgu_notify_idle_put(notifier->idle, ex.curl);
}

apr_status_t bgu_notify_curl_make(bgu_notifier_t **result, apr_pool_t *pool)
{
    notifier_t *notifier = apr_palloc(pool, sizeof(*notifier));

    notifier->interface.notify = notify;
    *result = &notifier->interface;
    return bgu_notify_idle_make(&notifier->idle, pool);
}
