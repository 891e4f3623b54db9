/* SPDX-License-Identifier: Apache-2.0 */

/* A record of each call that changed something in the watched folders, in the order in which it
 * happened across threads and processes: a lock is held over each call and its record. What is in
 * the file is an array of faults_record_t, each followed by its data.
 *
 * Files and folders are named by their inodes. A number can be used again once its file is gone;
 * FAULTS_R_CREATE says when. */

#ifndef FAULTS_RECORD_H
#define FAULTS_RECORD_H

#include <stdint.h>

/** What happened. */
typedef enum {
    FAULTS_R_CREATE,   /**< a new file (node, mode) got a name (parent, name) */
    FAULTS_R_FOLDER,   /**< the same with a folder */
    FAULTS_R_LINK,     /**< a file (node) got another name (parent, name) */
    FAULTS_R_RENAME,   /**< parent's name became to_name in the same folder */
    FAULTS_R_REMOVE,   /**< a name (parent, name) of a file or an empty folder went */
    FAULTS_R_WRITE,    /**< the data was written (node, at) */
    FAULTS_R_CUT,      /**< the length was set (node, at) */
    FAULTS_R_MODE,     /**< node, mode */
    FAULTS_R_TIME,     /**< node, time */
    FAULTS_R_SET,      /**< an extended attribute was set (node, name, data) */
    FAULTS_R_UNSET,    /**< an extended attribute was removed (node, name) */
    FAULTS_R_SYNC,     /**< all of a file or folder is on the disk (node, time) */
    FAULTS_R_ELSEWHERE /**< something that this format cannot express */
} faults_record_e;

/** A file or folder. */
typedef struct faults_node_t {
    uint64_t device;
    uint64_t inode;
} faults_node_t;

/** One record. */
typedef struct faults_record_t {
    uint32_t op;          /**< faults_record_e */
    uint32_t mode;        /**< permission bits */
    faults_node_t node;   /**< what it is done to */
    faults_node_t parent; /**< the folder of the name */
    int64_t at;           /**< bytes from the start */
    int64_t time[2];      /**< of the last change of the bytes: seconds and nanoseconds */
    uint64_t length;      /**< bytes of data behind this record */
    char name[256];
    char to_name[256];
} faults_record_t;

#endif
