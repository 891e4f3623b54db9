/* SPDX-License-Identifier: Apache-2.0 */

/* Directives: the table, what they set, how nested sections merge, and the defaults. */

#ifndef MOD_BGUPLOAD_CONFIG_H
#define MOD_BGUPLOAD_CONFIG_H

#include "mod_bgupload.h"

/** What the directives of a folder set. -1 and NULL: not set. */
typedef struct mod_bgupload_dir_t {
    int enabled;                          /**< BGUpload */
    const char *spool;                    /**< absolute folder */
    apr_off_t max_size;                   /**< bytes; 0: any */
    apr_off_t max_fragment;               /**< bytes; 0: any */
    int overwrite;                        /**< BGUploadAllowOverwrites */
    apr_interval_time_t timeout;          /**< microseconds */
    const char *host_id;                  /**< with a port, if one was given */
    apr_interval_time_t host_id_fallback; /**< microseconds */
    int commit_on_last;                   /**< BGUploadCommit OnLastFragment */
    int sync;                             /**< bgu_sync_e */
    int mode;                             /**< permission bits */
    int method_override;                  /**< BGUploadMethodOverride */
    apr_off_t quota;                      /**< bytes; 0: any */
    int max_sessions_per_user;            /**< 0: any */
    int notify;                           /**< bgu_notify_e */
    const ap_directive_t *notify_by;      /**< the BGUploadNotify that says so */
    const char *notify_url;               /**< as configured, absolute or relative */
    const char *notify_ca;                /**< absolute path */
    apr_interval_time_t notify_timeout;   /**< microseconds */
    apr_off_t max_reply;                  /**< bytes; 0: any */
    apr_off_t receive_buffer;             /**< bytes; 0: receive as httpd does */
} mod_bgupload_dir_t;

/** What the global directives set, and what was noted while the configuration was read. */
typedef struct mod_bgupload_server_t {
    const bgu_store_provider_t *provider;
    const char *store;                    /**< where the provider keeps its sessions */
    int store_set;                        /**< by a directive */
    apr_interval_time_t cleanup_interval; /**< microseconds; 0: never in the server */
    apr_interval_time_t tombstone;        /**< microseconds */
    int max_sessions;                     /**< open at once; 0: any */
    int enabled;                          /**< BGUpload On stands somewhere */
    apr_array_header_t *spools;           /**< folders that BGUploadSpool names (const char *); from
                                           * check_config on with the default one, if it is used */
    const char *default_spool_user;       /**< a folder or URL whose uploads use it beside others;
                                           * NULL: none, or it is the only one */
    int notified;                         /**< BGUploadNotify other than None stands somewhere */
    int notify_url_set;                   /**< and so does BGUploadNotifyURL */
    apr_uint32_t default_mode;            /**< 0666 less the umask, known from post_config on */
} mod_bgupload_server_t;

/** The directives. */
extern const command_rec mod_bgupload_directives[];

/** httpd's create_dir_config, merge_dir_config and create_server_config. */
void *mod_bgupload_dir_create(apr_pool_t *pool, char *dir);
void *mod_bgupload_dir_merge(apr_pool_t *pool, void *base, void *add);
void *mod_bgupload_server_create(apr_pool_t *pool, server_rec *s);

/** The global settings. */
mod_bgupload_server_t *mod_bgupload_server(void);

/** The settings of the request's folder. */
const mod_bgupload_dir_t *mod_bgupload_dir(request_rec *r);

/** Bytes of the buffer for receiving a large body there; 0: receive as httpd does. */
apr_size_t mod_bgupload_receive_buffer(request_rec *r);

/** The settings of the request's folder as the core wants them, with defaults filled in. */
bgu_policy_t mod_bgupload_policy(request_rec *r);

#endif
