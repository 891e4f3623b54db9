/* SPDX-License-Identifier: Apache-2.0 */

#include "header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int header_value(const char *head, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    const char *line;

    for (line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *start = line + length + 1;
            const char *end;

            start += strspn(start, " \t");
            end = start + strcspn(start, "\r");
            if ((size_t)(end - start) >= size) {
                return 0;
            }
            memcpy(value, start, (size_t)(end - start));
            value[end - start] = '\0';
            return 1;
        }
    }
    return 0;
}

int header_number(const char *head, const char *name, uint64_t *number)
{
    char value[32];
    char *end;

    if (!header_value(head, name, value, sizeof(value)) || value[0] < '0' || value[0] > '9') {
        return 0;
    }
    *number = strtoull(value, &end, 10);
    return *end == '\0';
}
