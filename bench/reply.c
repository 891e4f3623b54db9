/* SPDX-License-Identifier: Apache-2.0 */

#include "reply.h"

#include <inttypes.h>
#include <stdio.h>

size_t reply_text(char text[REPLY_MAX], uint64_t file, uint64_t size)
{
    return (size_t)snprintf(text, REPLY_MAX, "file %" PRIu64 ": %" PRIu64 " bytes\n", file, size);
}
