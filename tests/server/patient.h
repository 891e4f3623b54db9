/* SPDX-License-Identifier: Apache-2.0 */

/* A client that gets its file through, whatever happens: it goes on where the server says, starts
 * over when its session is not known any more, and remembers when it knew what, so that it can be
 * set back to any moment.
 *
 *     patient_t *patient = patient_make(env, "/upload/a.bin", file, length, 7000);
 *     patient_go_on(patient);     // Create-Session ... Close-Session
 *
 * Answers that no healthy server gives fail the test. */

#ifndef PATIENT_H
#define PATIENT_H

#include <apr_tables.h>
#include "upload.h"

/** What the server may not lose. */
typedef enum {
    PATIENT_KEEP_CLOSED, /**< an upload whose Close-Session has got its 200 */
    PATIENT_KEEP_ALL     /**< anything that has got a 200 */
} patient_keep_e;

/** What the client knows. */
typedef struct patient_state_t {
    const char *id; /**< with braces; NULL: no session yet */
    size_t next;    /**< byte to go on with: all before it are acknowledged */
    size_t sent;    /**< all before it have been sent in this session, if perhaps in vain */
    int complete;   /**< the last fragment has got its 200 */
    int fetched;    /**< the reply, if there is one, has been downloaded */
    int closed;     /**< Close-Session has got its 200 */
} patient_state_t;

/** A client with its file. */
typedef struct patient_t {
    upload_t up;             /**< server, connection, path; the id is that of state */
    const char *file;        /**< its bytes */
    size_t length;           /**< of the file */
    size_t fragment;         /**< bytes of a fragment */
    patient_keep_e keep;     /**< what it relies on; everything at first */
    size_t reply;            /**< bytes of the reply that the last fragment brings; 0: none */
    patient_state_t state;   /**< now */
    apr_array_header_t *log; /**< of struct patient_moment */
} patient_t;

/** A client of a server that has not begun. */
patient_t *patient_make(httpd_env_t *env, const char *path, const char *file, size_t length,
                        size_t fragment);

/** One packet and its answer. Returns the answer; 200, 416 and "no such session" move the client
 * on, others leave it as it is. */
const wire_answer_t *patient_step(patient_t *patient);

/** Download the reply of a complete upload, which must be right; Close-Session does it otherwise.
 */
void patient_fetch(patient_t *patient);

/** Packets until the file is there. */
void patient_go_on(patient_t *patient);

/** Take down what the client knows at a point of the record (power.h). */
void patient_note(patient_t *patient, unsigned point);

/** Whether something was noted at a point. */
int patient_noted(const patient_t *patient, unsigned point);

/** Let the client know what it knew at a point, on a new connection. */
void patient_set_back(patient_t *patient, unsigned point);

#endif
