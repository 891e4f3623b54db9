/* SPDX-License-Identifier: Apache-2.0 */

/* Defaults that the server and the administrator's program must agree on. */

#ifndef BGU_DEFAULTS_H
#define BGU_DEFAULTS_H

#include <apr_time.h>

/** Database of the sessions where BGUploadStore is not set. */
#define BGU_STORE_DEFAULT BGU_STATE_DIR "/sessions.db"

/** Folder of the spool files where BGUploadSpool is not set. */
#define BGU_SPOOL_DEFAULT BGU_STATE_DIR "/spool"

/** BGUploadTombstone where it is not set, in microseconds. */
#define BGU_TOMBSTONE_DEFAULT apr_time_from_sec(86400)

/** BGUploadSessionTimeout where it is not set, in microseconds. Files without a session that are
 * older are orphans for sure. */
#define BGU_TIMEOUT_DEFAULT apr_time_from_sec(14 * 86400)

#endif
