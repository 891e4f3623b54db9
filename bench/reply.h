/* SPDX-License-Identifier: Apache-2.0 */

/* What the server application (application.c) answers, and the client expects to find in the
 * reply. */

#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>
#include <stdint.h>

/** Most bytes of a reply, with its NUL. */
#define REPLY_MAX 64

/** The reply to a file that arrived as it should. Returns its length. */
size_t reply_text(char text[REPLY_MAX], uint64_t file, uint64_t size);

#endif
