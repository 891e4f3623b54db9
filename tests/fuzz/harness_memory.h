/* SPDX-License-Identifier: Apache-2.0 */

/* Memory of pools, made visible to AddressSanitizer.
 *
 * A pool hands out pieces of large blocks: who reads behind the end of one finds the next, and no
 * tool sees it. So apr_palloc() is defined here, before libapr's own, and between the two calls
 * below it takes each piece from malloc. */

#ifndef HARNESS_MEMORY_H
#define HARNESS_MEMORY_H

/** From here on every piece is one from malloc. */
void harness_memory_begin(void);

/** Free all pieces; their pools are destroyed. Later pieces come from pools as ever. */
void harness_memory_end(void);

#endif
