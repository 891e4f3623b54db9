/* SPDX-License-Identifier: Apache-2.0 */

/* What goes over the wire: for each protocol, which requests an upload takes and what is a right
 * answer. How they get there, and what they cost, is the engine's business, so that all protocols
 * cost the client the same. */

#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "answer.h"

/** Kinds of requests, whose times are kept apart. */
typedef enum {
    KIND_UPLOAD, /**< all requests of one file together */
    KIND_CREATE,
    KIND_FRAGMENT,
    KIND_REPLY,
    KIND_CLOSE,
    KIND_PUT,
    KIND_GET,
    KIND_COUNT
} kind_e;

struct protocol_t;

/** What is to be done. */
typedef struct plan_t {
    const struct protocol_t *protocol;
    const char *path;  /**< of all files' URLs; the number of the file comes behind it */
    int port;          /**< of 127.0.0.1 */
    int connections;   /**< open at the same time */
    int active;        /**< connections that are in use at the same time */
    uint64_t number;   /**< of files; they are numbered from 0 */
    uint64_t size;     /**< of each, bytes */
    uint64_t fragment; /**< most bytes of one request, where a protocol cuts files */
} plan_t;

/** One file on its way. */
typedef struct upload_t {
    const plan_t *plan;
    uint64_t file;    /**< its number */
    int step;         /**< the protocol's own; 0 at the beginning */
    uint64_t sent;    /**< bytes of it that are acknowledged */
    char session[64]; /**< its session at the server */
    char told[256];   /**< path of the URL that the server told: of the reply, or of the upload */
} upload_t;

/** One request. Its body is a part of the upload's file. */
typedef struct request_t {
    kind_e kind;
    char head[1024];    /**< request line and headers */
    size_t head_length; /**< bytes of them */
    uint64_t offset;    /**< of the body in the file */
    uint64_t length;    /**< of the body */
} request_t;

/** A way to upload files. */
typedef struct protocol_t {
    const char *name; /**< as the command line has it */

    /** Make the next request of an upload, the same again until judge() was asked about it. Returns
     * 0 if the upload is done. */
    int (*next)(upload_t *upload, request_t *request);

    /** Look at the answer and take note of it in the upload.
     * @return NULL, or what is wrong with it */
    const char *(*judge)(upload_t *upload, const request_t *request, const answer_t *answer);

    int stores; /**< whether the whole file is at the server in the end */
} protocol_t;

extern const protocol_t protocol_bits;  /**< a session for each file: create, fragments, close */
extern const protocol_t protocol_reply; /**< likewise, and fetch the reply before the close */
extern const protocol_t protocol_open;  /**< create and the first fragment; the session stays */
extern const protocol_t protocol_put;   /**< one PUT for each file */
extern const protocol_t protocol_get;   /**< a GET of the plan's path, twice for each file */
extern const protocol_t protocol_tus;   /**< a resource for each file: POST to the path, PATCHes */

/** Find a protocol by its name. NULL if there is none. */
const protocol_t *protocol_find(const char *name);

/** Begin a request: method, URL, and the headers that all requests have; without a body. */
void protocol_begin(request_t *request, kind_e kind, const char *method, const char *url,
                    uint64_t length);

/** Add a header to it. */
void protocol_header(request_t *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** End its head. */
void protocol_end(request_t *request);

/** The URL's path of an upload's file. */
void protocol_url(const upload_t *upload, char *url, size_t size);

/** Bytes of an upload's next fragment. */
uint64_t protocol_fragment(const upload_t *upload);

/** Take note, in the upload, of the path of the absolute URL that a header of the answer tells.
 * Returns 0 if it tells none. */
int protocol_note_url(upload_t *upload, const answer_t *answer, const char *header);

#endif
