/* SPDX-License-Identifier: Apache-2.0 */

#include "power.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <apr_strings.h>

#include "power_model.h"
#include "server_user.h"

/** The seed where none is given. */
#define SEED 20240423u

/** Longest list of attributes, and longest value. */
#define ATTRIBUTES_MAX 512

struct power_t {
    httpd_env_t *env;
    power_disk_t *before;                /**< as it was when recording began */
    power_node_t *roots[FAULTS_FOLDERS]; /**< the watched folders there; NULL: none */
    apr_array_header_t *records;         /**< const faults_record_t * */
};

static int is_kept(const char *name)
{
    size_t length = strlen(name);

    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           (length < 4 || strcmp(name + length - 4, "-shm") != 0);
}

static void load_attributes(power_disk_t *disk, power_node_t *node, const char *path)
{
    char names[ATTRIBUTES_MAX];
    ssize_t length = listxattr(path, names, sizeof(names));
    const char *name;

    for (name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        char value[ATTRIBUTES_MAX];
        ssize_t size = getxattr(path, name, value, sizeof(value));

        REQUIRE(size >= 0);
        if (strncmp(name, "user.", 5) == 0) {
            power_entry_set(node, name, NULL, apr_pmemdup(disk->pool, value, (size_t)size),
                            (size_t)size, disk->pool);
        }
    }
}

/** Put a file or folder that is there on the disk, with all below it. */
static power_node_t *load(power_disk_t *disk, const char *path)
{
    struct dirent *entry;
    power_node_t *node;
    struct stat info;
    bytes_t bytes;
    DIR *dir;

    REQUIRE(lstat(path, &info) == 0);
    node = power_disk_find(disk, (faults_node_t){info.st_dev, info.st_ino});
    if (node != NULL) {
        return node; /* another name of a file */
    }
    node = power_node_make(disk, (faults_node_t){info.st_dev, info.st_ino}, S_ISDIR(info.st_mode));
    node->mode = info.st_mode & 07777u;
    node->time[0] = info.st_mtim.tv_sec;
    node->time[1] = info.st_mtim.tv_nsec;
    if (!node->is_folder) {
        bytes = files_read(path);
        REQUIRE(bytes.data != NULL);
        power_node_write(node, 0, bytes.data, bytes.length, disk->pool);
        load_attributes(disk, node, path);
        return node;
    }
    dir = opendir(path);
    REQUIRE(dir != NULL);
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (is_kept(entry->d_name)) {
            const char *below = apr_pstrcat(disk->pool, path, "/", entry->d_name, NULL);

            power_entry_set(node, entry->d_name, load(disk, below), NULL, 0, disk->pool);
        }
    }
    closedir(dir);
    return node;
}

power_t *power_begin(httpd_env_t *env)
{
    power_t *power = apr_pcalloc(env->pool, sizeof(*power));
    int i;

    power->env = env;
    power->before = power_disk_make(0, env->pool);
    power->records = apr_array_make(env->pool, 64, sizeof(const faults_record_t *));
    for (i = 0; i < FAULTS_FOLDERS; i++) {
        if (env->faults->folders[i][0] != '\0') {
            power->roots[i] = load(power->before, env->faults->folders[i]);
        }
    }
    fault_record(env);
    return power;
}

unsigned power_now(const power_t *power)
{
    return fault_recorded(power->env);
}

unsigned power_end(power_t *power)
{
    bytes_t file = fault_record_end(power->env);
    size_t at = 0;

    /* Records lie behind each other as they came, at any address. */
    while (at < file.length) {
        faults_record_t head;
        char *record;

        REQUIRE(file.length - at >= sizeof(head));
        memcpy(&head, file.data + at, sizeof(head));
        REQUIRE(file.length - at - sizeof(head) >= head.length);
        record = apr_palloc(power->env->pool, sizeof(head) + head.length);
        memcpy(record, file.data + at, sizeof(head) + head.length);
        APR_ARRAY_PUSH(power->records, const faults_record_t *) = (const faults_record_t *)record;
        at += sizeof(head) + head.length;
    }
    return (unsigned)power->records->nelts;
}

int power_is_sync(const power_t *power, unsigned number)
{
    return APR_ARRAY_IDX(power->records, (int)number - 1, const faults_record_t *)->op ==
           FAULTS_R_SYNC;
}

