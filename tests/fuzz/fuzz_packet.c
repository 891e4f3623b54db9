/* SPDX-License-Identifier: Apache-2.0 */

/* The headers of a request, "Name: value" a line, and those of the answer to it. */

#include "harness.h"

#include <string.h>
#include <apr_strings.h>

#include "bgu_guid.h"
#include "bgu_packet.h"

static apr_table_t *read_headers(const char *data, size_t size, apr_pool_t *pool)
{
    apr_table_t *headers = apr_table_make(pool, 8);

    while (size > 0) {
        char *name = fuzz_word(&data, &size, pool);
        char *colon = strchr(name, ':');

        if (colon != NULL) {
            *colon = '\0';
            apr_table_addn(headers, name, apr_pstrdup(pool, colon + 1 + strspn(colon + 1, " \t")));
        }
    }
    /* As httpd does with a header that comes twice. */
    apr_table_compress(headers, APR_OVERLAP_TABLES_MERGE);
    return headers;
}

static void check_id(const char *text)
{
    char id[BGU_ID_LEN + 1];

    HOLDS(bgu_guid_parse(id, text, strlen(text)) && strcmp(id, text) == 0);
}

static void check_packet(const bgu_packet_t *packet)
{
    const bgu_range_t *range = &packet->range;

    HOLDS(packet->type >= BGU_PING && packet->type < BGU_PACKET_UNKNOWN);
    if (packet->type != BGU_PING && packet->type != BGU_CREATE_SESSION) {
        HOLDS(packet->session_id != NULL);
    }
    if (packet->type != BGU_FRAGMENT) {
        HOLDS(packet->length == 0);
        return;
    }
    HOLDS(range->first >= 0 && range->first <= range->end && range->end <= range->total);
    HOLDS(range->end - range->first == packet->length);
    HOLDS(packet->length > 0 || range->total == 0);
}

static int check_value(void *unused, const char *name, const char *value)
{
    (void)unused;
    HOLDS(fuzz_is_plain(name) && fuzz_is_plain(value));
    return 1;
}

/** Whether a text is 0x and digits in upper case. */
static int is_code(const char *text)
{
    return strncmp(text, "0x", 2) == 0 && text[2] != '\0' &&
           strspn(text + 2, "0123456789ABCDEF") == strlen(text + 2);
}

static void check_answer(const bgu_answer_t *answer, apr_pool_t *pool)
{
    apr_table_t *headers = apr_table_make(pool, 8);
    const char *code, *id;
    char parsed[BGU_ID_LEN + 1];

    bgu_answer_write(headers, answer);
    apr_table_do(check_value, NULL, headers, NULL);
    HOLDS(strcmp(apr_table_get(headers, BGU_H_PACKET_TYPE), "Ack") == 0);
    code = apr_table_get(headers, BGU_H_ERROR_CODE);
    HOLDS((answer->result == BGU_OK) == (code == NULL));
    if (code != NULL) {
        HOLDS(is_code(code) && strcmp(code, apr_table_get(headers, BGU_H_ERROR)) == 0);
        HOLDS(is_code(apr_table_get(headers, BGU_H_ERROR_CONTEXT)));
    }
    id = apr_table_get(headers, BGU_H_SESSION_ID);
    HOLDS((id == NULL) == (answer->session_id == NULL));
    if (id != NULL) {
        HOLDS(bgu_guid_parse(parsed, id, strlen(id)));
        HOLDS(strcmp(parsed, answer->session_id) == 0);
    }
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    apr_table_t *headers = read_headers(data, size, pool);
    const char *detail;
    bgu_packet_t packet;
    bgu_result_e result = bgu_packet_parse(&packet, &detail, headers, pool);
    bgu_answer_t answer = {.app_status = (int)size, .session_id = packet.session_id};

    HOLDS(result == BGU_OK || result == BGU_BAD_REQUEST || result == BGU_LENGTH_REQUIRED);
    HOLDS((detail == NULL) == (result == BGU_OK));
    HOLDS(bgu_packet_name(packet.type) != NULL);
    if (packet.session_id != NULL) {
        check_id(packet.session_id);
    }
    if (result == BGU_OK) {
        check_packet(&packet);
    }
    /* Every kind of answer, whatever it would be the answer to. */
    answer.result = result == BGU_OK ? (bgu_result_e)(size % BGU_RESULT_COUNT) : result;
    answer.next = packet.length;
    answer.created = packet.type == BGU_CREATE_SESSION;
    check_answer(&answer, pool);
}
