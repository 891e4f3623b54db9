/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers on the command lines of these programs. */

#ifndef NUMBER_H
#define NUMBER_H

#include <stdint.h>

/** Read a number, which K, M or G may follow. Ends the program, with a word on standard error, if
 * it is none or above max. */
uint64_t number_read(const char *text, uint64_t max);

#endif
