/* SPDX-License-Identifier: Apache-2.0 */

#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "header.h"

/** The one body in chunks that is understood, an empty one: so Node.js sends it. */
#define NO_CHUNKS "0\r\n\r\n"

void answer_begin(answer_t *answer)
{
    answer->status = 0;
    answer->closes = 0;
    answer->chunked = 0;
    answer->length = 0;
    answer->got = 0;
    answer->head_length = 0;
}

/** Read what the whole head says. */
static int understand(answer_t *answer)
{
    char value[32];

    if (strncmp(answer->head, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }
    answer->status = (int)strtol(answer->head + 9, NULL, 10);
    answer->closes = header_value(answer->head, "Connection", value, sizeof(value)) &&
                     strcasecmp(value, "close") == 0;
    answer->chunked = header_value(answer->head, "Transfer-Encoding", value, sizeof(value));
    if (answer->chunked) {
        answer->length = strlen(NO_CHUNKS);
        return strcasecmp(value, "chunked") == 0;
    }
    if (!header_number(answer->head, "Content-Length", &answer->length)) {
        /* Without a length there must be no body. */
        answer->length = 0;
        return answer->status == 204;
    }
    return 1;
}

/** Take in bytes of the head, up to its end. Returns how many were used, 0 if it is too long. */
static size_t take_head(answer_t *answer, const char *data, size_t length, int *whole)
{
    size_t used = 0;

    *whole = 0;
    while (used < length && answer->head_length < sizeof(answer->head) - 1 && !*whole) {
        answer->head[answer->head_length++] = data[used++];
        *whole = data[used - 1] == '\n' && answer->head_length >= 4 &&
                 memcmp(answer->head + answer->head_length - 4, "\r\n\r\n", 4) == 0;
    }
    answer->head[answer->head_length] = '\0';
    return used;
}

/** The whole body has come. */
static answer_e end_body(answer_t *answer)
{
    if (answer->chunked) {
        if (memcmp(answer->body, NO_CHUNKS, strlen(NO_CHUNKS)) != 0) {
            return ANSWER_STRANGE;
        }
        answer->length = 0;
        answer->got = 0;
    }
    return ANSWER_WHOLE;
}

answer_e answer_take(answer_t *answer, const char *data, size_t length)
{
    if (answer->status == 0) {
        int whole;
        size_t used = take_head(answer, data, length, &whole);

        if (!whole) {
            return used == length && used > 0 ? ANSWER_PARTIAL : ANSWER_STRANGE;
        }
        if (!understand(answer)) {
            return ANSWER_STRANGE;
        }
        data += used;
        length -= used;
    }
    if (length > answer->length - answer->got) {
        return ANSWER_STRANGE;
    }
    if (answer->got < ANSWER_BODY) {
        size_t room = ANSWER_BODY - (size_t)answer->got;

        memcpy(answer->body + answer->got, data, length < room ? length : room);
    }
    answer->got += length;
    return answer->got == answer->length ? end_body(answer) : ANSWER_PARTIAL;
}
