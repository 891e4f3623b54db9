/* SPDX-License-Identifier: Apache-2.0 */

/* A table on standard output. On a terminal it is made to fit: the columns that give way are cut,
 * marked with a ">". Elsewhere nothing is cut. */

#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include <apr_tables.h>

/** A column. */
typedef struct admin_column_t {
    const char *heading;
    int right; /**< aligned to the right */
    int least; /**< characters that it keeps when the terminal is narrow; 0: all */
} admin_column_t;

/** Columns of the terminal that standard output is, from COLUMNS or the terminal itself; 0 if it is
 * none. */
int admin_terminal_width(void);

/** Print a table.
 * @param cells row by row (const char *), safe for a terminal
 * @param width columns that there are, 0: any number */
void admin_table_print(const admin_column_t *columns, int count, const apr_array_header_t *cells,
                       int width);

#endif
