/* SPDX-License-Identifier: Apache-2.0 */

/* Another request that comes between two steps of one that is under way.
 *
 * The store is the real one; only that one call of it lets the other request through, before it
 * begins or before it returns. */

#ifndef BETWEEN_H
#define BETWEEN_H

#include "fixture.h"

/** When the other request comes. */
typedef enum {
    BETWEEN_AFTER_FIND,
    BETWEEN_BEFORE_UPDATE,
    BETWEEN_AFTER_UPDATE,
    BETWEEN_AFTER_PROMISE
} between_e;

/** Let an act come between, once, at the next such moment. */
void between_let(fixture_t *f, between_e moment, void (*act)(void));

/** Another moment for it. */
void between_at(between_e moment);

/** Whether it has come. */
int between_is_over(void);

#endif
