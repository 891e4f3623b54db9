/* SPDX-License-Identifier: Apache-2.0 */

#include "client_url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include <curl/curl.h>

static apr_status_t cleanup_url(void *url)
{
    curl_url_cleanup(url);
    return APR_SUCCESS;
}

/* A parsed URL that goes with the pool; NULL without memory. */
static CURLU *new_url(apr_pool_t *pool)
{
    CURLU *handle = curl_url();

    if (handle) {
        apr_pool_cleanup_register(pool, handle, cleanup_url, apr_pool_cleanup_null);
    }
    return handle;
}

/* One part of a URL in pool; "" if it has none. */
static const char *part(CURLU *handle, CURLUPart what, unsigned flags, apr_pool_t *pool)
{
    char *text = NULL;
    const char *copy;

    if (curl_url_get(handle, what, &text, flags) != CURLUE_OK || text == NULL) {
        return "";
    }
    copy = apr_pstrdup(pool, text);
    curl_free(text);
    return copy;
}

static CURLU *parse(const char *url, apr_pool_t *pool)
{
    CURLU *handle = new_url(pool);

    if (handle == NULL || curl_url_set(handle, CURLUPART_URL, url, 0) != CURLUE_OK) {
        return NULL;
    }
    return handle;
}

/* The URL of a handle as libcurl reads it when it is given that one: a host like "%30" becomes "0"
 * and then "0.0.0.0". "" if it never comes to rest. */
static const char *settled(CURLU *handle, apr_pool_t *pool)
{
    const char *url = part(handle, CURLUPART_URL, 0, pool);

    for (int i = 0; i < 4; i++) {
        CURLU *read = parse(url, pool);
        const char *again = read ? part(read, CURLUPART_URL, 0, pool) : "";
        if (strcmp(again, url) == 0) {
            return url;
        }
        url = again;
    }
    return "";
}

static int has_control(const char *text)
{
    for (; *text; text++) {
        if (iscntrl((unsigned char)*text)) {
            return 1;
        }
    }
    return 0;
}

const char *client_url_encode(const char *text, apr_pool_t *pool)
{
    static const char hex[] = "0123456789ABCDEF";
    char *result = apr_palloc(pool, strlen(text) * 3 + 1), *out = result;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x80 && isalnum(c)) || strchr("-._~", c)) {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        }
    }
    *out = '\0';
    return result;
}

const char *client_url_make(const char **url, const char *text, const char *name, apr_pool_t *pool)
{
    CURLU *handle = new_url(pool);
    CURLUcode rc;

    if (handle == NULL) {
        return "out of memory";
    }
    if (has_control(text)) {
        return "it holds control characters";
    }
    rc = curl_url_set(handle, CURLUPART_URL, text, CURLU_URLENCODE);
    if (rc != CURLUE_OK) {
        return rc == CURLUE_BAD_SCHEME || strstr(text, "://") == NULL
                   ? "it has to start with http:// or https://"
                   : curl_url_strerror(rc);
    }
    const char *scheme = part(handle, CURLUPART_SCHEME, 0, pool);
    if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0) {
        return "it has to start with http:// or https://";
    }
    if (*part(handle, CURLUPART_USER, 0, pool) || *part(handle, CURLUPART_PASSWORD, 0, pool)) {
        return "give the name and password with --user, not in the URL";
    }
    (void)curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    const char *path = part(handle, CURLUPART_PATH, 0, pool);
    if (name && (path[0] == '\0' || path[strlen(path) - 1] == '/')) {
        path = apr_pstrcat(pool, path[0] ? path : "/", client_url_encode(name, pool), NULL);
        (void)curl_url_set(handle, CURLUPART_PATH, path, 0);
    }
    *url = settled(handle, pool);
    return **url ? NULL : "it is malformed";
}

const char *client_url_at_host(const char *url, const char *host, apr_pool_t *pool)
{
    CURLU *handle = parse(url, pool);
    CURLU *other = new_url(pool);

    if (handle == NULL || other == NULL || strcspn(host, "/?#@\\ ") != strlen(host) ||
        curl_url_set(other, CURLUPART_URL, apr_pstrcat(pool, "http://", host, "/", NULL), 0)) {
        return NULL;
    }
    const char *port = part(other, CURLUPART_PORT, 0, pool);
    if (curl_url_set(handle, CURLUPART_HOST, part(other, CURLUPART_HOST, 0, pool), 0) ||
        (*port && curl_url_set(handle, CURLUPART_PORT, port, 0))) {
        return NULL;
    }
    const char *result = settled(handle, pool);
    return *result ? result : NULL;
}

const char *client_url_reply(const char **url, const char *text, const char *base, apr_pool_t *pool)
{
    CURLU *handle = parse(base, pool);
    char *copy = apr_pstrdup(pool, text);

    if (handle == NULL || *text == '\0' || has_control(text)) {
        return "it is malformed";
    }
    const char *before = part(handle, CURLUPART_SCHEME, 0, pool);
    for (char *c = copy; *c && *c != '?'; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
    if (curl_url_set(handle, CURLUPART_URL, copy, CURLU_URLENCODE) != CURLUE_OK) {
        return "it is malformed";
    }
    const char *scheme = part(handle, CURLUPART_SCHEME, 0, pool);
    if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0) {
        return "it is neither http:// nor https://";
    }
    if (strcasecmp(before, "https") == 0 && strcasecmp(scheme, "https") != 0) {
        return "the file went over https, the reply would come over http";
    }
    if (*part(handle, CURLUPART_USER, 0, pool) || *part(handle, CURLUPART_PASSWORD, 0, pool)) {
        return "it holds a name or password";
    }
    (void)curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    *url = settled(handle, pool);
    return **url ? NULL : "it is malformed";
}

/* "scheme://host:port" of a URL, "" if it is none. */
static const char *origin(const char *url, apr_pool_t *pool)
{
    CURLU *handle = parse(url, pool);

    if (handle == NULL) {
        return "";
    }
    return apr_pstrcat(pool, part(handle, CURLUPART_SCHEME, 0, pool), "://",
                       client_url_host(url, pool), NULL);
}

int client_url_same_origin(const char *one, const char *other, apr_pool_t *pool)
{
    const char *first = origin(one, pool);

    return *first && strcasecmp(first, origin(other, pool)) == 0;
}

const char *client_url_host(const char *url, apr_pool_t *pool)
{
    CURLU *handle = parse(url, pool);

    if (handle == NULL) {
        return "";
    }
    return apr_pstrcat(pool, part(handle, CURLUPART_HOST, 0, pool), ":",
                       part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, pool), NULL);
}

int client_url_is_loopback(const char *url, apr_pool_t *pool)
{
    CURLU *handle = parse(url, pool);
    const char *host = handle ? part(handle, CURLUPART_HOST, 0, pool) : "";

    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

int client_url_matches(const char *url, const char *wanted)
{
    apr_size_t len = strlen(wanted);

    if (strcmp(url, wanted) == 0) {
        return 1;
    }
    return len > 0 && wanted[len - 1] == '/' && strncmp(url, wanted, len) == 0 &&
           strchr(url + len, '/') == NULL;
}
