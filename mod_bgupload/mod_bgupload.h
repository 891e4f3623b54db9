/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the module share. The layers: httpd's hooks are listed in mod_bgupload.c; each
 * hook function lives in the file of its subject and only translates between httpd and the core. */

#ifndef MOD_BGUPLOAD_H
#define MOD_BGUPLOAD_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include "bgu_store.h"
#include "bgu_upload.h"

extern module AP_MODULE_DECLARE_DATA bgupload_module;

APLOG_USE_MODULE(bgupload);

/** A stable tag at the start of each log line, to look for and to tell others about. */
#define BGULOGNO(n) "BGU" #n ": "

/** The sessions of this process, once mod_bgupload_store_ready() has said so. */
extern bgu_sessions_t mod_bgupload_sessions;

/** Who asks the server application in this process; NULL until child_init. */
extern bgu_notifier_t *mod_bgupload_notifier;

/** Hook check_config, which httpd -t and a graceful restart run too: check store and spools as the
 * server's user. What is wrong is logged with what to do about it, and the server does not start.
 */
int mod_bgupload_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                              server_rec *s);

/** The server's user, for a command that makes a folder for it. */
const char *mod_bgupload_owner(void);

/** Hook post_config: read the umask, start the clean-up. */
int mod_bgupload_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/** Hook child_init: set up this process, open its store. */
void mod_bgupload_child_init(apr_pool_t *pchild, server_rec *s);

/** Whether the store of this process is open; opens it if it was not, at most once a second. */
int mod_bgupload_store_ready(server_rec *s);

/** Have mod_watchdog run the clean-up in one child at a time; say so if there is no mod_watchdog.
 */
apr_status_t mod_bgupload_watchdog_start(apr_pool_t *pconf, server_rec *s);

/** Hook post_read_request: keep error pages out of the answers of this protocol. */
int mod_bgupload_post_read_request(request_rec *r);

/** Hook header_parser: take a POST for a BITS_POST where BGUploadMethodOverride says so. */
int mod_bgupload_header_parser(request_rec *r);

/** Hook type_checker: leave no say to the type of what is uploaded. */
int mod_bgupload_type_checker(request_rec *r);

/** Hook fixups, before mod_dir: a folder is answered by us, not by a redirect or an index. */
int mod_bgupload_fixups(request_rec *r);

/** Hook handler: serve a BITS_POST. */
int mod_bgupload_handler(request_rec *r);

/** Whether the request is for the reply of a server application, by its path and method. */
int mod_bgupload_is_reply(request_rec *r);

/** Hook handler: serve the reply of a server application to GET and HEAD. */
int mod_bgupload_reply_handler(request_rec *r);

/** Fill in what the core needs to ask a server application about an upload of this request.
 * @return 1, or 0 if BGUploadNotifyURL makes no URL here; detail then says so for the log */
int mod_bgupload_reply_request(request_rec *r, bgu_request_t *request, const char **detail);

/** Hook insert_error_filter: a refusal of httpd's authorisation speaks this protocol as well. */
void mod_bgupload_error_filter(request_rec *r);

/** A reader of the request's body that gathers it without copying. Allocated in r->pool.
 * @param buffer bytes of the buffer that it may receive a large body with; 0: none */
bgu_reader_t *mod_bgupload_body_make(request_rec *r, apr_size_t buffer);

/** Set the variables for CustomLog and other modules, BGUPLOAD_... */
void mod_bgupload_set_variables(request_rec *r, const bgu_packet_t *packet,
                                const bgu_outcome_t *outcome);

/** The text of a log line about a step of a session's life, the same for all of them: what it was,
 * bytes, seconds since the session was created, bytes a second if it is whole, user, address, URL,
 * file. httpd escapes it.
 * @param event "created", "complete", "committed" or "discarded"
 * @param reason why, or NULL
 * @param name the client's own name for the file, or NULL */
const char *mod_bgupload_event_text(const bgu_session_t *session, const char *event,
                                    const char *reason, const char *name, apr_pool_t *pool);

/** Send an answer: status, headers, no body. Sets the variables for logs and writes the log line.
 * @return what a handler has to return */
int mod_bgupload_answer(request_rec *r, const bgu_packet_t *packet, const bgu_outcome_t *outcome);

#endif