const char *power_describe(const power_t *power, unsigned point)
{
    static const char *const names[] = {
        [FAULTS_R_CREATE] = "create", [FAULTS_R_FOLDER] = "mkdir",      [FAULTS_R_LINK] = "link",
        [FAULTS_R_RENAME] = "rename", [FAULTS_R_REMOVE] = "unlink",     [FAULTS_R_WRITE] = "write",
        [FAULTS_R_CUT] = "truncate",  [FAULTS_R_MODE] = "chmod",        [FAULTS_R_TIME] = "utimens",
        [FAULTS_R_SET] = "setxattr",  [FAULTS_R_UNSET] = "removexattr", [FAULTS_R_SYNC] = "fsync"};
    const faults_record_t *record;

    if (point == 0) {
        return "before the first change";
    }
    record = APR_ARRAY_IDX(power->records, (int)point - 1, const faults_record_t *);
    return httpd_env_format("behind %s %s", names[record->op], record->name);
}

/** A node of the disk before, with all below it, on another disk. */
static power_node_t *copy(power_disk_t *disk, const power_node_t *from)
{
    power_node_t *node = power_disk_find(disk, from->id);
    int i;

    if (node != NULL) {
        return node;
    }
    node = power_node_make(disk, from->id, from->is_folder);
    node->mode = from->mode;
    memcpy(node->time, from->time, sizeof(node->time));
    if (from->size > 0) {
        power_node_write(node, 0, from->data, from->size, disk->pool);
    }
    for (i = 0; i < from->entries->nelts; i++) {
        const power_entry_t *entry = &APR_ARRAY_IDX(from->entries, i, power_entry_t);

        power_entry_set(node, entry->name, entry->node != NULL ? copy(disk, entry->node) : NULL,
                        entry->value, entry->length, disk->pool);
    }
    return node;
}

static void store_file(const char *path, const power_node_t *node)
{
    int i;

    files_write(path, node->data, node->size);
    for (i = 0; i < node->entries->nelts; i++) {
        const power_entry_t *entry = &APR_ARRAY_IDX(node->entries, i, power_entry_t);

        REQUIRE(setxattr(path, entry->name, entry->value, entry->length, 0) == 0);
    }
    REQUIRE(chmod(path, node->mode) == 0);
    if (node->time[0] != 0) {
        const struct timespec times[2] = {{.tv_nsec = UTIME_NOW},
                                          {.tv_sec = node->time[0], .tv_nsec = node->time[1]}};

        REQUIRE(utimensat(AT_FDCWD, path, times, 0) == 0);
    }
}

static void store_folder(const char *path, const power_node_t *folder);

/** Make what a name leads to; a file that has one already gets another. */
static void store(const char *path, power_node_t *node)
{
    if (node->is_folder) {
        files_mkdir(path, node->mode);
        store_folder(path, node);
    } else if (node->path != NULL) {
        REQUIRE(link(node->path, path) == 0);
    } else {
        store_file(path, node);
        node->path = path;
    }
}

static void store_folder(const char *path, const power_node_t *folder)
{
    int i;

    for (i = 0; i < folder->entries->nelts; i++) {
        const power_entry_t *entry = &APR_ARRAY_IDX(folder->entries, i, power_entry_t);

        if (is_kept(entry->name)) {
            store(apr_pstrcat(httpd_env_pool(), path, "/", entry->name, NULL), entry->node);
        }
    }
}

/** Remove all that is in a folder. */
static void empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    REQUIRE(dir != NULL);
    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            files_remove_tree(apr_pstrcat(httpd_env_pool(), path, "/", entry->d_name, NULL));
        }
    }
    closedir(dir);
}

void power_cut(power_t *power, unsigned point, unsigned seed)
{
    power_node_t *roots[FAULTS_FOLDERS];
    apr_pool_t *pool;
    power_disk_t *disk;
    unsigned number;
    int i;

    REQUIRE(power->env->pid == 0);
    apr_pool_create(&pool, httpd_env_pool());
    disk = power_disk_make(seed, pool);
    for (i = 0; i < FAULTS_FOLDERS; i++) {
        roots[i] = power->roots[i] != NULL ? copy(disk, power->roots[i]) : NULL;
    }
    for (number = 0; number < point; number++) {
        power_disk_change(disk,
                          APR_ARRAY_IDX(power->records, (int)number, const faults_record_t *));
    }
    power_disk_fail(disk);
    for (i = 0; i < FAULTS_FOLDERS; i++) {
        if (roots[i] != NULL) {
            empty(power->env->faults->folders[i]);
            store_folder(power->env->faults->folders[i], roots[i]);
        }
    }
    apr_pool_destroy(pool);
    fault_reboot(power->env);
}

unsigned power_seed(void)
{
    const char *given = getenv("BGUPLOAD_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : SEED;

    printf("seed %u ... ", seed);
    fflush(stdout);
    return seed;
}
