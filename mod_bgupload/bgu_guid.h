/* SPDX-License-Identifier: Apache-2.0 */

/* GUIDs as they stand in headers and as the core keeps them (upper case, no braces). */

#ifndef BGU_GUID_H
#define BGU_GUID_H

#include <apr.h>
#include <apr_errno.h>
#include "bgu.h"

/** Read a GUID of exactly len characters, with both braces or none, in any case.
 * @param id receives the canonical form: BGU_ID_LEN upper-case characters and a NUL
 * @return 1, or 0 if text is no GUID (id is then undefined) */
int bgu_guid_parse(char id[BGU_ID_LEN + 1], const char *text, apr_size_t len);

/** Make a GUID of 128 bits from the system's random generator.
 * @return what the generator returned; id is only set with APR_SUCCESS */
apr_status_t bgu_guid_make(char id[BGU_ID_LEN + 1]);

#endif
