/* SPDX-License-Identifier: Apache-2.0 */

#include "client_state.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_file_info.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include "bgu_guid.h"
#include "client_head.h"
#include "client_url.h"

/* A state is a few hundred bytes and two paths; more than this is not ours. */
#define STATE_MAX 32768

#define SUFFIX ".upload"

struct client_slot_t {
    const char *path;      /* of the state */
    const char *lock_path; /* of the file whose flock we hold */
    const char *folder;
    int lock_fd;
};

/* Where the folder is, by the rules of XDG. */
static const char *folder_path(apr_pool_t *pool)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (base && base[0] == '/') {
        return apr_pstrcat(pool, base, "/bgupload", NULL);
    }
    if (home == NULL || home[0] != '/') {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : "/";
    }
    return apr_pstrcat(pool, home, "/.local/state/bgupload", NULL);
}

const char *client_state_folder(const char **folder, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, folder_path(pool));
    struct stat info;

    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return apr_psprintf(pool, "%s: %s", path, strerror(errno));
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode) || access(path, W_OK | X_OK) != 0) {
        return apr_psprintf(pool, "%s: not a folder that can be written to", path);
    }
    /* Session ids are secrets where uploads need no password. */
    if (info.st_uid != geteuid() || ((info.st_mode & 077) != 0 && chmod(path, 0700) != 0)) {
        return apr_psprintf(pool, "%s: not this user's own", path);
    }
    *folder = path;
    return NULL;
}

/* Control characters and '%' as %XX, so that a value is one line whatever a file is called. */
static const char *escape(const char *value, apr_pool_t *pool)
{
    char *result = apr_palloc(pool, strlen(value) * 3 + 1), *out = result;

    for (; *value; value++) {
        if (iscntrl((unsigned char)*value) || *value == '%') {
            (void)snprintf(out, 4, "%%%02X", (unsigned)(unsigned char)*value);
            out += 3;
        } else {
            *out++ = *value;
        }
    }
    *out = '\0';
    return result;
}

/* The inverse, in place. 0 if the value is malformed. */
static int unescape(char *value)
{
    char *out = value;

    for (; *value; value++) {
        if (*value != '%') {
            *out++ = *value;
            continue;
        }
        char hex[3] = {value[1], value[1] ? value[2] : '\0', '\0'};
        if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1])) {
            return 0;
        }
        *out = (char)strtol(hex, NULL, 16);
        if (*out++ == '\0') {
            return 0;
        }
        value += 2;
    }
    *out = '\0';
    return 1;
}

const char *client_state_format(const client_state_t *state, apr_pool_t *pool)
{
    return apr_psprintf(
        pool,
        "file: %s\nurl: %s\nuser: %s\nsize: %" APR_OFF_T_FMT "\nmtime: %" PRId64 "\ninode: %" PRIu64
        "\nsession: %s\nhost: %s"
        "\nfallback: %" PRId64 "\nprogress: %" PRId64
        "\nclosing: %d\nreply-out: %s\nreply-url: %s\nreply-etag: %s\nreply-inode: %" PRIu64 "\n",
        escape(state->file, pool), escape(state->url, pool), escape(state->user, pool), state->size,
        (int64_t)state->mtime, (uint64_t)state->inode, state->session, escape(state->host, pool),
        (int64_t)apr_time_sec(state->host_fallback), (int64_t)state->progress, state->closing,
        escape(state->reply_out, pool), escape(state->reply_url, pool),
        escape(state->reply_etag, pool), (uint64_t)state->reply_inode);
}

static int take_inode(apr_uint64_t *inode, const char *value)
{
    char *end;

    errno = 0;
    *inode = strtoull(value, &end, 10);
    return isdigit((unsigned char)value[0]) && *end == '\0' && errno == 0;
}

/* Take one line about a reply, likewise. */
static int take_reply_line(client_state_t *state, const char *key, char *value)
{
    apr_size_t len = strlen(value);

    if (strcmp(key, "reply-out") == 0) {
        state->reply_out = value;
        return len == 0 || *value == '/';
    }
    if (strcmp(key, "reply-url") == 0) {
        state->reply_url = value;
    } else if (strcmp(key, "reply-etag") == 0) {
        state->reply_etag = value;
        return len == 0 || client_head_is_etag(value, len);
    } else if (strcmp(key, "reply-inode") == 0) {
        return take_inode(&state->reply_inode, value);
    }
    return 1;
}

