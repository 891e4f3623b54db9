/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_packet.h"

#include <string.h>
#include <strings.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include "bgu_guid.h"

static const char *const packet_names[] = {
    [BGU_PING] = "Ping",
    [BGU_CREATE_SESSION] = "Create-Session",
    [BGU_FRAGMENT] = "Fragment",
    [BGU_CLOSE_SESSION] = "Close-Session",
    [BGU_CANCEL_SESSION] = "Cancel-Session",
    [BGU_PACKET_UNKNOWN] = "unknown",
};

const char *bgu_packet_name(bgu_packet_e type)
{
    return packet_names[type];
}

/* Whether a header is one of this protocol; others are none of our business. */
static int is_ours(const char *name)
{
    return strncasecmp(name, "BITS-", 5) == 0 || strcasecmp(name, BGU_H_CONTENT_RANGE) == 0 ||
           strcasecmp(name, BGU_H_CONTENT_NAME) == 0;
}

/* The first header of ours whose value is too long, or NULL. */
static const char *oversized_header(const apr_table_t *headers)
{
    const apr_array_header_t *array = apr_table_elts(headers);
    const apr_table_entry_t *entries = (const apr_table_entry_t *)(const void *)array->elts;

    for (int i = 0; i < array->nelts; i++) {
        if (is_ours(entries[i].key) && strlen(entries[i].val) > BGU_VALUE_MAX) {
            return entries[i].key;
        }
    }
    return NULL;
}

static bgu_packet_e packet_type(const char *value)
{
    for (int type = 0; value && type < BGU_PACKET_UNKNOWN; type++) {
        if (strcasecmp(value, packet_names[type]) == 0) {
            return (bgu_packet_e)type;
        }
    }
    return BGU_PACKET_UNKNOWN;
}

/* NULL if the list names our protocol, else what is wrong with it. */
static const char *check_protocols(const char *list)
{
    char ours[BGU_ID_LEN + 1], id[BGU_ID_LEN + 1];
    int count = 0, common = 0;

    if (list == NULL) {
        return BGU_H_SUPPORTED_PROTOCOLS " is missing";
    }
    (void)bgu_guid_parse(ours, BGU_PROTOCOL, strlen(BGU_PROTOCOL));
    for (;;) {
        list += strspn(list, " \t,");
        apr_size_t len = strcspn(list, " \t,");
        if (len == 0) {
            break;
        }
        if (++count > BGU_PROTOCOLS_MAX) {
            return BGU_H_SUPPORTED_PROTOCOLS " names more than 100 protocols";
        }
        if (!bgu_guid_parse(id, list, len)) {
            return BGU_H_SUPPORTED_PROTOCOLS " holds something that is no GUID";
        }
        common |= strcmp(id, ours) == 0;
        list += len;
    }
    return common ? NULL : BGU_H_SUPPORTED_PROTOCOLS " does not name " BGU_PROTOCOL;
}

/* The body: its length must be known, unless there is none. */
static bgu_result_e parse_length(bgu_packet_t *packet, const char **detail,
                                 const apr_table_t *headers, apr_pool_t *pool)
{
    const char *length = apr_table_get(headers, "Content-Length");
    const char *encoding = apr_table_get(headers, "Content-Encoding");

    if (apr_table_get(headers, "Transfer-Encoding")) {
        *detail = "the body is chunked; this protocol wants Content-Length";
        return BGU_LENGTH_REQUIRED;
    }
    if (encoding && strcasecmp(encoding, "identity") != 0) {
        *detail = apr_pstrcat(pool, "Content-Encoding is not identity: ", encoding, NULL);
        return BGU_BAD_REQUEST;
    }
    if (length == NULL) {
        packet->length = 0;
        if (packet->type != BGU_FRAGMENT) {
            return BGU_OK;
        }
        *detail = "Content-Length is missing";
        return BGU_LENGTH_REQUIRED;
    }
    if (!bgu_offset_parse(&packet->length, length, strlen(length))) {
        *detail = apr_pstrcat(pool, "Content-Length is no number below 2^63: ", length, NULL);
        return BGU_BAD_REQUEST;
    }
    if (packet->type != BGU_FRAGMENT && packet->length != 0) {
        *detail = apr_pstrcat(pool, packet_names[packet->type], " with a body", NULL);
        return BGU_BAD_REQUEST;
    }
    return BGU_OK;
}

static bgu_result_e parse_range(bgu_packet_t *packet, const char **detail,
                                const apr_table_t *headers, apr_pool_t *pool)
{
    const char *value = apr_table_get(headers, BGU_H_CONTENT_RANGE);

    if (value == NULL) {
        *detail = BGU_H_CONTENT_RANGE " is missing";
        return BGU_BAD_REQUEST;
    }
    const char *wrong = bgu_range_parse(&packet->range, value);
    if (wrong) {
        *detail = apr_pstrcat(pool, BGU_H_CONTENT_RANGE " ", wrong, ": ", value, NULL);
        return BGU_BAD_REQUEST;
    }
    if (packet->range.end - packet->range.first != packet->length) {
        *detail = apr_psprintf(
            pool, BGU_H_CONTENT_RANGE " does not fit Content-Length %" APR_OFF_T_FMT ": %s",
            packet->length, value);
        return BGU_BAD_REQUEST;
    }
    return BGU_OK;
}

