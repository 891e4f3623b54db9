/* SPDX-License-Identifier: Apache-2.0 */

/* The upload engine: everything between "this file to that URL" and "done".
 *
 *     create --> send ... send [--> reply] --> close --> over     ask: where does the server stand?
 *       ^          |  ^             |  ^
 *       |    break |  | 416         |  |       A remembered upload starts with it, and every
 *       +- gone - ask +--- all -----+--+       failure that may pass ends in it.
 *
 * To ask, the file's last byte is offered alone: unless only that byte is missing, the server
 * refuses it and says which byte it wants. So a break costs one byte, not a fragment that is there
 * already, and a network that breaks within every fragment still gets on. A Close-Session is only
 * sent, or sent again, when the server has just confirmed that it has everything: it discards the
 * bytes of an upload that is not complete.
 *
 * A reply that is wanted is fetched once the server has everything, and the session is only closed,
 * which removes the reply, when it is safe on the disk. */

#ifndef CLIENT_H
#define CLIENT_H

#include "client_http.h"
#include "client_state.h"

/** Smallest and usual size of a fragment in bytes. */
#define CLIENT_FRAGMENT_MIN     ((apr_off_t)5 * 1024)
#define CLIENT_FRAGMENT_DEFAULT ((apr_off_t)13 * 1024 * 1024)

/** How something ended. The numbers are the program's exit codes. */
typedef enum {
    CLIENT_DONE = 0,
    CLIENT_REFUSED = 1,    /**< for good; trying again as it is will not help */
    CLIENT_USAGE = 2,      /**< the call makes no sense */
    CLIENT_UNFINISHED = 3, /**< not done, but can be resumed */
    CLIENT_BAD_FILE = 4    /**< trouble with a local file */
} client_end_e;

/** How to go about it, and whom to tell. All strings have to outlive the call. */
typedef struct client_settings_t {
    client_http_settings_t http;
    apr_off_t fragment;            /**< bytes of a fragment, at least CLIENT_FRAGMENT_MIN */
    apr_interval_time_t retry_for; /**< microseconds of trouble without progress; 0: never retry */
    const char *reply;             /**< path that the server's reply is saved to; NULL: nowhere */
    int cancel_on_interrupt;       /**< an interrupted upload is cancelled on the server */

    /** Non-zero once the user wants it to stop. */
    int (*interrupted)(void *baton);
    /** Bytes that the server has or that are on their way, of total. Called often. */
    void (*progress)(void *baton, apr_off_t bytes, apr_off_t total);
    /** Something the user should know though the upload goes on. One line without its end. */
    void (*note)(void *baton, const char *text);
    /** What goes over the wire, one line for each exchange. May be NULL. */
    void (*trace)(void *baton, const char *text);
    void *baton; /**< for all of them */
} client_settings_t;

/** What became of it. */
typedef struct client_result_t {
    client_end_e end;
    const char *message;          /**< one line: what went wrong; "" if nothing did */
    const char *url;              /**< of the file on the server */
    char session[BGU_ID_LEN + 1]; /**< the last session, "" if there was none */
    apr_off_t bytes;              /**< that the server acknowledged */
    apr_off_t total;              /**< size of the file */
    int reply_wanted;             /**< it was to be saved */
    const char *reply;            /**< absolute path of the saved reply, or NULL */
    const char *reply_url;        /**< of the reply that the server offered, or NULL */
    apr_off_t reply_bytes;        /**< of it that have been fetched */
    int resumed;                  /**< it went on with an earlier call's session */
    int http_status;              /**< of the answer that ended it, 0 if none did */
    apr_uint32_t hresult;         /**< of that answer, 0 if it had none */
} client_result_t;

/** Upload a file, going on where an earlier call stopped.
 * @param result filled by this call; strings in pool
 * @param folder of remembered uploads, or NULL if there is none: then nothing can be resumed
 * @param path of the file
 * @param url where it goes; if it ends in "/" the file's name is appended */
void client_upload(client_result_t *result, const client_settings_t *settings, const char *folder,
                   const char *path, const char *url, apr_pool_t *pool);

/** Cancel one remembered upload on the server and forget it. */
void client_cancel(client_result_t *result, const client_settings_t *settings, const char *folder,
                   const client_state_t *state, apr_pool_t *pool);

/** Ask whether BITS uploads are answered at a URL. */
void client_ping(client_result_t *result, const client_settings_t *settings, const char *url,
                 apr_pool_t *pool);

#endif
