/* SPDX-License-Identifier: Apache-2.0 */

#include "text.h"

/** No character: the byte is no (whole, shortest) UTF-8. */
#define NONE 0xFFFFFFFFu

/** Read the character at text, which is not its end.
 * @param length receives its bytes, 1 with NONE */
static unsigned decode(const char *text, int *length)
{
    static const struct {
        unsigned char mask, lead; /**< what the first byte looks like */
        int more;                 /**< bytes that follow it */
        unsigned least;           /**< smallest character that needs so many bytes */
    } forms[] = {{0x80, 0x00, 0, 0},
                 {0xE0, 0xC0, 1, 0x80},
                 {0xF0, 0xE0, 2, 0x800},
                 {0xF8, 0xF0, 3, 0x10000}};
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned code;
    int form = 0;
    int i;

    *length = 1;
    while (form < 4 && (bytes[0] & forms[form].mask) != forms[form].lead) {
        form++;
    }
    if (form == 4) {
        return NONE;
    }
    code = bytes[0] & (unsigned char)~forms[form].mask;
    for (i = 1; i <= forms[form].more; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return NONE;
        }
        code = code << 6 | (bytes[i] & 0x3Fu);
    }
    if (code < forms[form].least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return NONE;
    }
    *length = i;
    return code;
}

/** Whether a character is not to be seen, but changes how others are: controls of C0 and C1, line
 * separators, marks of direction. All of them fit \uXXXX. */
static int is_control(unsigned code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C ||
           (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

int text_plain(FILE *out, const char *text)
{
    int written = 0;
    int length;

    for (; *text != '\0'; text += length) {
        unsigned code = decode(text, &length);
        int i;

        if (code == '\\') {
            fputs("\\\\", out);
            written += 2;
            continue;
        }
        for (i = 0; i < length; i++) {
            if (code == NONE || is_control(code)) {
                fprintf(out, "\\x%02X", (unsigned)(unsigned char)text[i]);
                written += 4;
            } else {
                fputc(text[i], out);
                written++;
            }
        }
    }
    return written;
}

void text_json(FILE *out, const char *text)
{
    int length;

    fputc('"', out);
    for (; *text != '\0'; text += length) {
        unsigned code = decode(text, &length);

        if (code == NONE) {
            fputs("\\ufffd", out);
        } else if (code == '"' || code == '\\') {
            fprintf(out, "\\%c", (int)code);
        } else if (is_control(code)) {
            fprintf(out, "\\u%04x", code);
        } else {
            fwrite(text, 1, (size_t)length, out);
        }
    }
    fputc('"', out);
}
