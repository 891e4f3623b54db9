/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of the programs. */

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

/** What load is to do. */
typedef struct options_t {
    plan_t plan;
    pid_t server;       /**< whose cost is measured; 0: nobody's */
    const char *verify; /**< folder of the stored files, or NULL */
} options_t;

/** Read the command line; ends the program if it is wrong. */
void options_read(options_t *options, int argc, char **argv);

#endif
