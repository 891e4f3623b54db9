/* SPDX-License-Identifier: Apache-2.0 */

/* A client that controls every byte: raw sockets, no library in between.
 *
 * wire_read() holds every answer to what the protocol says of all answers: BITS-Packet-Type: Ack,
 * Content-Length: 0, no body; with an error its code twice, and a context; without one, neither. */

#ifndef WIRE_H
#define WIRE_H

#include <apr_tables.h>
#include "httpd_env.h"

/** Seconds to wait for an answer. */
#define WIRE_DEADLINE 20

/** The protocol's GUID, as Windows writes it. */
#define WIRE_PROTOCOL "{7df0354d-249b-430f-820d-3d2a9bef4931}"

/** An id of the right form that no session has. */
#define WIRE_NO_SESSION "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}"

/** A connection. Closed at the latest with its server's end. */
typedef struct wire_t wire_t;

/** One answer. In the server's pool. */
typedef struct wire_answer_t {
    int status;           /**< HTTP status; 0: the connection ended instead of an answer */
    int interim;          /**< number of answers 100 Continue before it */
    apr_table_t *headers; /**< as received; a header that came twice is there twice */
    long body;            /**< bytes of body that were read */
} wire_answer_t;

/** Open a connection to a server (without TLS). */
wire_t *wire_connect(httpd_env_t *env);

/** Open a connection from another loopback address: "127.0.0.2". */
wire_t *wire_connect_from(httpd_env_t *env, const char *address);

/** Close it. */
void wire_disconnect(wire_t *wire);

/** Say that nothing more will be sent; answers can still be read. */
void wire_end_sending(wire_t *wire);

/** Close it with a reset, as a machine that loses its network does not, but a killed client does.
 */
void wire_reset(wire_t *wire);

/** Send a text of printf's form. */
void wire_send(wire_t *wire, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Send bytes. An answer that comes before all is sent (a refusal) ends the sending quietly. */
void wire_send_bytes(wire_t *wire, const void *data, size_t length);

/** Read that many bytes, whatever they are. Returns 0 if the connection ended before. */
int wire_read_bytes(wire_t *wire, void *data, size_t length);

/** Whether an answer, or the connection's end, comes within so many milliseconds. */
int wire_hears(wire_t *wire, int milliseconds);

/** Read one answer of the module, holding it to the rules above. */
const wire_answer_t *wire_read(wire_t *wire);

/** The same, but an error is the server application's: its context is 0x7. */
const wire_answer_t *wire_read_application(wire_t *wire);

/** Read one answer, whatever it is; of httpd itself, say. A body is read and counted. */
const wire_answer_t *wire_read_any(wire_t *wire);

/** Read the interim answer 100 Continue. */
void wire_await_continue(wire_t *wire);

/** What a connection does after an answer. */
typedef enum {
    WIRE_EITHER, /**< go on or be closed; a left-over body must not be taken for a request */
    WIRE_KEPT,   /**< go on */
    WIRE_CLOSED  /**< be closed by the server */
} wire_after_e;

/** Hold a connection to what it should do next; asks with a Ping for path. */
void wire_after(wire_t *wire, const char *path, wire_after_e expected);

/** Value of a header of an answer, or NULL. */
const char *wire_header(const wire_answer_t *answer, const char *name);

/** Hold an answer to a status and a BITS error code ("0x80070057"; NULL: none). */
#define CHECK_ANSWER(answer, status, code) wire_check((answer), (status), (code), CHECK_HERE)
/** Behind CHECK_ANSWER(). */
void wire_check(const wire_answer_t *answer, int status, const char *code, const char *file,
                int line);

/** Hold an answer to a status and BITS-Received-Content-Range. */
#define CHECK_NEXT(answer, status, next) wire_check_next((answer), (status), (next), CHECK_HERE)
/** Behind CHECK_NEXT(). */
void wire_check_next(const wire_answer_t *answer, int status, long long next, const char *file,
                     int line);

/** Send a packet and read its answer.
 * @param type "Close-Session"
 * @param session id as it is to be sent, or NULL for none
 * @param more further header lines, each ended by \r\n; or NULL. A Fragment brings Content-Range
 *        here; Content-Length is always sent
 * @param body, length the body; NULL and 0 for none */
const wire_answer_t *wire_packet(wire_t *wire, const char *path, const char *type,
                                 const char *session, const char *more, const void *body,
                                 size_t length);

/** Send a packet as wire_packet() does, but leave its answer to be read later. */
void wire_send_packet(wire_t *wire, const char *path, const char *type, const char *session,
                      const char *more, const void *body, size_t length);

/** Create a session; ends the test unless that works. Returns its id, with braces. */
const char *wire_create(wire_t *wire, const char *path);

/** Send the bytes [start, start + length) of a file of total bytes as one fragment; read the
 * answer.
 * @param file the whole file's bytes */
const wire_answer_t *wire_fragment(wire_t *wire, const char *path, const char *session,
                                   const char *file, long long start, size_t length,
                                   long long total);

/** Send only the head of a fragment, so that the test decides when its body comes. */
void wire_fragment_head(wire_t *wire, const char *path, const char *session, long long start,
                        long long length, long long total);

/** Close or cancel a session; read the answer. */
const wire_answer_t *wire_close(wire_t *wire, const char *path, const char *session);
const wire_answer_t *wire_cancel(wire_t *wire, const char *path, const char *session);

/** A whole upload with fragments of that size on one connection, every answer held to 200. */
void wire_upload(wire_t *wire, const char *path, const char *file, size_t length, size_t fragment);

/** One request and its answer, told as text. */
typedef struct wire_case_t {
    const char *name;    /**< what is shown when it fails */
    const char *request; /**< every byte of it; "\n" is sent as "\r\n"; {PORT} and {SESSION} (a new
                          * session of WIRE_CASE_PATH, with braces) are replaced */
    int status;          /**< expected */
    const char *headers; /**< expected, one a line: "Name: value"; "!Name": must be absent */
    wire_after_e after;  /**< what the connection does next */
} wire_case_t;

/** The URL that {SESSION} is a session of. */
#define WIRE_CASE_PATH "/upload/case.bin"

/** Send every case on a connection of its own and hold the answer to it. Sessions that were made
 * for a case are cancelled behind it. */
void wire_run(httpd_env_t *env, const wire_case_t *cases, size_t count);

#endif
