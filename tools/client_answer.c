/* SPDX-License-Identifier: Apache-2.0 */

#include "client_answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include "bgu_guid.h"

#define BG_E_TOO_LARGE         0x80200020u
#define BG_E_SESSION_NOT_FOUND 0x8020001Fu
#define FILE_NOT_FOUND         0x80070002u
#define DISK_FULL              0x80070070u

/* HTTP statuses of a server application arrive as this base plus the status. */
#define HTTP_ERROR_BASE 0x80190000u

/* BITS-Error-Context of what the server application did. */
#define CONTEXT_APPLICATION 0x7u

static const struct {
    apr_uint32_t hresult;
    const char *name;
} names[] = {
    {FILE_NOT_FOUND, "ERROR_FILE_NOT_FOUND"},
    {0x80070003u, "ERROR_PATH_NOT_FOUND"},
    {0x80070005u, "E_ACCESSDENIED"},
    {0x80070020u, "ERROR_SHARING_VIOLATION"},
    {0x80070057u, "E_INVALIDARG"},
    {DISK_FULL, "ERROR_DISK_FULL"},
    {0x8007045Du, "ERROR_IO_DEVICE"},
    {BG_E_SESSION_NOT_FOUND, "BG_E_SESSION_NOT_FOUND"},
    {BG_E_TOO_LARGE, "BG_E_TOO_LARGE"},
    {0x80200049u, "BG_E_TOO_MANY_JOBS_PER_USER"},
    {0x80200050u, "BG_E_TOO_MANY_JOBS_PER_MACHINE"},
};

void client_answer_clear(client_answer_t *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->reach = CLIENT_UNREACHED;
    answer->next = -1;
}

static apr_uint32_t parse_hresult(const char *text, apr_size_t len)
{
    apr_uint32_t value = 0;

    if (len < 3 || len > 10 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
        return 0;
    }
    for (apr_size_t i = 2; i < len; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return 0;
        }
        int digit = tolower((unsigned char)text[i]);
        value = value * 16 + (apr_uint32_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

/* Seconds as microseconds; 0 if the text is no number or too large to be one. */
static apr_interval_time_t parse_seconds(const char *text, apr_size_t len)
{
    apr_off_t seconds;

    if (!bgu_offset_parse(&seconds, text, len) || seconds > APR_INT32_MAX) {
        return 0;
    }
    return apr_time_from_sec((apr_interval_time_t)seconds);
}

static void take_host(client_answer_t *answer, const char *text, apr_size_t len)
{
    if (len >= sizeof(answer->host_id)) {
        return;
    }
    for (apr_size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && memchr(".-_:[]", text[i], 6) == NULL) {
            return;
        }
    }
    memcpy(answer->host_id, text, len);
    answer->host_id[len] = '\0';
}

static void take_reply_url(client_answer_t *answer, const char *text, apr_size_t len)
{
    answer->reply_url_too_long = len >= sizeof(answer->reply_url);
    if (!answer->reply_url_too_long && memchr(text, '\0', len) == NULL) {
        memcpy(answer->reply_url, text, len);
        answer->reply_url[len] = '\0';
    }
}

static int is(const char *name, const char *text, apr_size_t len)
{
    return strlen(name) == len && strncasecmp(name, text, len) == 0;
}

static void take_header(client_answer_t *answer, const char *name, apr_size_t name_len,
                        const char *value, apr_size_t len)
{
    if (is(BGU_H_PACKET_TYPE, name, name_len)) {
        answer->ack = is("Ack", value, len);
    } else if (is(BGU_H_SESSION_ID, name, name_len)) {
        if (!bgu_guid_parse(answer->session_id, value, len)) {
            answer->session_id[0] = '\0';
        }
    } else if (is(BGU_H_RECEIVED_RANGE, name, name_len)) {
        if (!bgu_offset_parse(&answer->next, value, len)) {
            answer->next = -1;
        }
    } else if (is(BGU_H_ERROR_CODE, name, name_len)) {
        answer->hresult = parse_hresult(value, len);
    } else if (is(BGU_H_ERROR, name, name_len)) {
        if (answer->hresult == 0) {
            answer->hresult = parse_hresult(value, len);
        }
    } else if (is(BGU_H_ERROR_CONTEXT, name, name_len)) {
        answer->by_application = parse_hresult(value, len) == CONTEXT_APPLICATION;
    } else if (is(BGU_H_REPLY_URL, name, name_len)) {
        take_reply_url(answer, value, len);
    } else if (is(BGU_H_HOST_ID, name, name_len)) {
        take_host(answer, value, len);
    } else if (is(BGU_H_HOST_ID_FALLBACK, name, name_len)) {
        answer->host_fallback = parse_seconds(value, len);
    }
}

static void take_status(client_answer_t *answer, const char *line, apr_size_t len)
{
    const char *space = memchr(line, ' ', len);
    apr_off_t status;

    client_answer_clear(answer);
    if (space && len - (apr_size_t)(space - line) > 3 && bgu_offset_parse(&status, space + 1, 3)) {
        answer->status = (int)status;
    }
}

void client_answer_line(client_answer_t *answer, const char *line, apr_size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n')) {
        len--;
    }
    if (len == 0) {
        /* An interim answer (1xx) is followed by another one. */
        if (answer->status >= 200) {
            answer->ended = 1;
            answer->reach = CLIENT_ANSWERED;
        }
        return;
    }
    if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        take_status(answer, line, len);
        return;
    }
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || answer->ended) {
        return;
    }
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    take_header(answer, line, (apr_size_t)(colon - line), value, (apr_size_t)(end - value));
}

