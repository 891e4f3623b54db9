/* SPDX-License-Identifier: Apache-2.0 */

/* The engine: works a plan off over its connections, each of which takes one file after another.
 * Where only some of them may be active, they take turns, file by file. */

#ifndef ENGINE_H
#define ENGINE_H

#include "latency.h"
#include "protocol.h"

/** What came of a plan. */
typedef struct tally_t {
    uint64_t uploads;  /**< that went as they should */
    uint64_t requests; /**< with a right answer */
    uint64_t bytes;    /**< of files, acknowledged */
    uint64_t errors;   /**< uploads that went wrong; the first ones are told on standard error */
    uint64_t reopened; /**< connections that the server closed after an answer */
    uint64_t dropped;  /**< likewise, while the connection was not in use */
    double seconds;    /**< from the first connection to the last answer */
    latency_t latencies[KIND_COUNT];
} tally_t;

/** A plan at work. */
typedef struct engine_t engine_t;

/** Work the plan off. The connections stay open.
 * @param plan must live as long as the engine
 * @return NULL, with a word on standard error, if the system does not allow it */
engine_t *engine_run(const plan_t *plan, tally_t *tally);

/** Close the connections. */
void engine_close(engine_t *engine);

#endif
