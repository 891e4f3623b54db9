/* SPDX-License-Identifier: Apache-2.0 */

/* The sections of the configuration, as far as they can be looked at without a request: the
 * <Directory> sections that name a folder are merged as httpd does, and so are the <Location>
 * sections that name a URL. Which of the ones meet which of the others, and where a pattern leads,
 * is known only with a request. */

#ifndef MOD_BGUPLOAD_SECTIONS_H
#define MOD_BGUPLOAD_SECTIONS_H

#include <http_core.h>
#include "mod_bgupload_config.h"

/** What a section, or all that holds somewhere, says of httpd itself. */
const core_dir_config *mod_bgupload_section_core(const ap_conf_vector_t *section);

/** What it says of us; NULL for a section without any directive of ours. */
const mod_bgupload_dir_t *mod_bgupload_section_ours(const ap_conf_vector_t *section);

/** Whether BGUpload On stands in it. */
int mod_bgupload_section_enables(const ap_conf_vector_t *section);

/** Whether it names its folder or URL by a pattern. */
int mod_bgupload_section_is_pattern(const ap_conf_vector_t *section);

/** The <Directory> sections of a server, with those that it has from the main server. */
const apr_array_header_t *mod_bgupload_sections_of_folders(const server_rec *s);

/** Its <Location> sections, likewise. */
const apr_array_header_t *mod_bgupload_sections_of_urls(const server_rec *s);

/** A section out of these. */
ap_conf_vector_t *mod_bgupload_section_at(const apr_array_header_t *sections, int i);

/** Whether one of all sections of a server has a property that may hold where a certain section
 * does, though it is not merged into it here: sections of the other kind and patterns, or, if the
 * section is a pattern itself, any. Those without a directive of ours are left out.
 * @param sections of the kind of the section
 * @param section NULL: the server's DocumentRoot, with the sections of folders */
int mod_bgupload_sections_any_beside(const server_rec *s, const apr_array_header_t *sections,
                                     const ap_conf_vector_t *section,
                                     int (*has)(const mod_bgupload_dir_t *));

/** All that the sections of one kind say of a folder or URL. */
ap_conf_vector_t *mod_bgupload_section_merged(server_rec *s, const apr_array_header_t *sections,
                                              const char *path, apr_pool_t *pool);

/** All that holds in a section; in a pattern as if it were the only one. */
ap_conf_vector_t *mod_bgupload_section_whole(server_rec *s, const apr_array_header_t *sections,
                                             ap_conf_vector_t *section, apr_pool_t *pool);

/** Whether requests can get to a server: to the main one only through an address that no
 * <VirtualHost> takes.
 * @param main with all others behind it */
int mod_bgupload_server_is_reached(const server_rec *main, const server_rec *s);

#endif
