/* SPDX-License-Identifier: Apache-2.0 */

/* The reply of a server application, between the core and httpd: the URLs around it, and its
 * serving (protocol: upload-reply).
 *
 * A reply's URL is <folder of the destination>/BITS-Sessions/Replies/{ID}/responsefile.bin. It lies
 * below the folder, so the folder's authentication and authorisation hold for it. */

#include "mod_bgupload.h"

#include <unistd.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>
#include "bgu_guid.h"
#include "bgu_notify_answer.h"
#include "bgu_session.h"
#include "bgu_spool.h"
#include "bgu_spool_reply.h"
#include "mod_bgupload_config.h"

/* Length of the folder part of a path, with the slash at its end. */
static apr_size_t folder_length(const char *path)
{
    return (apr_size_t)(strrchr(path, '/') - path) + 1;
}

/* The absolute URL of a decoded path on this server, or on the host that the client was sent to. */
static const char *absolute_url(request_rec *r, const char *path, const char *host)
{
    const char *escaped = ap_os_escape_path(r->pool, path, 1);

    if (host == NULL) {
        return ap_construct_url(r->pool, escaped, r);
    }
    return apr_pstrcat(r->pool, ap_http_scheme(r), "://", host, escaped, NULL);
}

/* The absolute URL of a decoded path on this server by the name that its configuration gives it: a
 * client says in Host what it likes, and shall not choose who is asked. */
static const char *own_url(request_rec *r, const char *path)
{
    const server_rec *s = r->server;
    apr_port_t port = s->port ? s->port : r->connection->local_addr->port;

    return apr_psprintf(r->pool, "%s://%s:%u%s", ap_http_scheme(r), s->server_hostname,
                        (unsigned)port, ap_os_escape_path(r->pool, path, 1));
}

int mod_bgupload_reply_request(request_rec *r, bgu_request_t *request, const char **detail)
{
    const mod_bgupload_dir_t *conf = mod_bgupload_dir(r);
    const char *folder = apr_pstrmemdup(r->pool, r->uri, folder_length(r->uri));

    request->notifier = mod_bgupload_notifier;
    request->url = absolute_url(r, r->uri, NULL);
    request->reply_base =
        apr_pstrcat(r->pool, absolute_url(r, folder, conf->host_id), BGU_REPLY_FOLDER, NULL);
    if (conf->notify_url) {
        request->notify_url = bgu_notify_url(conf->notify_url, own_url(r, r->uri), "", r->pool);
    }
    if (request->notify_url) {
        return 1;
    }
    *detail = "BGUploadNotify is on here without a usable BGUploadNotifyURL";
    return 0;
}

/* The session id in the path of a reply, and the length of the folder before. NULL: no such path.
 */
static const char *parse_path(request_rec *r, apr_size_t *folder_len)
{
    const char *start = ap_strstr_c(r->uri, "/" BGU_REPLY_FOLDER);
    char *id = apr_palloc(r->pool, BGU_ID_LEN + 1);

    if (start == NULL) {
        return NULL;
    }
    *folder_len = (apr_size_t)(start - r->uri) + 1;
    start += strlen("/" BGU_REPLY_FOLDER);
    const char *end = strchr(start, '/');
    if (end == NULL || strcmp(end + 1, BGU_REPLY_FILE_NAME) != 0 ||
        !bgu_guid_parse(id, start, (apr_size_t)(end - start))) {
        return NULL;
    }
    return id;
}

/* Trouble of ours: the client shall try again, and 404 would end its job. */
static int fail(request_rec *r, apr_status_t rv, const char *id, const char *what)
{
    char reason[BGU_STRERROR_MAX];

    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  BGULOGNO(0039) "the reply of session %s cannot be sent: %s: %s", id, what,
                  bgu_strerror(rv, reason, sizeof(reason)));
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* The session whose reply may be served to this request: OK, HTTP_NOT_FOUND (nobody needs to know
 * why) or HTTP_INTERNAL_SERVER_ERROR. */
static int find_session(bgu_session_t **found, request_rec *r)
{
    apr_size_t folder_len;
    bgu_session_t *session;
    const char *id = parse_path(r, &folder_len);
    const bgu_sessions_t *sessions = &mod_bgupload_sessions;

    if (!mod_bgupload_store_ready(r->server)) {
        return HTTP_INTERNAL_SERVER_ERROR; /* the log has said why */
    }
    apr_status_t rv = sessions->provider->find(sessions->store, &session, id, r->pool);
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_NOTFOUND(rv) ? HTTP_NOT_FOUND
                                          : fail(r, rv, id, "cannot read the store");
    }
    if (folder_length(session->path) != folder_len ||
        strncmp(session->path, r->uri, folder_len) != 0 ||
        strcmp(session->user, r->user ? r->user : "") != 0) {
        return HTTP_NOT_FOUND;
    }
    if ((session->state != BGU_STATE_COMPLETE && session->state != BGU_STATE_PUBLISHED) ||
        session->reply.kind != BGU_REPLY_FILE || bgu_session_expired(session, r->pool)) {
        return HTTP_NOT_FOUND;
    }
    *found = session;
    return OK;
}

