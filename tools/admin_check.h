/* SPDX-License-Identifier: Apache-2.0 */

/* What check found. */

#ifndef ADMIN_CHECK_H
#define ADMIN_CHECK_H

#include "admin.h"

/** A run of check. */
typedef struct admin_check_t {
    admin_t *admin;
    int found;  /**< faults */
    int left;   /**< faults that were not repaired */
    int failed; /**< something could not be looked at */
} admin_check_t;

/** Tell of a fault.
 * @param kind short name for scripts
 * @param subject path or session id that it is about
 * @param text what is wrong
 * @param repaired whether it was repaired just now */
void admin_fault(admin_check_t *check, const char *kind, const char *subject, const char *text,
                 int repaired);

/** Look at the modes and owners of the store's files and their folder. */
void admin_check_store_files(admin_check_t *check);

/** Look at a spool folder and at what lies in it without a session.
 * @param named whether it was asked for, so that it must exist */
void admin_check_spool(admin_check_t *check, const char *folder, int named);

#endif