/* Ping and Create-Session stand before any session; a session id in them means nothing. */
static int needs_session(bgu_packet_e type)
{
    return type == BGU_FRAGMENT || type == BGU_CLOSE_SESSION || type == BGU_CANCEL_SESSION;
}

bgu_result_e bgu_packet_parse(bgu_packet_t *packet, const char **detail, const apr_table_t *headers,
                              apr_pool_t *pool)
{
    const char *type = apr_table_get(headers, BGU_H_PACKET_TYPE);
    const char *session = apr_table_get(headers, BGU_H_SESSION_ID);
    const char *oversized = oversized_header(headers);
    char id[BGU_ID_LEN + 1];

    *packet = (bgu_packet_t){.type = packet_type(type)};
    *detail = NULL;
    if (session && bgu_guid_parse(id, session, strlen(session))) {
        packet->session_id = apr_pstrdup(pool, id);
    }
    if (oversized) {
        *detail = apr_pstrcat(pool, "a value of more than 4096 bytes in ", oversized, NULL);
        return BGU_BAD_REQUEST;
    }
    if (packet->type == BGU_PACKET_UNKNOWN) {
        *detail = type ? apr_pstrcat(pool, BGU_H_PACKET_TYPE " is none we know: ", type, NULL)
                       : BGU_H_PACKET_TYPE " is missing";
        return BGU_BAD_REQUEST;
    }
    bgu_result_e result = parse_length(packet, detail, headers, pool);
    if (result != BGU_OK) {
        return result;
    }
    if (needs_session(packet->type) && packet->session_id == NULL) {
        *detail = session ? apr_pstrcat(pool, BGU_H_SESSION_ID " is no GUID: ", session, NULL)
                          : BGU_H_SESSION_ID " is missing";
        return BGU_BAD_REQUEST;
    }
    if (packet->type == BGU_CREATE_SESSION) {
        *detail = check_protocols(apr_table_get(headers, BGU_H_SUPPORTED_PROTOCOLS));
        return *detail ? BGU_BAD_REQUEST : BGU_OK;
    }
    if (packet->type == BGU_FRAGMENT) {
        return parse_range(packet, detail, headers, pool);
    }
    return BGU_OK;
}

/* Set a header to a formatted number that lives in the table's own memory. */
static void set_number(apr_table_t *headers, const char *name, const char *format,
                       apr_int64_t value)
{
    char text[32];

    apr_snprintf(text, sizeof(text), format, value);
    apr_table_set(headers, name, text);
}

/* The headers by which an error answer says so, and the packet type that every answer has. */
static void write_error(apr_table_t *headers, const bgu_answer_t *answer)
{
    bgu_error_t error = bgu_error_of_application(answer->result, answer->app_status);

    apr_table_setn(headers, BGU_H_PACKET_TYPE, "Ack");
    if (answer->result == BGU_OK) {
        return;
    }
    /* Plain 0x0, not 0x00000000, is what goes with 416 (protocol: errors). */
    const char *format = error.hresult ? "0x%08" APR_UINT64_T_HEX_FMT : "0x%" APR_UINT64_T_HEX_FMT;
    char code[16];
    apr_snprintf(code, sizeof(code), format, (apr_uint64_t)error.hresult);
    for (char *c = code + 2; *c; c++) {
        *c = (char)apr_toupper(*c);
    }
    apr_table_set(headers, BGU_H_ERROR_CODE, code);
    apr_table_set(headers, BGU_H_ERROR, code);
    set_number(headers, BGU_H_ERROR_CONTEXT, "0x%" APR_UINT64_T_HEX_FMT, error.context);
    if (bgu_error_retry_after(answer->result)) {
        set_number(headers, "Retry-After", "%" APR_INT64_T_FMT, BGU_RETRY_AFTER);
    }
}

void bgu_answer_write(apr_table_t *headers, const bgu_answer_t *answer)
{
    write_error(headers, answer);
    if (answer->session_id) {
        char braced[BGU_ID_LEN + 3];
        apr_snprintf(braced, sizeof(braced), "{%s}", answer->session_id);
        apr_table_set(headers, BGU_H_SESSION_ID, braced);
    }
    if (answer->reply_url) {
        apr_table_set(headers, BGU_H_REPLY_URL, answer->reply_url);
    }
    if (answer->next >= 0) {
        set_number(headers, BGU_H_RECEIVED_RANGE, "%" APR_INT64_T_FMT, answer->next);
    }
    if (answer->created) {
        apr_table_setn(headers, BGU_H_PROTOCOL, BGU_PROTOCOL);
        apr_table_setn(headers, "Accept-Encoding", "identity");
    }
    if (answer->host_id) {
        apr_table_set(headers, BGU_H_HOST_ID, answer->host_id);
        set_number(headers, BGU_H_HOST_ID_FALLBACK, "%" APR_INT64_T_FMT,
                   apr_time_sec(answer->host_id_fallback));
    }
}