/* Whether an error in opening a file of the spool means that it is not there, or nothing that we
 * serve; a spool that is away may come back. */
static int is_missing(apr_status_t rv, const bgu_session_t *session)
{
    return rv == ELOOP || rv == EPERM ||
           (APR_STATUS_IS_ENOENT(rv) && faccessat(AT_FDCWD, session->spool, X_OK, AT_EACCESS) == 0);
}

/* Make a descriptor a file that the pool closes, or another pool to which httpd sets it aside. One
 * that is only named by its number is never closed by APR, so it gets a copy. */
static apr_status_t own(apr_file_t **file, int fd, apr_int32_t flags, apr_pool_t *pool)
{
    apr_file_t *named;
    apr_os_file_t copy;
    apr_status_t rv = apr_os_file_put(&named, &fd, flags, pool);

    if (rv == APR_SUCCESS) {
        rv = apr_file_dup(file, named, pool);
    }
    if (rv == APR_SUCCESS && apr_os_file_get(&copy, *file) == APR_SUCCESS) {
        (void)fcntl(copy, F_SETFD, FD_CLOEXEC);
    }
    (void)close(fd);
    return rv;
}

/* The reply as an open file of r->pool. Returns as find_session(). */
static int open_reply(apr_file_t **file, apr_off_t *size, request_rec *r,
                      const bgu_session_t *session)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *path = bgu_reply_path(session->spool, session->id, r->pool);
    apr_int32_t flags = APR_FOPEN_READ;
    int fd;

    apr_status_t rv = bgu_reply_open(&fd, size, path, r->pool);
    if (rv != APR_SUCCESS) {
        return is_missing(rv, session) ? HTTP_NOT_FOUND : fail(r, rv, session->id, path);
    }
#if APR_HAS_SENDFILE
    if (core->enable_sendfile == ENABLE_SENDFILE_ON) {
        flags |= APR_FOPEN_SENDFILE_ENABLED;
    }
#endif
    rv = own(file, fd, flags, r->pool);
    return rv == APR_SUCCESS ? OK : fail(r, rv, session->id, path);
}

/* Add a file as httpd's own handler of files does. */
static void insert_file(apr_bucket_brigade *brigade, apr_file_t *file, apr_off_t size,
                        request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_bucket *bucket = apr_brigade_insert_file(brigade, file, 0, size, r->pool);

#if APR_HAS_MMAP
    if (core->enable_mmap == ENABLE_MMAP_OFF && APR_BUCKET_IS_FILE(bucket)) {
        (void)apr_bucket_file_enable_mmap(bucket, 0);
    }
#endif
}

/* Validators that never change, so that a client can go on after an interruption. */
static int set_headers(request_rec *r, const bgu_session_t *session, apr_off_t size)
{
    apr_table_setn(r->headers_out, "ETag", apr_pstrcat(r->pool, "\"", session->id, "\"", NULL));
    apr_table_setn(r->headers_out, "Accept-Ranges", "bytes");
    ap_update_mtime(r, session->reply.made);
    ap_set_last_modified(r);
    ap_set_content_type(r, "application/octet-stream");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    ap_set_content_length(r, size);
    return ap_meets_conditions(r);
}

int mod_bgupload_is_reply(request_rec *r)
{
    apr_size_t folder_len;

    return r->method_number == M_GET && r->proxyreq == PROXYREQ_NONE &&
           mod_bgupload_dir(r)->enabled == 1 && parse_path(r, &folder_len) != NULL;
}

int mod_bgupload_reply_handler(request_rec *r)
{
    bgu_session_t *session;
    apr_file_t *file;
    apr_off_t size;
    apr_bucket_brigade *brigade;

    if (!mod_bgupload_is_reply(r)) {
        return DECLINED;
    }
    int status = find_session(&session, r);
    if (status == OK) {
        status = open_reply(&file, &size, r, session);
    }
    if (status != OK) {
        return status;
    }
    /* A long download is activity like an upload: the session shall not time out under it. */
    (void)bgu_spool_touch(session->spool, session->id, r->pool);
    status = set_headers(r, session, size);
    if (status != OK) {
        return status;
    }
    brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    insert_file(brigade, file, size, r);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
    /* Past all filters of content: the client shall get the bytes that the application made. */
    apr_status_t rv = ap_pass_brigade(r->proto_output_filters, brigade);
    if (rv != APR_SUCCESS && rv != AP_FILTER_ERROR && !r->connection->aborted) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, rv, r,
                      BGULOGNO(0038) "the reply of session %s was not sent to its end",
                      session->id);
    }
    return rv == AP_FILTER_ERROR ? AP_FILTER_ERROR : OK;
}
