/* SPDX-License-Identifier: Apache-2.0 */

#include "mod_bgupload_config.h"

#include <ap_provider.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_main.h>
#include "bgu_defaults.h"
#include "bgu_notify_answer.h"
#include "bgu_range.h"
#include "bgu_units.h"
#include "mod_bgupload_receive.h"

#define UNSET (-1)

#define SECONDS_OF_DAY         86400
#define FALLBACK_DEFAULT       apr_time_from_sec(SECONDS_OF_DAY)
#define CLEANUP_DEFAULT        apr_time_from_sec(SECONDS_OF_DAY / 2)
#define NOTIFY_TIMEOUT_DEFAULT apr_time_from_sec(300)
#define PER_USER_DEFAULT       50
#define RECEIVE_BUFFER_DEFAULT (1024 * 1024)
#define COUNT_MAX              1000000000
#define STORE_PROVIDER_DEFAULT "sqlite"

/* A setter of a directive with one argument. */
typedef const char *setter_fn(cmd_parms *cmd, void *dir, const char *arg);

mod_bgupload_server_t *mod_bgupload_server(void)
{
    return ap_get_module_config(ap_server_conf->module_config, &bgupload_module);
}

const mod_bgupload_dir_t *mod_bgupload_dir(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &bgupload_module);
}

void *mod_bgupload_dir_create(apr_pool_t *pool, char *dir)
{
    mod_bgupload_dir_t *conf = apr_pcalloc(pool, sizeof(*conf));

    (void)dir;
    conf->enabled = UNSET;
    conf->max_size = UNSET;
    conf->max_fragment = UNSET;
    conf->overwrite = UNSET;
    conf->timeout = UNSET;
    conf->host_id_fallback = UNSET;
    conf->commit_on_last = UNSET;
    conf->sync = UNSET;
    conf->mode = UNSET;
    conf->method_override = UNSET;
    conf->quota = UNSET;
    conf->max_sessions_per_user = UNSET;
    conf->notify = UNSET;
    conf->notify_timeout = UNSET;
    conf->max_reply = UNSET;
    conf->receive_buffer = UNSET;
    return conf;
}

#define MERGE(field)         conf->field = inner->field != UNSET ? inner->field : outer->field
#define MERGE_POINTER(field) conf->field = inner->field ? inner->field : outer->field

void *mod_bgupload_dir_merge(apr_pool_t *pool, void *base, void *add)
{
    const mod_bgupload_dir_t *outer = base, *inner = add;
    mod_bgupload_dir_t *conf = apr_pcalloc(pool, sizeof(*conf));

    MERGE(enabled);
    MERGE_POINTER(spool);
    MERGE(max_size);
    MERGE(max_fragment);
    MERGE(overwrite);
    MERGE(timeout);
    MERGE_POINTER(host_id);
    MERGE(host_id_fallback);
    MERGE(commit_on_last);
    MERGE(sync);
    MERGE(mode);
    MERGE(method_override);
    MERGE(quota);
    MERGE(max_sessions_per_user);
    MERGE(notify);
    MERGE_POINTER(notify_by);
    MERGE_POINTER(notify_url);
    MERGE_POINTER(notify_ca);
    MERGE(notify_timeout);
    MERGE(max_reply);
    MERGE(receive_buffer);
    return conf;
}

void *mod_bgupload_server_create(apr_pool_t *pool, server_rec *s)
{
    mod_bgupload_server_t *conf = apr_pcalloc(pool, sizeof(*conf));

    (void)s;
    conf->provider = ap_lookup_provider(BGU_STORE_PROVIDER_GROUP, STORE_PROVIDER_DEFAULT,
                                        BGU_STORE_PROVIDER_VERSION);
    conf->store = BGU_STORE_DEFAULT;
    conf->cleanup_interval = CLEANUP_DEFAULT;
    conf->tombstone = BGU_TOMBSTONE_DEFAULT;
    conf->spools = apr_array_make(pool, 2, sizeof(const char *));
    return conf;
}

