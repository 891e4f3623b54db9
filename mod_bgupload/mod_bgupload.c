/* SPDX-License-Identifier: Apache-2.0 */

/* The module's table of contents: its record and its hooks. */

#include "mod_bgupload.h"

#include <ap_provider.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include "mod_bgupload_config.h"
#include "mod_bgupload_receive.h"

/* So that <Limit BITS_POST> and Require method know it. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    (void)ap_method_register(pconf, BGU_METHOD);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const before_mod_dir[] = {"mod_dir.c", NULL};

    ap_register_provider(pool, BGU_STORE_PROVIDER_GROUP, "sqlite", BGU_STORE_PROVIDER_VERSION,
                         &bgu_store_sqlite);

    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(mod_bgupload_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mod_bgupload_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* First: mod_watchdog starts its thread in this hook. */
    ap_hook_child_init(mod_bgupload_child_init, NULL, NULL, APR_HOOK_FIRST);

    ap_hook_insert_network_bucket(mod_bgupload_insert_network_bucket, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(mod_bgupload_post_read_request, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_header_parser(mod_bgupload_header_parser, NULL, NULL, APR_HOOK_FIRST);
    /* Really first: mod_negotiation would upload to a file of a similar name. */
    ap_hook_type_checker(mod_bgupload_type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(mod_bgupload_fixups, NULL, before_mod_dir, APR_HOOK_MIDDLE);
    /* First: whatever handler is set for the file, it is uploaded, not run. */
    ap_hook_handler(mod_bgupload_handler, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(mod_bgupload_reply_handler, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_insert_error_filter(mod_bgupload_error_filter, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA bgupload_module = {
    STANDARD20_MODULE_STUFF,
    mod_bgupload_dir_create,
    mod_bgupload_dir_merge,
    mod_bgupload_server_create,
    NULL, /* all directives of the server are global */
    mod_bgupload_directives,
    register_hooks,
    0,
};
