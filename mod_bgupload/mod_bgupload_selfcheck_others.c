/* SPDX-License-Identifier: Apache-2.0 */

/* The self-check's look at directives of other modules. */

#include "mod_bgupload_selfcheck.h"

#include <apr_strings.h>
#include "mod_bgupload_selfcheck_tree.h"

/* Names that a usual configuration hands to an interpreter. */
static const char *const script_names[] = {
    "upload",    "upload.php", "upload.phtml", "upload.phar", "upload.php8", "upload.cgi",
    "upload.pl", "upload.py",  "upload.sh",    "upload.lua",  "upload.jsp",
};

/* Bytes a second of a slow line that still has to get its fragments through. mod_reqtimeout's own
 * default asks for 500. */
#define RATE_MAX 2000

/* Seconds below which a limit to the whole body, however fast it comes, cuts slow lines. A fragment
 * of 13 MiB at 56 kbit/s takes half an hour. */
#define BODY_MIN 1800

/* The SetHandler that holds for a name in a folder, or NULL. */
static const ap_directive_t *set_handler_for(const char *path, const char *name, apr_pool_t *pool)
{
    const ap_directive_t *best = NULL, *each = NULL;
    int best_rank = 0;

    while ((each = mod_bgupload_tree_next("SetHandler", each)) != NULL) {
        int rank = mod_bgupload_tree_rank(each, path, name, pool);
        if (rank >= best_rank) {
            best = each;
            best_rank = rank;
        }
    }
    return best;
}

/* Whether a handler does more with a file than to send it. */
static int is_active(const char *handler, int exec_cgi)
{
    if (ap_cstr_casecmp(handler, "cgi-script") == 0) {
        return exec_cgi;
    }
    return ap_cstr_casecmp(handler, "none") != 0 &&
           ap_cstr_casecmp(handler, "default-handler") != 0;
}

static void warn(server_rec *s, const char *path, const char *name, const char *handler,
                 const ap_directive_t *by)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 BGULOGNO(0033) "uploaded files could be executed: in %s the handler %s (%s:%d) "
                                "takes a file named %s; put <Files \"*\"> SetHandler "
                                "default-handler </Files> into its <Directory> section",
                 path, handler, by->filename, by->line_num, name);
}

/* By SetHandler. Returns whether there was something to say. */
static int check_set(server_rec *s, const char *path, int exec_cgi, apr_pool_t *pool)
{
    for (size_t i = 0; i < sizeof(script_names) / sizeof(script_names[0]); i++) {
        const ap_directive_t *by = set_handler_for(path, script_names[i], pool);
        const char *args = by ? by->args : "none";
        const char *handler = ap_getword_conf(pool, &args);
        if (is_active(handler, exec_cgi)) {
            warn(s, path, script_names[i], handler, by);
            return 1;
        }
    }
    return 0;
}

/* By mod_mime's AddHandler, over which any SetHandler prevails. */
static void check_added(server_rec *s, const char *path, int exec_cgi, apr_pool_t *pool)
{
    const ap_directive_t *add = NULL;

    while ((add = mod_bgupload_tree_next("AddHandler", add)) != NULL) {
        const char *args = add->args;
        const char *handler = ap_getword_conf(pool, &args);
        while (*args) {
            const char *suffix = ap_getword_conf(pool, &args);
            const char *name = apr_pstrcat(pool, "upload.", suffix + (*suffix == '.'), NULL);
            if (is_active(handler, exec_cgi) &&
                mod_bgupload_tree_rank(add, path, name, pool) >= 0 &&
                set_handler_for(path, name, pool) == NULL) {
                warn(s, path, name, handler, add);
                return;
            }
        }
    }
}

void mod_bgupload_selfcheck_handlers(server_rec *s, const char *path, int exec_cgi,
                                     apr_pool_t *pool)
{
    if (!check_set(s, path, exec_cgi, pool)) {
        check_added(s, path, exec_cgi, pool);
    }
}

/* What is wrong with the body's part of RequestReadTimeout, "20", "10-60" with or without a
 * "MinRate=500"; NULL: nothing. */
static const char *fault_of(const char *body)
{
    char *end;
    long most = strtol(body, &end, 10);
    const char *rate = strchr(body, '=');

    if (most == 0) {
        return NULL;
    }
    if (*end == '-') {
        most = strtol(end + 1, &end, 10);
    } else if (rate) {
        most = BODY_MIN; /* as long as it keeps the rate */
    }
    if (most < BODY_MIN) {
        return "ends each fragment that takes longer, however steadily it comes";
    }
    if (rate && strtol(rate + 1, NULL, 10) > RATE_MAX) {
        return "ends fragments from slow lines";
    }
    return NULL;
}

void mod_bgupload_selfcheck_timeouts(server_rec *s, apr_pool_t *pool)
{
    const ap_directive_t *found = NULL;

    while ((found = mod_bgupload_tree_next("RequestReadTimeout", found)) != NULL) {
        const char *args = found->args;
        while (*args) {
            const char *word = ap_getword_conf(pool, &args);
            const char *fault = NULL;
            if (ap_cstr_casecmpn(word, "body=", 5) == 0) {
                fault = fault_of(word + 5);
            }
            if (fault) {
                ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                             BGULOGNO(0034) "RequestReadTimeout %s (%s:%d) %s; for uploads set "
                                            "body=60,MinRate=100",
                             word, found->filename, found->line_num, fault);
            }
        }
    }
}
