/* SPDX-License-Identifier: Apache-2.0 */

/* Opening a folder whose path somebody else may change at any moment.
 *
 * What is done to a destination is done relative to the descriptor that this returns: whatever
 * becomes of the path meanwhile, it is done to the folder that was looked at. */

#ifndef BGU_FOLDER_H
#define BGU_FOLDER_H

#include <apr_pools.h>

/** Open a folder for reading. Below root, each step of the path is opened by itself and none is a
 * symbolic link; up to there links are followed, for that part was chosen by the administrator.
 * @param path absolute, without "." and ".."
 * @param root bytes of path, a folder; 0: links are followed everywhere
 * @return a descriptor, to be closed by the caller; or -1 with errno, ELOOP for a link below root
 */
int bgu_folder_open(const char *path, int root, apr_pool_t *pool);

#endif
