/* SPDX-License-Identifier: Apache-2.0 */

/* Which URL is notified. Lines: BGUploadNotifyURL, the destination's URL, its query. */

#include "harness.h"

#include <string.h>
#include <strings.h>

#include "bgu_notify_answer.h"

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *url = fuzz_word(&data, &size, pool);
    const char *base = fuzz_word(&data, &size, pool);
    const char *query = fuzz_word(&data, &size, pool);
    const char *result = bgu_notify_url(url, base, query, pool);

    if (result == NULL) {
        return;
    }
    HOLDS(strncasecmp(result, "http://", 7) == 0 || strncasecmp(result, "https://", 8) == 0);
    HOLDS(fuzz_is_plain(result) && strchr(result, ' ') == NULL);
    HOLDS(bgu_notify_url(result, base, "", pool) != NULL);
}
