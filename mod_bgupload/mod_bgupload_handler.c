/* SPDX-License-Identifier: Apache-2.0 */

/* A request on its way through httpd's hooks, from the method to the call of the core. */

#include "mod_bgupload.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "bgu_publish.h"
#include "mod_bgupload_config.h"

/* r->handler of our requests, the key of what we noted about them, and the r->handler by which
 * mod_rewrite asks for an internal redirect. */
#define HANDLER_NAME     "bgupload"
#define NOTE_IS_FOLDER   "bgupload-is-folder"
#define REDIRECT_HANDLER "redirect-handler"

/* httpd also answers what it could not read as a request (414): that has no method. */
static int is_ours(const request_rec *r)
{
    return r->method && strcmp(r->method, BGU_METHOD) == 0;
}

/* An ErrorDocument would redirect, or send a body: this protocol's answers have none. All other
 * refusals are made in the handler, where no ErrorDocument applies, or are httpd's own business. */
static void silence_errors(request_rec *r)
{
    ap_custom_response(r, HTTP_FORBIDDEN, "");
}

int mod_bgupload_post_read_request(request_rec *r)
{
    if (is_ours(r)) {
        silence_errors(r);
    }
    return DECLINED;
}

int mod_bgupload_header_parser(request_rec *r)
{
    const char *override = apr_table_get(r->headers_in, BGU_H_METHOD_OVERRIDE);

    if (override && r->method_number == M_POST && strcmp(override, BGU_METHOD) == 0 &&
        mod_bgupload_dir(r)->method_override == 1) {
        r->method = BGU_METHOD;
        r->method_number = ap_method_number_of(BGU_METHOD);
        silence_errors(r);
    }
    return DECLINED;
}

/* A request that goes to another server is not ours to answer. */
static int is_passed_on(const request_rec *r)
{
    return r->proxyreq != PROXYREQ_NONE || r->filename == NULL || r->filename[0] != '/';
}

int mod_bgupload_type_checker(request_rec *r)
{
    return is_ours(r) && !is_passed_on(r) ? OK : DECLINED;
}

int mod_bgupload_fixups(request_rec *r)
{
    if (mod_bgupload_is_reply(r)) {
        r->handler = HANDLER_NAME; /* there is no such file: mod_dir must not find another */
        return OK;
    }
    if (!is_ours(r) || is_passed_on(r)) {
        return DECLINED;
    }
    if (r->finfo.filetype == APR_DIR) {
        apr_table_setn(r->notes, NOTE_IS_FOLDER, "1");
        /* mod_dir redirects folders without the slash and looks for an index in others. */
        r->finfo.filetype = APR_NOFILE;
    }
    /* For the same reason: mod_dir's fallback takes what has no handler. */
    r->handler = HANDLER_NAME;
    return OK;
}

/* Refuse by httpd's own limit, with the answer that makes clients send smaller fragments; httpd's
 * input filter would refuse in the middle, with an answer that means nothing to them. */
static bgu_result_e check_request_limit(request_rec *r, const bgu_packet_t *packet,
                                        const char **detail)
{
    apr_off_t limit = ap_get_limit_req_body(r);

    if (limit <= 0 || packet->length <= limit) {
        return BGU_OK;
    }
    *detail =
        apr_psprintf(r->pool,
                     "a fragment of %" APR_OFF_T_FMT " bytes; raise LimitRequestBody, which is "
                     "%" APR_OFF_T_FMT,
                     packet->length, limit);
    return BGU_FRAGMENT_TOO_LARGE;
}

/* Whether a name is one of AccessFileName's: whoever can upload it makes the rules. Some file
 * systems do not tell upper from lower case. */
