/* SPDX-License-Identifier: Apache-2.0 */

#include "client_head.h"

#include <string.h>
#include <strings.h>
#include "bgu_range.h"

void client_head_clear(client_head_t *head)
{
    memset(head, 0, sizeof(*head));
    head->length = head->first = head->total = -1;
}

int client_head_is_etag(const char *text, apr_size_t len)
{
    if (len < 2 || len >= CLIENT_ETAG_SIZE || text[0] != '"' || text[len - 1] != '"') {
        return 0;
    }
    for (apr_size_t i = 1; i + 1 < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == '"' || c == 0x7F) {
            return 0;
        }
    }
    return 1;
}

static void parse_offset(apr_off_t *offset, const char *text, apr_size_t len)
{
    if (!bgu_offset_parse(offset, text, len)) {
        *offset = -1;
    }
}

/* "bytes 5-9/10", or "bytes *" and "/10" where there is nothing to send. */
static void take_range(client_head_t *head, const char *value, apr_size_t len)
{
    const char *slash, *dash;

    head->first = head->total = -1;
    if (len < 6 || strncasecmp(value, "bytes ", 6) != 0) {
        return;
    }
    value += 6;
    len -= 6;
    slash = memchr(value, '/', len);
    if (slash == NULL) {
        return;
    }
    parse_offset(&head->total, slash + 1, len - (apr_size_t)(slash + 1 - value));
    dash = memchr(value, '-', (apr_size_t)(slash - value));
    if (dash) {
        parse_offset(&head->first, value, (apr_size_t)(dash - value));
    }
}

static int is(const char *name, const char *text, apr_size_t len)
{
    return strlen(name) == len && strncasecmp(name, text, len) == 0;
}

static void take_header(client_head_t *head, const char *name, apr_size_t name_len,
                        const char *value, apr_size_t len)
{
    if (is("ETag", name, name_len)) {
        head->etag[0] = '\0';
        if (client_head_is_etag(value, len)) {
            memcpy(head->etag, value, len);
            head->etag[len] = '\0';
        }
    } else if (is("Content-Length", name, name_len)) {
        parse_offset(&head->length, value, len);
    } else if (is("Content-Range", name, name_len)) {
        take_range(head, value, len);
    } else if (is("Transfer-Encoding", name, name_len)) {
        head->chunked = is("chunked", value, len);
    } else if (is("Content-Encoding", name, name_len)) {
        head->coded = len > 0 && !is("identity", value, len);
    }
}

static void take_status(client_head_t *head, const char *line, apr_size_t len)
{
    const char *space = memchr(line, ' ', len);
    apr_off_t status;

    client_head_clear(head);
    if (space && len - (apr_size_t)(space - line) > 3 && bgu_offset_parse(&status, space + 1, 3)) {
        head->status = (int)status;
    }
}

void client_head_line(client_head_t *head, const char *line, apr_size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n')) {
        len--;
    }
    if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        take_status(head, line, len);
        return;
    }
    const char *colon = memchr(line, ':', len);
    if (colon == NULL) {
        return;
    }
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    take_header(head, line, (apr_size_t)(colon - line), value, (apr_size_t)(end - value));
}

client_body_e client_head_body(const client_head_t *head, apr_off_t have, const char *etag)
{
    if (head->status != 200 && head->status != 206 && head->status != 416) {
        return CLIENT_BODY_NONE;
    }
    if (head->coded) {
        return CLIENT_BODY_UNUSABLE;
    }
    if (head->status == 200) {
        /* Otherwise nobody could tell the whole from a part. */
        return head->length >= 0 || head->chunked ? CLIENT_BODY_WHOLE : CLIENT_BODY_UNUSABLE;
    }
    if (have == 0) {
        /* No range was asked for. */
        return CLIENT_BODY_UNUSABLE;
    }
    if (head->etag[0] && strcmp(head->etag, etag) != 0) {
        return CLIENT_BODY_OTHER;
    }
    if (head->status == 416) {
        return head->total == have ? CLIENT_BODY_NOTHING : CLIENT_BODY_OTHER;
    }
    return head->first == have && head->total > have ? CLIENT_BODY_REST : CLIENT_BODY_OTHER;
}

apr_off_t client_head_total(const client_head_t *head)
{
    return head->status == 200 ? head->length : head->total;
}