static apr_off_t or_default(apr_off_t value, apr_off_t fallback)
{
    return value == UNSET ? fallback : value;
}

apr_size_t mod_bgupload_receive_buffer(request_rec *r)
{
    return (apr_size_t)or_default(mod_bgupload_dir(r)->receive_buffer, RECEIVE_BUFFER_DEFAULT);
}

bgu_policy_t mod_bgupload_policy(request_rec *r)
{
    const mod_bgupload_dir_t *conf = mod_bgupload_dir(r);
    apr_uint32_t mode =
        conf->mode == UNSET ? mod_bgupload_server()->default_mode : (apr_uint32_t)conf->mode;

    return (bgu_policy_t){
        .spool = conf->spool ? conf->spool : BGU_SPOOL_DEFAULT,
        .max_size = or_default(conf->max_size, 0),
        .max_fragment = or_default(conf->max_fragment, 0),
        .overwrite = conf->overwrite == 1,
        .commit_on_last = conf->commit_on_last == 1,
        .sync = conf->sync == UNSET ? BGU_SYNC_COMMIT : (bgu_sync_e)conf->sync,
        .mode = mode,
        .timeout = or_default(conf->timeout, BGU_TIMEOUT_DEFAULT),
        .host_id = conf->host_id,
        .host_id_fallback = or_default(conf->host_id_fallback, FALLBACK_DEFAULT),
        .quota = or_default(conf->quota, 0),
        .limits.per_user =
            conf->max_sessions_per_user == UNSET ? PER_USER_DEFAULT : conf->max_sessions_per_user,
        .limits.total = mod_bgupload_server()->max_sessions,
        .limits.tombstones = BGU_TOMBSTONES_MAX,
        .notify = conf->notify == UNSET ? BGU_NOTIFY_NONE : (bgu_notify_e)conf->notify,
        .notify_timeout = or_default(conf->notify_timeout, NOTIFY_TIMEOUT_DEFAULT),
        .notify_ca = conf->notify_ca,
        .max_reply = or_default(conf->max_reply, 0),
    };
}

/* The message for a value that a directive does not take. */
static const char *expected(cmd_parms *cmd, const char *arg, const char *what)
{
    return apr_psprintf(cmd->pool, "%s: \"%s\" is not %s", cmd->cmd->name, arg, what);
}

/* The field of the folder's settings that a directive sets: its offset is in the table. */
static void *field_of(cmd_parms *cmd, void *dir)
{
    return (char *)dir + (apr_size_t)cmd->info;
}

static const char *set_size(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_off_t *field = field_of(cmd, dir);

    if (bgu_size_parse(field, arg)) {
        return NULL;
    }
    return expected(cmd, arg,
                    "a size: a number of bytes with an optional K, M, G or T, 0 for no limit");
}

static const char *set_receive_buffer(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;
    apr_off_t size;

    if (bgu_size_parse(&size, arg) &&
        (size == 0 || (size >= MOD_BGUPLOAD_RECEIVE_MIN && size <= MOD_BGUPLOAD_RECEIVE_MAX))) {
        conf->receive_buffer = size;
        return NULL;
    }
    return expected(cmd, arg, "a size from 64K to 64M, or 0 to receive as httpd does");
}

static const char *set_interval(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_interval_time_t *field = field_of(cmd, dir);

    if (bgu_interval_parse(field, arg) && *field > 0) {
        return NULL;
    }
    return expected(cmd, arg, "a time above 0: a number with an optional unit, ms, s, mi, h or d");
}

/* A setter of the server's settings, for directives that stand once, outside of all sections. */
static const char *set_global_interval(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *misplaced = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    void *conf = ap_get_module_config(cmd->server->module_config, &bgupload_module);

    (void)dir;
    if (misplaced) {
        return misplaced;
    }
    if (bgu_interval_parse(field_of(cmd, conf), arg)) {
        return NULL;
    }
    return expected(cmd, arg, "a time: a number with an optional unit, ms, s, mi, h or d");
}

