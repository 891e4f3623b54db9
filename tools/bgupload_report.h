/* SPDX-License-Identifier: Apache-2.0 */

/* Results of bgupload, for people and as JSON (one object a line on standard output). */

#ifndef BGUPLOAD_REPORT_H
#define BGUPLOAD_REPORT_H

#include <stdio.h>
#include <apr_time.h>
#include "client.h"

/** Write what became of a command as one JSON object.
 * @param file local file, or NULL if the command has none
 * @param duration microseconds that it took */
void report_result(FILE *out, const client_result_t *result, const char *file,
                   apr_interval_time_t duration);

/** Write one remembered upload as a JSON object. */
void report_state(FILE *out, const client_state_t *state);

#endif