static int is_access_file(const request_rec *r, const char *name)
{
    const core_server_config *core = ap_get_core_module_config(r->server->module_config);
    const char *names = core->access_name ? core->access_name : DEFAULT_ACCESS_FNAME;

    while (*names) {
        if (ap_cstr_casecmp(ap_getword_conf(r->pool, &names), name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* What the URL maps to, as far as httpd knows. */
static bgu_result_e check_mapping(request_rec *r, const bgu_packet_t *packet, const char **detail)
{
    if (packet->type == BGU_PING) {
        return BGU_OK;
    }
    if (apr_table_get(r->notes, NOTE_IS_FOLDER)) {
        *detail = apr_pstrcat(r->pool, "the URL names a folder: ", r->filename, NULL);
        return BGU_BAD_REQUEST;
    }
    if (r->path_info && *r->path_info) {
        *detail = apr_pstrcat(r->pool, BGU_DETAIL_NO_FOLDER, r->filename, r->path_info, NULL);
        return BGU_NO_FOLDER;
    }
    if (is_access_file(r, strrchr(r->filename, '/') + 1)) {
        *detail = apr_pstrcat(r->pool, "an AccessFileName is never uploaded: ", r->filename,
                              "; choose another name", NULL);
        return BGU_ACCESS_DENIED;
    }
    return BGU_OK;
}

/* bgu_plan_t.root: where Options let httpd follow no links, the core follows none either below what
 * the configuration named, the DocumentRoot or the folder of an Alias. httpd has looked at the
 * path, but before it is opened others may change it. */
static int root_of(request_rec *r)
{
    const char *root = ap_context_document_root(r);
    size_t len = root ? strlen(root) : 0;

    while (len > 1 && root[len - 1] == '/') {
        len--;
    }
    if (len == 0 || (ap_allow_options(r) & (OPT_SYM_LINKS | OPT_SYM_OWNER)) ||
        strncmp(r->filename, root, len) != 0 || (len > 1 && r->filename[len] != '/')) {
        return 0;
    }
    return (int)len;
}

/* All that can be said without looking at the session. */
static bgu_result_e check(request_rec *r, bgu_packet_t *packet, const char **detail)
{
    bgu_result_e result = bgu_packet_parse(packet, detail, r->headers_in, r->pool);

    if (mod_bgupload_dir(r)->enabled != 1) {
        *detail = "BGUpload is not On here";
        return BGU_NOT_ENABLED;
    }
    if (result == BGU_OK) {
        result = check_mapping(r, packet, detail);
    }
    if (result == BGU_OK) {
        result = check_request_limit(r, packet, detail);
    }
    if (result == BGU_OK && !mod_bgupload_store_ready(r->server)) {
        *detail = "the store cannot be opened; the log has said why";
        result = BGU_IO_ERROR;
    }
    return result;
}

int mod_bgupload_handler(request_rec *r)
{
    bgu_packet_t packet;
    bgu_outcome_t outcome = {.answer = {.next = -1}};

    if (!is_ours(r) || is_passed_on(r) ||
        (r->handler && strcmp(r->handler, REDIRECT_HANDLER) == 0)) {
        return DECLINED;
    }
    outcome.answer.result = check(r, &packet, &outcome.answer.detail);
    outcome.answer.session_id = packet.session_id;
    if (outcome.answer.result == BGU_OK) {
        bgu_policy_t policy = mod_bgupload_policy(r);
        bgu_request_t request = {
            .packet = &packet,
            .policy = &policy,
            .user = r->user ? r->user : "",
            .client = r->useragent_ip,
            .path = r->uri,
            .query = r->args ? r->args : "",
            .dest = r->filename,
            .root = root_of(r),
            .reader = mod_bgupload_body_make(r, mod_bgupload_receive_buffer(r)),
        };
        if (policy.notify == BGU_NOTIFY_NONE ||
            mod_bgupload_reply_request(r, &request, &outcome.answer.detail)) {
            bgu_upload(&outcome, &mod_bgupload_sessions, &request, r->pool);
        } else {
            outcome.answer.result = BGU_IO_ERROR;
        }
    }
    return mod_bgupload_answer(r, &packet, &outcome);
}

void mod_bgupload_error_filter(request_rec *r)
{
    const char *detail;
    bgu_packet_t packet;
    bgu_answer_t answer = {.result = BGU_ACCESS_DENIED, .next = -1};

    if (is_ours(r) && r->status == HTTP_FORBIDDEN) {
        (void)bgu_packet_parse(&packet, &detail, r->headers_in, r->pool);
        answer.session_id = packet.session_id;
        mod_bgupload_set_variables(r, &packet, &(bgu_outcome_t){.answer = answer});
        bgu_answer_write(r->err_headers_out, &answer);
    }
}