/* Read a number of sessions. 1 if it is one. */
static int parse_count(int *count, const char *arg)
{
    apr_off_t number;

    if (!bgu_offset_parse(&number, arg, strlen(arg)) || number > COUNT_MAX) {
        return 0;
    }
    *count = (int)number;
    return 1;
}

static const char *set_per_user(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;

    return parse_count(&conf->max_sessions_per_user, arg)
               ? NULL
               : expected(cmd, arg, "a number of sessions, 0 for no limit");
}

static const char *set_max_sessions(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_server_t *conf =
        ap_get_module_config(cmd->server->module_config, &bgupload_module);
    const char *misplaced = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (misplaced) {
        return misplaced;
    }
    return parse_count(&conf->max_sessions, arg)
               ? NULL
               : expected(cmd, arg, "a number of sessions, 0 for no limit");
}

static const char *set_store(cmd_parms *cmd, void *dir, const char *provider, const char *where)
{
    mod_bgupload_server_t *conf =
        ap_get_module_config(cmd->server->module_config, &bgupload_module);
    const char *misplaced = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (misplaced) {
        return misplaced;
    }
    conf->provider =
        ap_lookup_provider(BGU_STORE_PROVIDER_GROUP, provider, BGU_STORE_PROVIDER_VERSION);
    if (conf->provider == NULL) {
        return expected(cmd, provider, "a store that is loaded; \"sqlite\" always is");
    }
    conf->store = ap_server_root_relative(cmd->pool, where);
    conf->store_set = 1;
    return conf->store ? NULL : expected(cmd, where, "the path of a file");
}

/* Note, while the configuration is read (not a .htaccess), what post_config has to look at; of all
 * virtual hosts in one place. */
static mod_bgupload_server_t *notes(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_HTACCESS) == NULL ? mod_bgupload_server() : NULL;
}

static const char *set_enabled(cmd_parms *cmd, void *dir, int on)
{
    mod_bgupload_dir_t *conf = dir;
    mod_bgupload_server_t *noted = notes(cmd);

    conf->enabled = on;
    if (noted && on) {
        noted->enabled = 1;
    }
    return NULL;
}

/* Note a folder that is not noted yet. */
static void note_spool(apr_array_header_t *spools, const char *folder)
{
    for (int i = 0; i < spools->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(spools, i, const char *), folder) == 0) {
            return;
        }
    }
    APR_ARRAY_PUSH(spools, const char *) = folder;
}

static const char *set_spool(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;
    mod_bgupload_server_t *noted = notes(cmd);

    conf->spool = ap_server_root_relative(cmd->pool, arg);
    if (conf->spool == NULL) {
        return expected(cmd, arg, "the path of a folder");
    }
    if (noted) {
        note_spool(noted->spools, conf->spool);
    }
    return NULL;
}

static const char *set_host_id(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;
    apr_size_t len = strlen(arg);

    for (apr_size_t i = 0; i < len; i++) {
        if (!apr_isalnum(arg[i]) && strchr(".-_:[]", arg[i]) == NULL) {
            len = 0;
        }
    }
    if (len == 0 || len > 255) {
        return expected(cmd, arg, "a host name or address, with an optional port");
    }
    conf->host_id = arg;
    return NULL;
}

static const char *set_commit(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;

    if (ap_cstr_casecmp(arg, "OnClose") == 0) {
        conf->commit_on_last = 0;
    } else if (ap_cstr_casecmp(arg, "OnLastFragment") == 0) {
        conf->commit_on_last = 1;
    } else {
        return expected(cmd, arg, "OnClose or OnLastFragment");
    }
    return NULL;
}

