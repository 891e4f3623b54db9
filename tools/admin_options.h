/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of bgupload-admin. */

#ifndef ADMIN_OPTIONS_H
#define ADMIN_OPTIONS_H

#include "admin.h"

/** Read the command line. Text for the user (help, version, what is wrong) is written here.
 * @param admin receives what was asked for; its pool is set
 * @param code receives, with 0, the code to exit with
 * @return 1 to go on, 0 to exit */
int admin_read_command_line(admin_t *admin, const admin_command_t **command, int argc, char **argv,
                            int *code);

#endif
