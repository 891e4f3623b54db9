/* SPDX-License-Identifier: Apache-2.0 */

/* The buffers that large bodies are received with.
 *
 * Fresh memory is dear: the system has to find and clear every page of it. So a buffer that is not
 * needed at the moment is kept for the next body, a few of them for the whole process, and only
 * while there are connections that had large bodies. With the last of these all memory goes back to
 * the system. */

#ifndef MOD_BGUPLOAD_BUFFER_H
#define MOD_BGUPLOAD_BUFFER_H

#include <stddef.h>

/** Count a connection among those that use buffers. */
void mod_bgupload_buffer_join(void);

/** Count it no more; the last one leaves no buffer behind. */
void mod_bgupload_buffer_leave(void);

/** Get a buffer of exactly that many bytes, for a connection that has joined. NULL: no memory. */
char *mod_bgupload_buffer_get(size_t size);

/** Give a buffer back. */
void mod_bgupload_buffer_put(char *buffer, size_t size);

#endif
