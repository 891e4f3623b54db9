/* SPDX-License-Identifier: Apache-2.0 */

/* Headers of a message of HTTP, on either side. */

#ifndef HEADER_H
#define HEADER_H

#include <stddef.h>
#include <stdint.h>

/** Copy the value of a header.
 * @param head start line and headers, a string
 * @param name compared without case
 * @param value receives it, without the blanks around it
 * @return 1, or 0 if there is no such header or no room for it */
int header_value(const char *head, const char *name, char *value, size_t size);

/** The value of a header that is a number. Returns 0 if there is no such header or no number. */
int header_number(const char *head, const char *name, uint64_t *number);

#endif
