/* SPDX-License-Identifier: Apache-2.0 */

#include "client_curl.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "client_url.h"

/* A connection on which nothing is acknowledged for this many seconds is dead. The server's own
 * silence (it may be writing a large file to its disk) is another matter: settings.timeout. */
#define DEAD_NETWORK 60

/* Longest Retry-After that is honoured, in seconds. */
#define HOUR 3600

/* The schemes for a name and a password; Negotiate goes by the ticket alone. */
#define PASSWORD_SCHEMES (CURLAUTH_BASIC | CURLAUTH_DIGEST | CURLAUTH_NTLM)

static apr_status_t cleanup_curl(void *curl)
{
    curl_easy_cleanup(curl);
    return APR_SUCCESS;
}

static int tune_socket(void *baton, curl_socket_t socket, curlsocktype purpose)
{
    const unsigned *milliseconds = baton;

    (void)purpose;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds, sizeof(*milliseconds));
    return CURL_SOCKOPT_OK;
}

CURL *client_curl_make(const client_http_settings_t *settings, apr_pool_t *pool)
{
    unsigned *user_timeout = apr_palloc(pool, sizeof(*user_timeout));
    long silence = (long)apr_time_sec(settings->timeout);
    CURL *curl = curl_easy_init();

    if (curl == NULL) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, curl, cleanup_curl, apr_pool_cleanup_null);
    if (silence < 1) {
        silence = 1;
    }
    *user_timeout = 1000 * (unsigned)(silence < DEAD_NETWORK ? silence : DEAD_NETWORK);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, tune_socket);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, user_timeout);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)*user_timeout);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "bgupload/" BGU_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROXYAUTH, (long)CURLAUTH_ANY);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silence);
    if (settings->ca) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca);
    }
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, settings->insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, settings->insecure ? 0L : 2L);
    return curl;
}

unsigned long client_curl_credentials(CURL *curl, const client_http_settings_t *settings)
{
    if (settings->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, settings->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, settings->password ? settings->password : "");
        return *settings->user ? PASSWORD_SCHEMES : CURLAUTH_NEGOTIATE;
    }
    if (settings->netrc) {
        curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
        return PASSWORD_SCHEMES;
    }
    return 0;
}

void client_curl_target(CURL *curl, const char *url, apr_pool_t *pool)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, client_url_is_loopback(url, pool) ? "" : NULL);
}

int client_curl_is_certificate_trouble(CURLcode rc)
{
    return rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE ||
           rc == CURLE_SSL_CERTPROBLEM || rc == CURLE_SSL_ISSUER_ERROR ||
           rc == CURLE_SSL_CRL_BADFILE || rc == CURLE_SSL_INVALIDCERTSTATUS;
}

apr_interval_time_t client_curl_retry_after(CURL *curl)
{
    curl_off_t seconds = 0;

    if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0) {
        return 0;
    }
    return apr_time_from_sec(seconds < HOUR ? seconds : HOUR);
}
