/* SPDX-License-Identifier: Apache-2.0 */

/* Strings of strangers (user names, paths) on a terminal and in JSON. */

#ifndef TEXT_H
#define TEXT_H

#include <stdio.h>

/** Write a string so that it can do no harm on a terminal. Control characters, those that change
 * the direction of writing, and bytes that are no UTF-8 become \xHH byte by byte; a backslash is
 * doubled.
 * @return bytes written */
int text_plain(FILE *out, const char *text);

/** Write a string as JSON, with its quotes. The characters that text_plain() replaces become
 * \uXXXX, bytes that are no UTF-8 become U+FFFD. */
void text_json(FILE *out, const char *text);

#endif
