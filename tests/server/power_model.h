/* SPDX-License-Identifier: Apache-2.0 */

/* The model of a disk that power.h is made of: files and folders with what is on the disk, and with
 * the changes since then. */

#ifndef POWER_MODEL_H
#define POWER_MODEL_H

#include <apr_tables.h>
#include "record.h"

/** A name with what it leads to, or an attribute with its value. */
typedef struct power_entry_t {
    const char *name;
    struct power_node_t *node;
    const char *value;
    size_t length;
} power_entry_t;

/** A file or folder. */
typedef struct power_node_t {
    faults_node_t id; /**< the newest node with an id is meant by it */
    int is_folder;
    unsigned mode;
    int64_t time[2]; /**< 0: not known */
    char *data;      /**< of a file: what is on the disk */
    size_t size, room;
    apr_array_header_t *entries; /**< power_entry_t: names in a folder, attributes of a file */
    apr_array_header_t *pending; /**< const faults_record_t *: changes that are not on the disk */
    const char *path;            /**< first name that was written for it; NULL: none yet */
} power_node_t;

/** A disk. */
typedef struct power_disk_t {
    apr_array_header_t *nodes; /**< power_node_t * */
    int strict;                /**< nothing survives that was not synced */
    unsigned chance;           /**< state of the generator */
    apr_pool_t *pool;
} power_disk_t;

/** An empty disk. */
power_disk_t *power_disk_make(unsigned seed, apr_pool_t *pool);

/** The newest file or folder with an id, or NULL. */
power_node_t *power_disk_find(const power_disk_t *disk, faults_node_t id);

/** A new file or folder that nothing leads to. */
power_node_t *power_node_make(power_disk_t *disk, faults_node_t id, int is_folder);

/** Set or (value and node NULL) remove an entry. */
void power_entry_set(power_node_t *node, const char *name, power_node_t *to, const char *value,
                     size_t length, apr_pool_t *pool);

/** Put bytes into a file, making it longer if need be. */
void power_node_write(power_node_t *node, size_t at, const char *data, size_t length,
                      apr_pool_t *pool);

/** Take note of a change; a sync brings those before it to the disk. */
void power_disk_change(power_disk_t *disk, const faults_record_t *record);

/** The power fails: of what is not on the disk chance chooses. */
void power_disk_fail(power_disk_t *disk);

#endif
