/* SPDX-License-Identifier: Apache-2.0 */

/* Session ids and protocols. */

#include "harness.h"

#include <string.h>
#include <strings.h>
#include <apr_strings.h>

#include "bgu_guid.h"

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    char id[BGU_ID_LEN + 1], again[BGU_ID_LEN + 1];
    const char *braced;

    if (!bgu_guid_parse(id, data, size)) {
        return;
    }
    braced = apr_pstrcat(pool, "{", id, "}", NULL);
    HOLDS(strlen(id) == BGU_ID_LEN && strspn(id, "0123456789ABCDEF-") == BGU_ID_LEN);
    HOLDS(bgu_guid_parse(again, id, BGU_ID_LEN) && strcmp(again, id) == 0);
    HOLDS(bgu_guid_parse(again, braced, strlen(braced)) && strcmp(again, id) == 0);
    HOLDS(strncasecmp(data, size == BGU_ID_LEN ? id : braced, size) == 0);
}
