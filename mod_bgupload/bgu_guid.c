/* SPDX-License-Identifier: Apache-2.0 */

#include "bgu_guid.h"

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>

/* Whether a GUID has its hyphen at this position: 8-4-4-4-12 digits. */
static int is_hyphen(apr_size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

int bgu_guid_parse(char id[BGU_ID_LEN + 1], const char *text, apr_size_t len)
{
    if (len == BGU_ID_LEN + 2 && text[0] == '{' && text[len - 1] == '}') {
        text++;
        len -= 2;
    }
    if (len != BGU_ID_LEN) {
        return 0;
    }
    for (apr_size_t i = 0; i < len; i++) {
        if (is_hyphen(i) ? text[i] != '-' : !apr_isxdigit(text[i])) {
            return 0;
        }
        id[i] = (char)apr_toupper(text[i]);
    }
    id[len] = '\0';
    return 1;
}

apr_status_t bgu_guid_make(char id[BGU_ID_LEN + 1])
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char random[16];
    apr_size_t nibble = 0;
    apr_status_t rv = apr_generate_random_bytes(random, sizeof(random));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (apr_size_t i = 0; i < BGU_ID_LEN; i++) {
        if (is_hyphen(i)) {
            id[i] = '-';
            continue;
        }
        unsigned byte = random[nibble / 2];
        id[i] = digits[nibble % 2 ? byte & 0xFu : byte >> 4];
        nibble++;
    }
    id[BGU_ID_LEN] = '\0';
    return APR_SUCCESS;
}
