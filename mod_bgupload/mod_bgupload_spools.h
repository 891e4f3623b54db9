/* SPDX-License-Identifier: Apache-2.0 */

/* Which spools the configuration uses. */

#ifndef MOD_BGUPLOAD_SPOOLS_H
#define MOD_BGUPLOAD_SPOOLS_H

#include "mod_bgupload.h"

/** Add the default spool to those that BGUploadSpool names, if the configuration alone shows that
 * uploads use it. Where only a request can tell it stays out: it may be another server's, and its
 * files are nothing that we may remove.
 * @param s the main server */
void mod_bgupload_spools_complete(server_rec *s, apr_pool_t *pool);

#endif
