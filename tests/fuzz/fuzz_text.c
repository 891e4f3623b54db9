/* SPDX-License-Identifier: Apache-2.0 */

/* Strings of strangers on a terminal and in JSON. */

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/text.h"

/** Whether a text is one JSON string: quotes around it, and in it only escapes that JSON knows. */
static int is_json(const char *text)
{
    const char *c = text;

    if (*c++ != '"') {
        return 0;
    }
    for (; *c != '"'; c++) {
        if (*c == '\0') {
            return 0;
        }
        if (*c == '\\') {
            c++;
            if (*c == 'u' && strspn(c + 1, "0123456789abcdef") >= 4) {
                c += 4;
            } else if (*c != '"' && *c != '\\') {
                return 0;
            }
        }
    }
    return c[1] == '\0';
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *text = fuzz_text(data, size, pool);
    char *written;
    size_t length;
    FILE *out = open_memstream(&written, &length);
    int said;

    HOLDS(out != NULL);
    said = text_plain(out, text);
    HOLDS(fflush(out) == 0 && (size_t)said == length && length >= strlen(text));
    HOLDS(fuzz_is_plain(written) && strstr(written, "\xC2\x9B") == NULL);
    HOLDS(fseek(out, 0, SEEK_SET) == 0);
    text_json(out, text);
    HOLDS(fputc('\0', out) == '\0' && fclose(out) == 0);
    HOLDS(fuzz_is_plain(written) && strstr(written, "\xC2\x9B") == NULL);
    HOLDS(is_json(written));
    free(written);
}