client_verdict_e client_status_verdict(int status)
{
    if (status <= 305 || status == 307) {
        return CLIENT_FATAL;
    }
    if (status < 400) {
        return CLIENT_TRANSIENT;
    }
    if (status < 500) {
        return status == 408 || status == 409 ? CLIENT_TRANSIENT : CLIENT_FATAL;
    }
    return status == 501 || status == 505 ? CLIENT_FATAL : CLIENT_TRANSIENT;
}

client_verdict_e client_answer_verdict(const client_answer_t *answer, bgu_packet_e type)
{
    static const client_verdict_e unanswered[] = {
        [CLIENT_ANSWERED] = CLIENT_OK,         [CLIENT_UNREACHED] = CLIENT_TRANSIENT,
        [CLIENT_UNREACHABLE] = CLIENT_FATAL,   [CLIENT_UNREADABLE] = CLIENT_FILE,
        [CLIENT_STOPPED] = CLIENT_INTERRUPTED,
    };

    if (answer->reach != CLIENT_ANSWERED) {
        return unanswered[answer->reach];
    }
    if (answer->status == 200) {
        return answer->ack ? CLIENT_OK : CLIENT_FATAL;
    }
    if (answer->status == 500 && answer->hresult == BG_E_SESSION_NOT_FOUND) {
        return CLIENT_GONE;
    }
    if (answer->status == 500 && answer->hresult == BG_E_TOO_LARGE) {
        return CLIENT_FATAL;
    }
    if (type == BGU_FRAGMENT && answer->status == 416) {
        return CLIENT_RANGE;
    }
    if (type == BGU_FRAGMENT && answer->status == 413) {
        return CLIENT_SMALLER;
    }
    if (type == BGU_CLOSE_SESSION && answer->status == 404 && answer->hresult == FILE_NOT_FOUND) {
        return CLIENT_BYTES_LOST;
    }
    return client_status_verdict(answer->status);
}

const char *client_hresult_name(apr_uint32_t hresult, apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].hresult == hresult) {
            return names[i].name;
        }
    }
    if (hresult >= HTTP_ERROR_BASE + 100 && hresult < HTTP_ERROR_BASE + 600) {
        return apr_psprintf(pool, "BG_E_HTTP_ERROR_%u", hresult - HTTP_ERROR_BASE);
    }
    return NULL;
}

const char *client_answer_text(const client_answer_t *answer, apr_pool_t *pool)
{
    if (answer->reach != CLIENT_ANSWERED) {
        return apr_pstrdup(pool, answer->trouble);
    }
    if (answer->status == 200 && !answer->ack) {
        return "the server answered 200, but not as a BITS upload server does";
    }
    if (answer->hresult == 0) {
        return apr_psprintf(pool, "the server answered %d", answer->status);
    }
    const char *name = client_hresult_name(answer->hresult, pool);
    return apr_psprintf(pool, "the server answered %d (0x%08X%s%s)", answer->status,
                        answer->hresult, name ? " " : "", name ? name : "");
}

const char *client_answer_advice(const client_answer_t *answer)
{
    static const struct {
        int status;
        const char *advice;
    } advices[] = {
        {200, "is this the right URL, and is BGUpload On there?"},
        {400, "if the URL names a folder, end it with a slash"},
        {401, "give the right name and password with --user"},
        {403, "the file exists there already, or you may not write there"},
        {404, "its folder does not exist on the server"},
        {405, "uploads are not enabled at this URL"},
        {407, "the proxy wants a name and password (see http_proxy)"},
        {413, "something before the server refuses even small fragments"},
        {501, "uploads are not enabled at this URL"},
    };

    if (answer->reach == CLIENT_UNREACHABLE) {
        return "give the server's certificate authority with --ca";
    }
    if (answer->reach != CLIENT_ANSWERED || (answer->status == 200 && answer->ack)) {
        return "";
    }
    if (answer->by_application) {
        return client_status_verdict(answer->status) == CLIENT_FATAL
                   ? "the server application refused the file"
                   : "the server application did not take the file";
    }
    if (answer->status == 500 && answer->hresult == BG_E_TOO_LARGE) {
        return "the server does not take files of this size";
    }
    if (answer->hresult == DISK_FULL) {
        return "the server's disk is full";
    }
    for (apr_size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (advices[i].status == answer->status) {
            return advices[i].advice;
        }
    }
    return "";
}
