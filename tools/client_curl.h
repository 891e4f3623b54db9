/* SPDX-License-Identifier: Apache-2.0 */

/* What all of the client's requests have in common: libcurl, set up the way the user wants it. */

#ifndef CLIENT_CURL_H
#define CLIENT_CURL_H

#include <apr_pools.h>
#include <apr_time.h>
#include <curl/curl.h>
#include "client_http.h"

/** Most bytes of headers, or of a body nobody wants, that we listen to. */
#define CLIENT_CURL_HEAD_MAX ((apr_size_t)1024 * 1024)

/** Make a handle with timeouts, certificates and protocols as the settings say, without name and
 * password. Goes with the pool. NULL if libcurl fails. */
CURL *client_curl_make(const client_http_settings_t *settings, apr_pool_t *pool);

/** Give a handle the user's name and password (or ticket, or .netrc).
 * @return the schemes (CURLAUTH_...) that may be used with them; 0: there are none */
unsigned long client_curl_credentials(CURL *curl, const client_http_settings_t *settings);

/** Direct a handle to a URL, by the proxy that the environment names for it. */
void client_curl_target(CURL *curl, const char *url, apr_pool_t *pool);

/** Whether a request failed since a certificate is not trusted: that will not pass. */
int client_curl_is_certificate_trouble(CURLcode rc);

/** How long the last answer asked to wait, in microseconds; 0: it did not. At most an hour. */
apr_interval_time_t client_curl_retry_after(CURL *curl);

#endif
