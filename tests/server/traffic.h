/* SPDX-License-Identifier: Apache-2.0 */

/* Requests of every kind, again and again, to a server of one process that serves one client at a
 * time: what a server does in months of use. */

#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "httpd_env.h"

/** Start such a server, with an application.
 * @param wrapper see httpd_env_options_t */
httpd_env_t *traffic_server(const char *wrapper);

/** Send requests of all kinds, at least that many, each held to its answer. Returns how many. */
int traffic_send(httpd_env_t *env, int requests);

#endif