/* Take one "key: value" line. 0 if the value is malformed; unknown keys are a newer version's. */
static int take_line(client_state_t *state, const char *key, char *value)
{
    apr_size_t len = strlen(value);
    apr_off_t number;
    int is_number = bgu_offset_parse(&number, value, len);

    if (strcmp(key, "file") == 0) {
        state->file = value;
    } else if (strcmp(key, "url") == 0) {
        state->url = value;
    } else if (strcmp(key, "user") == 0) {
        state->user = value;
    } else if (strcmp(key, "session") == 0) {
        return bgu_guid_parse(state->session, value, len);
    } else if (strcmp(key, "host") == 0) {
        (void)apr_cpystrn(state->host, value, sizeof(state->host));
        return len < sizeof(state->host);
    } else if (strcmp(key, "mtime") == 0) {
        char *end;
        errno = 0;
        state->mtime = strtoll(value, &end, 10);
        return len > 0 && *end == '\0' && errno == 0;
    } else if (strcmp(key, "inode") == 0) {
        return take_inode(&state->inode, value);
    } else if (strcmp(key, "size") == 0) {
        state->size = number;
        return is_number;
    } else if (strcmp(key, "fallback") == 0) {
        is_number = is_number && number <= APR_INT32_MAX;
        state->host_fallback = is_number ? apr_time_from_sec(number) : 0;
        return is_number;
    } else if (strcmp(key, "progress") == 0) {
        state->progress = is_number ? number : 0;
        return is_number;
    } else if (strcmp(key, "closing") == 0) {
        state->closing = is_number && number != 0;
        return is_number;
    }
    return take_reply_line(state, key, value);
}

const char *client_state_parse(client_state_t *state, const char *text, apr_size_t len,
                               apr_pool_t *pool)
{
    char *line = apr_pstrmemdup(pool, text, len);
    const char *url, *reply = "";

    memset(state, 0, sizeof(*state));
    state->size = -1;
    state->reply_out = state->reply_url = state->reply_etag = "";
    if (strlen(line) != len) {
        return "it holds a NUL";
    }
    while (*line) {
        char *end = strchr(line, '\n');
        char *value = strstr(line, ": ");
        if (end == NULL) {
            return "it is cut off";
        }
        *end = '\0';
        if (value == NULL || value > end) {
            return "a line is not \"key: value\"";
        }
        *value = '\0';
        value += 2;
        if (!unescape(value) || !take_line(state, line, value)) {
            return "a value is malformed";
        }
        line = end + 1;
    }
    if (!state->file || !state->url || !state->user || state->size < 0 || !state->session[0]) {
        return "a line is missing";
    }
    if (client_url_make(&url, state->url, NULL, pool) || strcmp(url, state->url) != 0 ||
        (state->host[0] && client_url_at_host(url, state->host, pool) == NULL) ||
        (*state->reply_url && client_url_reply(&reply, state->reply_url, url, pool)) ||
        strcmp(reply, state->reply_url) != 0) {
        return "its URL or host is malformed";
    }
    return NULL;
}

static apr_status_t close_lock(void *data)
{
    const client_slot_t *slot = data;

    /* A lock file that somebody opened just before is seen to be gone in take_lock(). */
    if (access(slot->path, F_OK) != 0) {
        (void)unlink(slot->lock_path);
    }
    (void)close(slot->lock_fd);
    return APR_SUCCESS;
}

