/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_sections.h"

#include <ap_listen.h>
#include <apr_fnmatch.h>
#include "mod_bgupload_selfcheck_tree.h"

const core_dir_config *mod_bgupload_section_core(const ap_conf_vector_t *section)
{
    return ap_get_core_module_config(section);
}

const mod_bgupload_dir_t *mod_bgupload_section_ours(const ap_conf_vector_t *section)
{
    return ap_get_module_config(section, &bgupload_module);
}

int mod_bgupload_section_enables(const ap_conf_vector_t *section)
{
    const mod_bgupload_dir_t *ours = mod_bgupload_section_ours(section);

    return ours && ours->enabled == 1;
}

int mod_bgupload_section_is_pattern(const ap_conf_vector_t *section)
{
    const core_dir_config *core = mod_bgupload_section_core(section);

    return core->r || core->d_is_fnmatch;
}

const apr_array_header_t *mod_bgupload_sections_of_folders(const server_rec *s)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);

    return core->sec_dir;
}

const apr_array_header_t *mod_bgupload_sections_of_urls(const server_rec *s)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);

    return core->sec_url;
}

ap_conf_vector_t *mod_bgupload_section_at(const apr_array_header_t *sections, int i)
{
    return APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
}

/* Whether one of the sections, or of those by a pattern alone, has a property. */
static int any(const apr_array_header_t *sections, int patterns_only,
               int (*has)(const mod_bgupload_dir_t *))
{
    for (int i = 0; i < sections->nelts; i++) {
        const ap_conf_vector_t *section = mod_bgupload_section_at(sections, i);
        const mod_bgupload_dir_t *ours = mod_bgupload_section_ours(section);
        if (ours && (!patterns_only || mod_bgupload_section_is_pattern(section)) && has(ours)) {
            return 1;
        }
    }
    return 0;
}

int mod_bgupload_sections_any_beside(const server_rec *s, const apr_array_header_t *sections,
                                     const ap_conf_vector_t *section,
                                     int (*has)(const mod_bgupload_dir_t *))
{
    const apr_array_header_t *folders = mod_bgupload_sections_of_folders(s);
    const apr_array_header_t *urls = mod_bgupload_sections_of_urls(s);
    int is_pattern = section && mod_bgupload_section_is_pattern(section);

    return any(folders, !is_pattern && sections == folders, has) ||
           any(urls, !is_pattern && sections == urls, has);
}

/* Whether a section holds for a folder or URL. */
static int matches(const core_dir_config *section, const char *path)
{
    if (section->r) {
        return ap_regexec(section->r, path, 0, NULL, 0) == 0;
    }
    if (section->d_is_fnmatch) {
        return apr_fnmatch(section->d, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    }
    return mod_bgupload_tree_below(path, section->d);
}

ap_conf_vector_t *mod_bgupload_section_merged(server_rec *s, const apr_array_header_t *sections,
                                              const char *path, apr_pool_t *pool)
{
    ap_conf_vector_t *conf = s->lookup_defaults;

    for (int i = 0; i < sections->nelts; i++) {
        ap_conf_vector_t *section = mod_bgupload_section_at(sections, i);
        if (matches(mod_bgupload_section_core(section), path)) {
            conf = ap_merge_per_dir_configs(pool, conf, section);
        }
    }
    return conf;
}

ap_conf_vector_t *mod_bgupload_section_whole(server_rec *s, const apr_array_header_t *sections,
                                             ap_conf_vector_t *section, apr_pool_t *pool)
{
    if (mod_bgupload_section_is_pattern(section)) {
        return ap_merge_per_dir_configs(pool, s->lookup_defaults, section);
    }
    return mod_bgupload_section_merged(s, sections, mod_bgupload_section_core(section)->d, pool);
}

static int is_wildcard(const apr_sockaddr_t *address)
{
    const unsigned char *bytes = address->ipaddr_ptr;

    for (apr_socklen_t i = 0; i < (apr_socklen_t)address->ipaddr_len; i++) {
        if (bytes[i] != 0) {
            return 0;
        }
    }
    return 1;
}

/* Whether a virtual host takes all that comes to a listener. */
static int takes_all(const server_rec *host, const apr_sockaddr_t *listener)
{
    for (const server_addr_rec *each = host->addrs; each; each = each->next) {
        if ((each->host_port == 0 || each->host_port == listener->port) &&
            (is_wildcard(each->host_addr) || apr_sockaddr_equal(each->host_addr, listener))) {
            return 1;
        }
    }
    return 0;
}

int mod_bgupload_server_is_reached(const server_rec *main, const server_rec *s)
{
    if (s->is_virtual) {
        return 1;
    }
    for (const ap_listen_rec *each = ap_listeners; each; each = each->next) {
        const server_rec *host = main->next;
        while (host && !takes_all(host, each->bind_addr)) {
            host = host->next;
        }
        if (host == NULL) {
            return 1;
        }
    }
    return 0;
}
