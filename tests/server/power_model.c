/* SPDX-License-Identifier: Apache-2.0 */

#include "power_model.h"

#include <string.h>

#include <apr_strings.h>

#include "check.h"

/** Bytes that a disk writes at once. */
#define PAGE 4096

/** How likely unsynced changes of a file or folder survive, in hundredths: drawn for each. */
static const unsigned likelihoods[] = {0, 50, 100, 50};

power_disk_t *power_disk_make(unsigned seed, apr_pool_t *pool)
{
    power_disk_t *disk = apr_palloc(pool, sizeof(*disk));

    disk->nodes = apr_array_make(pool, 32, sizeof(power_node_t *));
    disk->chance = seed;
    disk->strict = seed == 0;
    disk->pool = pool;
    return disk;
}

/** A number below a limit. */
static unsigned draw(power_disk_t *disk, unsigned limit)
{
    disk->chance = disk->chance * 1664525u + 1013904223u;
    return (disk->chance >> 8) % limit;
}

power_node_t *power_node_make(power_disk_t *disk, faults_node_t id, int is_folder)
{
    power_node_t *node = apr_pcalloc(disk->pool, sizeof(*node));

    node->id = id;
    node->is_folder = is_folder;
    node->entries = apr_array_make(disk->pool, 4, sizeof(power_entry_t));
    node->pending = apr_array_make(disk->pool, 8, sizeof(const faults_record_t *));
    APR_ARRAY_PUSH(disk->nodes, power_node_t *) = node;
    return node;
}

power_node_t *power_disk_find(const power_disk_t *disk, faults_node_t id)
{
    int i;

    for (i = disk->nodes->nelts - 1; i >= 0; i--) {
        power_node_t *node = APR_ARRAY_IDX(disk->nodes, i, power_node_t *);

        if (node->id.inode == id.inode && node->id.device == id.device) {
            return node;
        }
    }
    return NULL;
}

