/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_spools.h"

#include <string.h>
#include "bgu_defaults.h"
#include "mod_bgupload_sections.h"

static int names_spool(const mod_bgupload_dir_t *ours)
{
    return ours->spool != NULL;
}

/* Whether one of some sections, which may be NULL, names a spool. */
static int any_names(const apr_array_header_t *sections)
{
    for (int i = 0; sections && i < sections->nelts; i++) {
        const mod_bgupload_dir_t *ours =
            mod_bgupload_section_ours(mod_bgupload_section_at(sections, i));
        if (ours && names_spool(ours)) {
            return 1;
        }
    }
    return 0;
}

/* Whether uploads to where all this holds use the default spool. */
static int uses_default(const ap_conf_vector_t *conf)
{
    const core_dir_config *core = mod_bgupload_section_core(conf);

    return mod_bgupload_section_enables(conf) && !names_spool(mod_bgupload_section_ours(conf)) &&
           !any_names(core->sec_file) && !any_names(core->sec_if);
}

/* Of the sections of a kind, the folder or URL of one whose uploads use it without doubt, or NULL.
 */
static const char *user_among(server_rec *s, const apr_array_header_t *sections, apr_pool_t *pool)
{
    for (int i = 0; i < sections->nelts; i++) {
        ap_conf_vector_t *section = mod_bgupload_section_at(sections, i);
        if (mod_bgupload_section_enables(section) &&
            !mod_bgupload_sections_any_beside(s, sections, section, names_spool) &&
            uses_default(mod_bgupload_section_whole(s, sections, section, pool))) {
            return mod_bgupload_section_core(section)->d;
        }
    }
    return NULL;
}

/* Whether another virtual host names a spool. What this one has from the main server may be meant
 * for that one. */
static int another_names(const server_rec *main, const server_rec *s)
{
    for (const server_rec *each = main->next; each; each = each->next) {
        if (each != s && (names_spool(mod_bgupload_section_ours(each->lookup_defaults)) ||
                          any_names(mod_bgupload_sections_of_folders(each)) ||
                          any_names(mod_bgupload_sections_of_urls(each)))) {
            return 1;
        }
    }
    return 0;
}

/* The same for all that a server has. */
static const char *user_in(server_rec *s, apr_pool_t *pool)
{
    const apr_array_header_t *folders = mod_bgupload_sections_of_folders(s);
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    const char *root = core->ap_document_root;
    const char *user = user_among(s, folders, pool);

    if (user == NULL && root && mod_bgupload_section_enables(s->lookup_defaults) &&
        !mod_bgupload_sections_any_beside(s, folders, NULL, names_spool) &&
        uses_default(mod_bgupload_section_merged(s, folders, root, pool))) {
        user = root;
    }
    return user ? user : user_among(s, mod_bgupload_sections_of_urls(s), pool);
}

void mod_bgupload_spools_complete(server_rec *s, apr_pool_t *pool)
{
    mod_bgupload_server_t *conf = mod_bgupload_server();

    /* Where no other one is named there is no doubt. */
    int used = conf->enabled && conf->spools->nelts == 0;
    conf->default_spool_user = NULL;
    for (server_rec *each = s; each && conf->enabled && !used; each = each->next) {
        if (mod_bgupload_server_is_reached(s, each) &&
            !(each->is_virtual && another_names(s, each))) {
            conf->default_spool_user = user_in(each, pool);
            used = conf->default_spool_user != NULL;
        }
    }
    for (int i = 0; i < conf->spools->nelts; i++) {
        used &= strcmp(APR_ARRAY_IDX(conf->spools, i, const char *), BGU_SPOOL_DEFAULT) != 0;
    }
    if (used) {
        APR_ARRAY_PUSH(conf->spools, const char *) = BGU_SPOOL_DEFAULT;
    }
}