/* Open and lock the lock file. APR_EINTR: it was removed meanwhile, try again. */
static apr_status_t take_lock(client_slot_t *slot)
{
    struct stat mine, there;
    apr_status_t rv = APR_SUCCESS;

    slot->lock_fd = open(slot->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (slot->lock_fd < 0) {
        return errno;
    }
    if (flock(slot->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        rv = errno == EWOULDBLOCK ? APR_EAGAIN : errno;
    } else if (fstat(slot->lock_fd, &mine) != 0 || lstat(slot->lock_path, &there) != 0 ||
               mine.st_ino != there.st_ino) {
        rv = APR_EINTR;
    }
    if (rv != APR_SUCCESS) {
        (void)close(slot->lock_fd);
    }
    return rv;
}

static const char *slot_name(const char *file, const char *url, const char *user, apr_pool_t *pool)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    char *name = apr_palloc(pool, 2 * APR_SHA1_DIGESTSIZE + 1);
    const char *parts[] = {file, url, user};
    apr_sha1_ctx_t context;

    apr_sha1_init(&context);
    for (int i = 0; i < 3; i++) {
        /* With the NUL, so that no two triples look alike. */
        apr_sha1_update_binary(&context, (const unsigned char *)parts[i],
                               (unsigned)strlen(parts[i]) + 1);
    }
    apr_sha1_final(digest, &context);
    for (int i = 0; i < APR_SHA1_DIGESTSIZE; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", (unsigned)digest[i]);
    }
    return name;
}

apr_status_t client_slot_open(client_slot_t **slot, const char *folder, const char *file,
                              const char *url, const char *user, apr_pool_t *pool)
{
    client_slot_t *made = apr_pcalloc(pool, sizeof(*made));
    const char *name = slot_name(file, url, user, pool);
    apr_status_t rv = APR_EINTR;

    made->folder = folder;
    made->path = apr_pstrcat(pool, folder, "/", name, SUFFIX, NULL);
    made->lock_path = apr_pstrcat(pool, folder, "/", name, ".lock", NULL);
    for (int i = 0; i < 10 && rv == APR_EINTR; i++) {
        rv = take_lock(made);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, made, close_lock, apr_pool_cleanup_null);
        *slot = made;
    }
    return rv;
}

/* Read a whole state file. NULL: there is none; *error says why one was refused. */
static const char *read_state(const char *path, apr_size_t *len, const char **error,
                              apr_pool_t *pool)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    char *text = NULL;
    ssize_t got;

    *error = NULL;
    if (fd < 0) {
        *error = errno == ENOENT ? NULL : "it cannot be opened";
        return NULL;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
        info.st_size > STATE_MAX) {
        *error = "it is not a file of ours";
    } else {
        text = apr_palloc(pool, STATE_MAX);
        got = pread(fd, text, STATE_MAX, 0);
        *len = got > 0 ? (apr_size_t)got : 0;
    }
    (void)close(fd);
    return text;
}

int client_slot_load(client_slot_t *slot, client_state_t *state, const char **error,
                     apr_pool_t *pool)
{
    apr_size_t len;
    const char *text = read_state(slot->path, &len, error, pool);

    if (text) {
        *error = client_state_parse(state, text, len, pool);
    }
    if (*error) {
        *error = apr_psprintf(pool, "%s: %s", slot->path, *error);
    }
    return text && *error == NULL;
}

/* Write all of text to a new file and force it to the disk. */
static apr_status_t write_file(const char *path, const char *text)
{
    apr_size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0) {
        return errno;
    }
    ssize_t written = write(fd, text, len);
    if (written < 0 || fsync(fd) != 0) {
        rv = errno;
    } else if ((apr_size_t)written != len) {
        rv = APR_ENOSPC;
    }
    if (close(fd) != 0 && rv == APR_SUCCESS) {
        rv = errno;
    }
    return rv;
}

apr_status_t client_slot_save(client_slot_t *slot, const client_state_t *state, apr_pool_t *pool)
{
    const char *temporary = apr_pstrcat(pool, slot->path, ".new", NULL);
    apr_status_t rv = write_file(temporary, client_state_format(state, pool));
    int folder;

    if (rv == APR_SUCCESS && rename(temporary, slot->path) != 0) {
        rv = errno;
    }
    if (rv != APR_SUCCESS) {
        (void)unlink(temporary);
        return rv;
    }
    folder = open(slot->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)fsync(folder);
        (void)close(folder);
    }
    return APR_SUCCESS;
}

void client_slot_forget(client_slot_t *slot)
{
    (void)unlink(slot->path);
}

apr_array_header_t *client_state_list(const char *folder, apr_pool_t *pool)
{
    apr_array_header_t *states = apr_array_make(pool, 8, sizeof(client_state_t));
    apr_dir_t *dir;
    apr_finfo_t entry;

    if (apr_dir_open(&dir, folder, pool) != APR_SUCCESS) {
        return states;
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        apr_size_t length = strlen(entry.name), end = strlen(SUFFIX), len;
        const char *error, *text;
        client_state_t state;

        if (length < end || strcmp(entry.name + length - end, SUFFIX) != 0) {
            continue;
        }
        text = read_state(apr_pstrcat(pool, folder, "/", entry.name, NULL), &len, &error, pool);
        if (text && client_state_parse(&state, text, len, pool) == NULL) {
            *(client_state_t *)apr_array_push(states) = state;
        }
    }
    (void)apr_dir_close(dir);
    return states;
}
