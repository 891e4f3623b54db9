/* SPDX-License-Identifier: Apache-2.0 */

#include "admin_table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Most columns of a table, and blanks between two. */
#define COLUMNS_MAX 16
#define GAP         2

/* A line that ends at the right edge of the terminal. */
typedef struct line_t {
    int left; /* characters that there is room for */
} line_t;

int admin_terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    long width = columns != NULL ? strtol(columns, NULL, 10) : 0;
    struct winsize size;

    if (!isatty(STDOUT_FILENO)) {
        return 0;
    }
    if (width > 0 && width < 10000) {
        return (int)width;
    }
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Characters of a text in UTF-8. */
static int length_of(const char *text)
{
    int length = 0;

    for (; *text != '\0'; text++) {
        length += (*text & 0xC0) != 0x80;
    }
    return length;
}

/* Print at most that many characters. */
static void put(const char *text, int characters, line_t *line)
{
    for (; *text != '\0'; text++) {
        if ((*text & 0xC0) != 0x80) {
            if (characters-- == 0 || line->left == 0) {
                return;
            }
            line->left--;
        }
        (void)fputc(*text, stdout);
    }
}

static void put_blanks(int count, line_t *line)
{
    for (; count > 0 && line->left > 0; count--) {
        (void)fputc(' ', stdout);
        line->left--;
    }
}

static void put_cell(const admin_column_t *column, const char *text, int width, int last,
                     line_t *line)
{
    int length = length_of(text);
    int blanks = length < width ? width - length : 0;

    put_blanks(column->right ? blanks : 0, line);
    if (length > width) {
        put(text, width - 1, line);
        put(">", 1, line);
    } else {
        put(text, width, line);
    }
    put_blanks(last ? 0 : GAP + (column->right ? 0 : blanks), line);
}

/* Take from the columns that give way, the widest first, until the table fits. */
static void shrink(const admin_column_t *columns, int count, int *widths, int room)
{
    int total = GAP * (count - 1);

    for (int c = 0; c < count; c++) {
        total += widths[c];
    }
    while (total > room) {
        int widest = -1;

        for (int c = 0; c < count; c++) {
            if (columns[c].least > 0 && widths[c] > columns[c].least &&
                (widest < 0 || widths[c] > widths[widest])) {
                widest = c;
            }
        }
        if (widest < 0) {
            return;
        }
        widths[widest]--;
        total--;
    }
}

void admin_table_print(const admin_column_t *columns, int count, const apr_array_header_t *cells,
                       int width)
{
    int widths[COLUMNS_MAX];
    int room = width > 0 ? width : INT_MAX;

    for (int c = 0; c < count; c++) {
        widths[c] = length_of(columns[c].heading);
    }
    for (int i = 0; i < cells->nelts; i++) {
        int length = length_of(APR_ARRAY_IDX(cells, i, const char *));
        widths[i % count] = length > widths[i % count] ? length : widths[i % count];
    }
    shrink(columns, count, widths, room);
    for (int i = -count; i < cells->nelts; i += count) {
        line_t line = {room};
        for (int c = 0; c < count; c++) {
            const char *text =
                i < 0 ? columns[c].heading : APR_ARRAY_IDX(cells, i + c, const char *);
            put_cell(&columns[c], text, widths[c], c == count - 1, &line);
        }
        (void)fputc('\n', stdout);
    }
}
