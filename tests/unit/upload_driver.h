/* SPDX-License-Identifier: Apache-2.0 */

/* A client of the state machine: packets, bodies that come in any way, and what became of them.
 *
 *     upload_driver_t *d = upload_driver_open("0123456789");
 *     upload_create(d);
 *     UPLOAD_EXPECT(upload_fragment(d, 0, 5), BGU_OK, 5);
 *
 * The driver's file is what the client has; its session is the last one created. */

#ifndef UPLOAD_DRIVER_H
#define UPLOAD_DRIVER_H

#include "../../mod_bgupload/bgu_upload.h"
#include "fixture.h"

/** A client with a file. A test may change the members between two packets. */
typedef struct upload_driver_t {
    fixture_t *f;
    const char *data;       /**< bytes of the file */
    size_t length;          /**< of data */
    apr_off_t data_at;      /**< offset of data in the file; 0 unless a test has only its end */
    apr_off_t total;        /**< as told in Content-Range */
    const char *id;         /**< the session; set by upload_create() */
    bgu_policy_t policy;    /**< the rules at the URL */
    bgu_request_t request;  /**< user, client, path, query, dest of each packet */
    size_t piece;           /**< bytes that the body comes in at a time; 0: as asked for */
    apr_off_t breaks_after; /**< bytes after which the connection is lost; negative: never */
    int here;               /**< bodies come with the heads of their requests */
    size_t read;            /**< bytes that were read of the last body */
    /** Called once, when so many bytes of a body have been read; then forgotten. */
    void (*meanwhile)(struct upload_driver_t *driver);
    size_t meanwhile_after; /**< bytes before meanwhile is called */
} upload_driver_t;

/** A client with a file of these bytes and a fixture of its own. */
upload_driver_t *upload_driver_open(const char *data);

/** The same with any bytes. */
upload_driver_t *upload_driver_open_bytes(size_t length);

/** Another client of the same server, file and session. */
upload_driver_t *upload_driver_copy(const upload_driver_t *d);

/** Send a packet without a body. The outcome lives as long as the fixture. */
const bgu_outcome_t *upload_packet(upload_driver_t *d, bgu_packet_e type);

/** Create-Session; remembers the id. */
const bgu_outcome_t *upload_create(upload_driver_t *d);

/** Create-Session that must succeed. */
void upload_begin(upload_driver_t *d);

/** Fragment with the bytes [first, end) of the file. */
const bgu_outcome_t *upload_fragment(upload_driver_t *d, apr_off_t first, apr_off_t end);

/** Fragment whose body breaks off after so many bytes. */
const bgu_outcome_t *upload_broken(upload_driver_t *d, apr_off_t first, apr_off_t end,
                                   apr_off_t breaks_after);

/** Close-Session and Cancel-Session. */
const bgu_outcome_t *upload_close(upload_driver_t *d);
const bgu_outcome_t *upload_cancel(upload_driver_t *d);

/** Begin a session and send the whole file; all of it must succeed. */
void upload_all(upload_driver_t *d);

/** The session's state in the store, or -1. */
int upload_state(const upload_driver_t *d);

/** Bytes in the spool file, or -1 if there is none. */
long long upload_spooled(const upload_driver_t *d);

/** Whether the spool file holds the first bytes of the file and nothing else. */
int upload_spool_is_sound(const upload_driver_t *d);

/** Whether the destination holds the whole file, and its folder nothing else. */
int upload_is_published(const upload_driver_t *d);

/** Hold an outcome to a result and to the next byte wanted; NEXT_NONE: none is told. */
#define UPLOAD_EXPECT(outcome, result, next)                                                       \
    upload_expect((outcome), (result), (next), #outcome, CHECK_HERE)

/** No next byte is told. */
#define NEXT_NONE (-1)

/** Hold an outcome to a result only. */
#define NEXT_ANY (-2)

void upload_expect(const bgu_outcome_t *outcome, bgu_result_e result, long long next,
                   const char *what, const char *file, int line);

#endif