static const char *set_sync(cmd_parms *cmd, void *dir, const char *arg)
{
    static const char *const names[] = {
        [BGU_SYNC_OFF] = "Off",
        [BGU_SYNC_COMMIT] = "Commit",
        [BGU_SYNC_FRAGMENT] = "Fragment",
    };
    mod_bgupload_dir_t *conf = dir;

    for (int i = BGU_SYNC_OFF; i <= BGU_SYNC_FRAGMENT; i++) {
        if (ap_cstr_casecmp(arg, names[i]) == 0) {
            conf->sync = i;
            return NULL;
        }
    }
    return expected(cmd, arg, "Off, Commit or Fragment");
}

static const char *set_mode(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;
    apr_size_t len = strspn(arg, "01234567");
    int mode = 0;

    for (apr_size_t i = 0; i < len && mode <= 0777; i++) {
        mode = mode * 8 + (arg[i] - '0');
    }
    if (len == 0 || arg[len] || mode > 0777) {
        return expected(cmd, arg, "an octal mode from 0 to 0777, for example 0640");
    }
    conf->mode = mode;
    return NULL;
}

static const char *set_notify(cmd_parms *cmd, void *dir, const char *arg)
{
    static const char *const names[] = {
        [BGU_NOTIFY_NONE] = "None",
        [BGU_NOTIFY_REFERENCE] = "Reference",
        [BGU_NOTIFY_VALUE] = "Value",
    };
    mod_bgupload_dir_t *conf = dir;
    mod_bgupload_server_t *noted = notes(cmd);

    for (int i = BGU_NOTIFY_NONE; i <= BGU_NOTIFY_VALUE; i++) {
        if (ap_cstr_casecmp(arg, names[i]) == 0) {
            conf->notify = i;
            conf->notify_by = cmd->directive;
            if (noted && i != BGU_NOTIFY_NONE) {
                noted->notified = 1;
            }
            return NULL;
        }
    }
    return expected(cmd, arg, "None, Reference or Value");
}

static const char *set_notify_url(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;
    mod_bgupload_server_t *noted = notes(cmd);

    /* Whether it makes a URL shows with any destination. */
    if (bgu_notify_url(arg, "http://localhost/folder/file", "", cmd->pool) == NULL) {
        return expected(cmd, arg, "an http or https URL, or one relative to the destination");
    }
    conf->notify_url = arg;
    if (noted) {
        noted->notify_url_set = 1;
    }
    return NULL;
}

