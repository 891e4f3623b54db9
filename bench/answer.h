/* SPDX-License-Identifier: Apache-2.0 */

/* An answer of the server, taken in as it arrives. */

#ifndef ANSWER_H
#define ANSWER_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of a body that are kept to be looked at; the rest is only counted. */
#define ANSWER_BODY 256

/** An answer that is arriving or is whole. */
typedef struct answer_t {
    int status;             /**< 0 until the head is whole */
    int closes;             /**< whether the server closes the connection after it */
    int chunked;            /**< whether its body comes in chunks */
    uint64_t length;        /**< of the body */
    uint64_t got;           /**< bytes of the body that have come */
    size_t head_length;     /**< bytes of the head that have come */
    char head[4096];        /**< status line and headers; a string once the head is whole */
    char body[ANSWER_BODY]; /**< its beginning */
} answer_t;

/** How far an answer is. */
typedef enum {
    ANSWER_PARTIAL, /**< there is more to come */
    ANSWER_WHOLE,   /**< this was the end of it */
    ANSWER_STRANGE  /**< no answer that this program understands */
} answer_e;

/** Make ready for the next answer. */
void answer_begin(answer_t *answer);

/** Take in what has arrived. */
answer_e answer_take(answer_t *answer, const char *data, size_t length);

#endif
