/* SPDX-License-Identifier: Apache-2.0 */

/* URLs of uploads: made uniform, completed by a file's name, moved to another host. Pure. */

#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <apr_pools.h>

/** Check a URL and bring it into the form by which uploads are remembered.
 *
 * Only http and https; a fragment ("#...") is dropped, spaces and the like are percent-encoded.
 * @param url receives the result, in pool
 * @param text as the user gave it
 * @param name file name to append if the path ends in "/"; NULL: append nothing
 * @return NULL, or what is wrong with it (static or in pool) */
const char *client_url_make(const char **url, const char *text, const char *name, apr_pool_t *pool);

/** Percent-encode all of text but letters, digits and "-._~". In pool. */
const char *client_url_encode(const char *text, apr_pool_t *pool);

/** The same URL at another host.
 * @param url as client_url_make() returned it
 * @param host name or address, perhaps with a port; without one the port of url stays
 * @return in pool; NULL if host is no host */
const char *client_url_at_host(const char *url, const char *host, apr_pool_t *pool);

/** The URL of a reply as the server named it, made absolute and checked: it is a stranger's text.
 *
 * Only http and https; no http where the upload went over https; no name and password in it. Some
 * servers name it relative to the upload's URL and with backslashes.
 * @param url receives the result, in pool
 * @param text as the server sent it
 * @param base URL of the upload, as client_url_make() returned it
 * @return NULL, or what is wrong with it (static) */
const char *client_url_reply(const char **url, const char *text, const char *base,
                             apr_pool_t *pool);

/** Whether two URLs have the same scheme, host and port. */
int client_url_same_origin(const char *one, const char *other, apr_pool_t *pool);

/** "host:port" of a URL, in pool; "" if it is no URL. */
const char *client_url_host(const char *url, apr_pool_t *pool);

/** Whether the host of a URL is this machine itself by its loopback name or address. */
int client_url_is_loopback(const char *url, apr_pool_t *pool);

/** Whether url is asked for by wanted: the same, or a file right in it if wanted ends in "/". */
int client_url_matches(const char *url, const char *wanted);

#endif
