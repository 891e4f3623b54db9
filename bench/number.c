/* SPDX-License-Identifier: Apache-2.0 */

#include "number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t number_read(const char *text, uint64_t max)
{
    static const char units[] = "KMG";
    char *end;
    uint64_t number;
    int shift = 0;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (*end != '\0' && strchr(units, *end) != NULL) {
        shift = 10 * (int)(strchr(units, *end) - units + 1);
        end++;
    }
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number > max >> shift) {
        fprintf(stderr, "not a number that fits here: %s\n", text);
        exit(2);
    }
    return number << shift;
}
