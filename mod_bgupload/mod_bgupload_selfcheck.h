/* SPDX-License-Identifier: Apache-2.0 */

/* The self-check: what would surprise an administrator later, told at the start. */

#ifndef MOD_BGUPLOAD_SELFCHECK_H
#define MOD_BGUPLOAD_SELFCHECK_H

#include <apr_hash.h>
#include "mod_bgupload.h"

/** Look at the whole configuration as the server's user and log a line for each doubt: what it is,
 * where, what comes of it, what to do. */
void mod_bgupload_selfcheck(server_rec *s, apr_pool_t *pool);

/** The part of it that is about mod_reqtimeout. */
void mod_bgupload_selfcheck_timeouts(server_rec *s, apr_pool_t *pool);

/** The part of it that is about BGUploadNotify without a BGUploadNotifyURL, for one server.
 * @param told what was said before, of other servers */
void mod_bgupload_selfcheck_notify(server_rec *s, apr_hash_t *told, apr_pool_t *pool);

/** The part of it that is about handlers of scripts: whether one takes what is uploaded to a
 * folder.
 * @param exec_cgi whether Options ExecCGI holds there */
void mod_bgupload_selfcheck_handlers(server_rec *s, const char *path, int exec_cgi,
                                     apr_pool_t *pool);

#endif