static const char *set_notify_ca(cmd_parms *cmd, void *dir, const char *arg)
{
    mod_bgupload_dir_t *conf = dir;
    apr_finfo_t finfo;

    conf->notify_ca = ap_server_root_relative(cmd->pool, arg);
    if (conf->notify_ca == NULL ||
        apr_stat(&finfo, conf->notify_ca, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS ||
        finfo.filetype != APR_REG) {
        return expected(cmd, arg, "the path of a file of certificates (PEM) that exists");
    }
    return NULL;
}

#define FIELD(name)        ((void *)APR_OFFSETOF(mod_bgupload_dir_t, name))
#define SERVER_FIELD(name) ((void *)APR_OFFSETOF(mod_bgupload_server_t, name))

const command_rec mod_bgupload_directives[] = {
    AP_INIT_FLAG("BGUpload", set_enabled, NULL, OR_OPTIONS,
                 "On to accept BITS uploads here. Default Off"),
    AP_INIT_TAKE2("BGUploadStore", set_store, NULL, RSRC_CONF,
                  "where sessions are kept: sqlite and a file. Default sqlite " BGU_STORE_DEFAULT),
    AP_INIT_TAKE1("BGUploadSpool", set_spool, NULL, RSRC_CONF | ACCESS_CONF,
                  "folder for unfinished uploads. Default " BGU_SPOOL_DEFAULT),
    AP_INIT_TAKE1("BGUploadMaxSize", set_size, FIELD(max_size), OR_OPTIONS,
                  "largest file. Default 0: no limit"),
    AP_INIT_TAKE1("BGUploadMaxFragment", set_size, FIELD(max_fragment), OR_OPTIONS,
                  "largest fragment of a file. Default 0: no limit"),
    AP_INIT_FLAG("BGUploadAllowOverwrites", ap_set_flag_slot, FIELD(overwrite), OR_OPTIONS,
                 "On to let uploads replace existing files. Default Off"),
    AP_INIT_TAKE1("BGUploadSessionTimeout", set_interval, FIELD(timeout), OR_OPTIONS,
                  "idle time after which an upload is discarded. Default 14d"),
    AP_INIT_TAKE1("BGUploadHostId", set_host_id, NULL, OR_OPTIONS,
                  "host to which clients are to send the rest of an upload. Default: none"),
    AP_INIT_TAKE1("BGUploadHostIdFallbackTimeout", set_interval, FIELD(host_id_fallback),
                  OR_OPTIONS, "time without progress after which they return. Default 1d"),
    AP_INIT_TAKE1("BGUploadCommit", set_commit, NULL, OR_OPTIONS,
                  "OnClose or OnLastFragment: when the file appears. Default OnClose"),
    AP_INIT_TAKE1("BGUploadSync", set_sync, NULL, OR_OPTIONS,
                  "Off, Commit or Fragment: what is forced to the disk. Default Commit"),
    AP_INIT_TAKE1("BGUploadFileMode", set_mode, NULL, OR_OPTIONS,
                  "octal mode of uploaded files. Default: 0666 less the server's umask"),
    AP_INIT_FLAG("BGUploadMethodOverride", ap_set_flag_slot, FIELD(method_override), OR_OPTIONS,
                 "On to take POST with X-Http-Method-Override for BITS_POST. Default Off"),
    AP_INIT_TAKE1("BGUploadQuota", set_size, FIELD(quota), RSRC_CONF | ACCESS_CONF,
                  "bytes of a user's open uploads together. Default 0: no limit"),
    AP_INIT_TAKE1("BGUploadMaxSessionsPerUser", set_per_user, NULL, RSRC_CONF | ACCESS_CONF,
                  "open sessions of a user, or of an address without one. Default 50, 0: no limit"),
    AP_INIT_TAKE1("BGUploadMaxSessions", set_max_sessions, NULL, RSRC_CONF,
                  "open sessions of the whole server. Default 0: no limit"),
    AP_INIT_TAKE1("BGUploadNotify", set_notify, NULL, RSRC_CONF | ACCESS_CONF,
                  "None, Reference or Value: how a server application gets uploads. Default None"),
    AP_INIT_TAKE1("BGUploadNotifyURL", set_notify_url, NULL, RSRC_CONF | ACCESS_CONF,
                  "URL of the server application, absolute or relative to the destination"),
    AP_INIT_TAKE1("BGUploadNotifyCA", set_notify_ca, NULL, RSRC_CONF | ACCESS_CONF,
                  "file of certificates to verify it with. Default: the system's"),
    AP_INIT_TAKE1("BGUploadNotifyTimeout", set_interval, FIELD(notify_timeout),
                  RSRC_CONF | ACCESS_CONF, "time to wait for its answer. Default 300s"),
    AP_INIT_TAKE1("BGUploadMaxReply", set_size, FIELD(max_reply), RSRC_CONF | ACCESS_CONF,
                  "largest reply of it. Default 0: no limit"),
    AP_INIT_TAKE1("BGUploadCleanupInterval", set_global_interval, SERVER_FIELD(cleanup_interval),
                  RSRC_CONF, "time between two clean-ups, 0 for none. Default 12h"),
    AP_INIT_TAKE1("BGUploadTombstone", set_global_interval, SERVER_FIELD(tombstone), RSRC_CONF,
                  "time for which a session that is over is remembered. Default 24h"),
    AP_INIT_TAKE1("BGUploadReceiveBuffer", set_receive_buffer, NULL, RSRC_CONF | ACCESS_CONF,
                  "buffer of a connection while a large body comes in, 0 for none. Default 1M"),
    {NULL},
};
