/* SPDX-License-Identifier: Apache-2.0 */

/* URLs of users and servers. Lines: a URL, a file's name, a host, the URL of a reply. */

#include "harness.h"

#include <string.h>
#include <strings.h>

#include "../../tools/client_url.h"

/** A URL that can be sent, and means to another program what it means to us. */
static void check_url(const char *url, apr_pool_t *pool)
{
    const char *again;

    HOLDS(strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
    HOLDS(fuzz_is_plain(url) && strpbrk(url, " #") == NULL);
    HOLDS(client_url_make(&again, url, NULL, pool) == NULL);
    HOLDS(strcmp(again, url) == 0);
    HOLDS(client_url_same_origin(url, url, pool));
    HOLDS(client_url_matches(url, url));
    (void)client_url_is_loopback(url, pool);
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *text = fuzz_word(&data, &size, pool);
    const char *name = fuzz_word(&data, &size, pool);
    const char *host = fuzz_word(&data, &size, pool);
    const char *reply = fuzz_word(&data, &size, pool);
    const char *url;

    if (client_url_make(&url, text, *name ? name : NULL, pool) != NULL) {
        url = "https://localhost:1/a/b?c";
    }
    check_url(url, pool);
    if (client_url_reply(&text, reply, url, pool) == NULL) {
        check_url(text, pool);
        HOLDS(strncasecmp(url, "https:", 6) != 0 || strncasecmp(text, "https:", 6) == 0);
    }
    url = client_url_at_host(url, host, pool);
    if (url != NULL) {
        check_url(url, pool);
    }
}