static power_entry_t *entry_of(const power_node_t *node, const char *name)
{
    int i;

    for (i = 0; i < node->entries->nelts; i++) {
        power_entry_t *entry = &APR_ARRAY_IDX(node->entries, i, power_entry_t);

        if (strcmp(entry->name, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

void power_entry_set(power_node_t *node, const char *name, power_node_t *to, const char *value,
                     size_t length, apr_pool_t *pool)
{
    power_entry_t *entry = entry_of(node, name);

    if (to == NULL && value == NULL) {
        if (entry != NULL) {
            *entry = *(power_entry_t *)apr_array_pop(node->entries);
        }
        return;
    }
    if (entry == NULL) {
        entry = apr_array_push(node->entries);
    }
    *entry = (power_entry_t){apr_pstrdup(pool, name), to, value, length};
}

/** Make a file longer, with zeros. */
static void stretch(power_node_t *node, size_t size, apr_pool_t *pool)
{
    if (size > node->room) {
        char *data = apr_pcalloc(pool, 2 * size);

        if (node->size > 0) {
            memcpy(data, node->data, node->size);
        }
        node->data = data;
        node->room = 2 * size;
    }
    if (size > node->size) {
        memset(node->data + node->size, 0, size - node->size);
        node->size = size;
    }
}

void power_node_write(power_node_t *node, size_t at, const char *data, size_t length,
                      apr_pool_t *pool)
{
    stretch(node, at + length, pool);
    if (length > 0) {
        memcpy(node->data + at, data, length);
    }
}

/** Do to a folder on the disk what a record says. */
static void apply_to_folder(power_disk_t *disk, power_node_t *folder, const faults_record_t *record)
{
    const power_entry_t *from = entry_of(folder, record->name);
    power_node_t *node = from != NULL ? from->node : NULL;

    switch (record->op) {
    case FAULTS_R_RENAME:
        if (node != NULL) {
            power_entry_set(folder, record->name, NULL, NULL, 0, disk->pool);
            power_entry_set(folder, record->to_name, node, NULL, 0, disk->pool);
        }
        break;
    case FAULTS_R_REMOVE:
        power_entry_set(folder, record->name, NULL, NULL, 0, disk->pool);
        break;
    default:
        power_entry_set(folder, record->name, power_disk_find(disk, record->node), NULL, 0,
                        disk->pool);
    }
}

/** Do to a file or folder itself on the disk what a record says; not the bytes of a write. */
static void apply_to_node(power_disk_t *disk, power_node_t *node, const faults_record_t *record)
{
    const char *data = (const char *)(record + 1);

    switch (record->op) {
    case FAULTS_R_WRITE:
        stretch(node, (size_t)record->at + record->length, disk->pool);
        break;
    case FAULTS_R_CUT:
        stretch(node, (size_t)record->at, disk->pool);
        node->size = (size_t)record->at;
        break;
    case FAULTS_R_MODE:
        node->mode = record->mode;
        break;
    case FAULTS_R_TIME:
        memcpy(node->time, record->time, sizeof(node->time));
        break;
    case FAULTS_R_SET:
        power_entry_set(node, record->name, NULL, data, record->length, disk->pool);
        break;
    case FAULTS_R_UNSET:
        power_entry_set(node, record->name, NULL, NULL, 0, disk->pool);
        break;
    default:
        break;
    }
}

static int is_of_names(const faults_record_t *record)
{
    return record->op <= FAULTS_R_REMOVE;
}

/** All changes of a file or folder so far are on the disk. */
static void settle(power_disk_t *disk, power_node_t *node)
{
    int i;

    for (i = 0; i < node->pending->nelts; i++) {
        const faults_record_t *record = APR_ARRAY_IDX(node->pending, i, const faults_record_t *);

        if (is_of_names(record)) {
            apply_to_folder(disk, node, record);
            continue;
        }
        apply_to_node(disk, node, record);
        if (record->op == FAULTS_R_WRITE) {
            power_node_write(node, (size_t)record->at, (const char *)(record + 1), record->length,
                             disk->pool);
        }
    }
    apr_array_clear(node->pending);
}

/** Take note of a change for the file or folder that has to be synced for it. */
static void suspend(const power_disk_t *disk, faults_node_t id, const faults_record_t *record)
{
    power_node_t *node = power_disk_find(disk, id);

    if (node != NULL) {
        APR_ARRAY_PUSH(node->pending, const faults_record_t *) = record;
    }
}

void power_disk_change(power_disk_t *disk, const faults_record_t *record)
{
    power_node_t *node;

    switch (record->op) {
    case FAULTS_R_ELSEWHERE:
        REQUIRE_FAIL("the model of the disk knows no rename between folders: %s", record->name);
        break;
    case FAULTS_R_SYNC:
        node = power_disk_find(disk, record->node);
        if (node != NULL) {
            settle(disk, node);
            memcpy(node->time, record->time, sizeof(node->time));
        }
        break;
    case FAULTS_R_CREATE:
    case FAULTS_R_FOLDER:
        node = power_node_make(disk, record->node, record->op == FAULTS_R_FOLDER);
        node->mode = record->mode;
        suspend(disk, record->parent, record);
        break;
    case FAULTS_R_LINK:
    case FAULTS_R_RENAME:
    case FAULTS_R_REMOVE:
        suspend(disk, record->parent, record);
        break;
    default:
        suspend(disk, record->node, record);
    }
}

/** Of the bytes of a write, those pages that made it, as far as the file is long enough. */
static void scatter(power_disk_t *disk, power_node_t *node, const faults_record_t *record,
                    unsigned likelihood)
{
    const char *data = (const char *)(record + 1);
    size_t at = (size_t)record->at;
    size_t end = at + record->length;

    end = end < node->size ? end : node->size;
    while (at < end) {
        size_t next = (at / PAGE + 1) * PAGE;
        size_t length = (next < end ? next : end) - at;

        if (draw(disk, 100) < likelihood) {
            power_node_write(node, at, data + (at - (size_t)record->at), length, disk->pool);
        }
        at += length;
    }
}

/** The bytes of a write that make the file longer come to the disk with its length. */
static void lengthen(power_disk_t *disk, power_node_t *node, const faults_record_t *record)
{
    const char *data = (const char *)(record + 1);
    size_t at = (size_t)record->at;
    size_t from = at > node->size ? at : node->size;

    if (record->op == FAULTS_R_WRITE && from < at + record->length) {
        power_node_write(node, from, data + (from - at), at + record->length - from, disk->pool);
    }
}

/** What survives of the changes of a file or folder. */
static void survive(power_disk_t *disk, power_node_t *node)
{
    unsigned count = (unsigned)node->pending->nelts;
    unsigned likelihood = likelihoods[draw(disk, 4)];
    unsigned in_order = draw(disk, count + 1);
    unsigned i;

    for (i = 0; i < count; i++) {
        const faults_record_t *record = APR_ARRAY_IDX(node->pending, i, const faults_record_t *);

        if (is_of_names(record)) {
            if (draw(disk, 100) < likelihood) {
                apply_to_folder(disk, node, record);
            }
            continue;
        }
        if (i < in_order) {
            lengthen(disk, node, record);
            apply_to_node(disk, node, record);
        }
        if (record->op == FAULTS_R_WRITE) {
            scatter(disk, node, record, likelihood);
        }
    }
}

void power_disk_fail(power_disk_t *disk)
{
    int i;

    for (i = 0; i < disk->nodes->nelts && !disk->strict; i++) {
        survive(disk, APR_ARRAY_IDX(disk->nodes, i, power_node_t *));
    }
}
