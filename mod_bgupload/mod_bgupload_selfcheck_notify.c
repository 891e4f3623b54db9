/* SPDX-License-Identifier: Apache-2.0 */

/* The self-check's look for uploads that are to be handed to a server application without saying
 * where it is, though some are told. That is no reason not to start: a section that is only known
 * with a request, a <Location> say, may give its URL, and all other folders are as they should be.
 */

#include "mod_bgupload_selfcheck.h"

#include <apr_strings.h>
#include "mod_bgupload_sections.h"
#include "mod_bgupload_selfcheck_tree.h"

/* What a look at one section, or at the DocumentRoot, is about. */
typedef struct place_t {
    server_rec *server;
    const apr_array_header_t *sections; /* of its kind */
    const ap_conf_vector_t *section;    /* NULL: the DocumentRoot */
    const char *path;                   /* of the folder or URL */
    const ap_conf_vector_t *conf;       /* all that holds there */
} place_t;

static int names_url(const mod_bgupload_dir_t *ours)
{
    return ours->notify_url != NULL;
}

static int is_enabled(const mod_bgupload_dir_t *ours)
{
    return ours->enabled == 1;
}

static int notifies(const mod_bgupload_dir_t *ours)
{
    return ours->notify > BGU_NOTIFY_NONE;
}

static int any_beside(const place_t *place, int (*has)(const mod_bgupload_dir_t *))
{
    return mod_bgupload_sections_any_beside(place->server, place->sections, place->section, has);
}

/* Whether a section for less gives the URL that this one leaves open. */
static int is_given_below(const place_t *place)
{
    for (int i = 0; i < place->sections->nelts; i++) {
        const ap_conf_vector_t *section = mod_bgupload_section_at(place->sections, i);
        const mod_bgupload_dir_t *ours = mod_bgupload_section_ours(section);
        if (ours && names_url(ours) &&
            mod_bgupload_tree_below(mod_bgupload_section_core(section)->d, place->path)) {
            return 1;
        }
    }
    return 0;
}

/* Whether uploads can get there. Where no section that holds for sure says BGUpload, another one or
 * a .htaccess may; but a section that only holds what the ones below it share takes none. */
static int takes_uploads(const place_t *place)
{
    int enabled = mod_bgupload_section_ours(place->conf)->enabled;

    if (enabled == 0 || enabled == 1) {
        return enabled;
    }
    return ((mod_bgupload_section_core(place->conf)->override & OR_OPTIONS) ||
            any_beside(place, is_enabled)) &&
           !is_given_below(place);
}

static void tell(const place_t *place, apr_hash_t *told, apr_pool_t *pool)
{
    const ap_directive_t *by = mod_bgupload_section_ours(place->conf)->notify_by;
    const char *text = apr_psprintf(
        pool,
        "BGUploadNotify %s (%s:%d) has no BGUploadNotifyURL in %s: uploads there are answered "
        "500%s; put the URL of the server application beside it, or BGUploadNotify None",
        by->args, by->filename, by->line_num, place->path,
        any_beside(place, names_url) ? ", unless another section gives it" : "");

    /* A section of the main server holds in all its virtual hosts. */
    if (apr_hash_get(told, text, APR_HASH_KEY_STRING) == NULL) {
        apr_hash_set(told, text, APR_HASH_KEY_STRING, text);
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, place->server, BGULOGNO(0040) "%s", text);
    }
}

static void check_place(const place_t *place, apr_hash_t *told, apr_pool_t *pool)
{
    const mod_bgupload_dir_t *ours = mod_bgupload_section_ours(place->conf);

    if (notifies(ours) && !names_url(ours) && takes_uploads(place)) {
        tell(place, told, pool);
    }
}

/* All sections of a kind that say something about it. */
static void check_sections(server_rec *s, const apr_array_header_t *sections, apr_hash_t *told,
                           apr_pool_t *pool)
{
    for (int i = 0; i < sections->nelts; i++) {
        ap_conf_vector_t *section = mod_bgupload_section_at(sections, i);
        const mod_bgupload_dir_t *ours = mod_bgupload_section_ours(section);
        if (ours && (is_enabled(ours) || notifies(ours))) {
            const place_t place = {.server = s,
                                   .sections = sections,
                                   .section = section,
                                   .path = mod_bgupload_section_core(section)->d,
                                   .conf = mod_bgupload_section_whole(s, sections, section, pool)};
            check_place(&place, told, pool);
        }
    }
}

void mod_bgupload_selfcheck_notify(server_rec *s, apr_hash_t *told, apr_pool_t *pool)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    const apr_array_header_t *folders = mod_bgupload_sections_of_folders(s);
    const char *root = core->ap_document_root;

    if (mod_bgupload_section_enables(s->lookup_defaults) && root) {
        const place_t place = {.server = s,
                               .sections = folders,
                               .path = root,
                               .conf = mod_bgupload_section_merged(s, folders, root, pool)};
        check_place(&place, told, pool);
    }
    check_sections(s, folders, told, pool);
    check_sections(s, mod_bgupload_sections_of_urls(s), told, pool);
}
