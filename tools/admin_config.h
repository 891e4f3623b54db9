/* SPDX-License-Identifier: Apache-2.0 */

/* What httpd's configuration says of the sessions: store, spools, tombstones.
 *
 * The files are read here, not by httpd: this works where httpd is not installed or its
 * configuration does not load, runs nobody's code, and needs no environment. Known are comments,
 * continued lines, quotes, ServerRoot, Define, UnDefine, ${VARIABLE}, Include and IncludeOptional
 * with patterns and folders, <IfDefine>, and <IfModule> as far as it is about mod_bgupload. Other
 * conditions are taken to hold. */

#ifndef ADMIN_CONFIG_H
#define ADMIN_CONFIG_H

#include <apr_tables.h>
#include <apr_time.h>

/** What was found. Paths are absolute, or relative to the working folder if FILE is. */
typedef struct admin_config_t {
    const char *store;             /**< BGUploadStore's file; NULL: not set */
    apr_array_header_t *spools;    /**< BGUploadSpool's folders (const char *), in their order */
    apr_interval_time_t tombstone; /**< BGUploadTombstone, microseconds; unchanged if not set */
} admin_config_t;

/** Read a configuration with all that it includes.
 * @param config to fill in; its array is made
 * @return NULL, or one line that says what is wrong, in pool */
const char *admin_config_read(admin_config_t *config, const char *file, apr_pool_t *pool);

#endif
