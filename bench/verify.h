/* SPDX-License-Identifier: Apache-2.0 */

/* Whether what the server stored is what was sent. */

#ifndef VERIFY_H
#define VERIFY_H

#include <stdint.h>

#include "protocol.h"

/** Compare every file of a plan with the one that the server stored, named by its number.
 * @param folder where they are
 * @return how many are missing or differ; the first ones are told on standard error */
uint64_t verify_files(const plan_t *plan, const char *folder);

#endif
