/* SPDX-License-Identifier: Apache-2.0 */

/* httpd's tree of directives, for those of other modules whose settings are private. */

#ifndef MOD_BGUPLOAD_SELFCHECK_TREE_H
#define MOD_BGUPLOAD_SELFCHECK_TREE_H

#include <httpd.h>
#include <http_config.h>
#include <util_cfgtree.h>

/** Walk the tree in the order of the files.
 * @param after the directive found last, or NULL
 * @return the next one of that name, or NULL */
const ap_directive_t *mod_bgupload_tree_next(const char *name, const ap_directive_t *after);

/** Whether a directive holds for a file, by the <VirtualHost>, <Directory>, <Files> and
 * <FilesMatch> around it. In other sections it is taken not to.
 * @param path of the file's folder
 * @param name of the file
 * @return -1 if not; else of two directives that hold, that of the higher rank does, and the later
 * one of those of the same rank */
int mod_bgupload_tree_rank(const ap_directive_t *directive, const char *path, const char *name,
                           apr_pool_t *pool);

/** Whether a path is that of the folder or below it. A slash at the folder's end does not count. */
int mod_bgupload_tree_below(const char *path, const char *folder);

#endif
