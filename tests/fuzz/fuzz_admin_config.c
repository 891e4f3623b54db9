/* SPDX-License-Identifier: Apache-2.0 */

/* httpd's configuration as bgupload-admin reads it. The input is the main file; it can include
 * itself, and a second one. */

#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../tools/admin_config.h"

static const char other[] = "Define B b\nBGUploadSpool ${A}/${B}\n";

void fuzz_setup(apr_pool_t *pool)
{
    /* What ${NAME} finds there must not lead elsewhere. */
    (void)clearenv();
    HOLDS(mkdir(fuzz_path("conf", pool), 0700) == 0);
    HOLDS(mkdir(fuzz_path("conf/d", pool), 0700) == 0);
    fuzz_write(fuzz_path("conf/d/other", pool), other, sizeof(other) - 1);
}

/** Whether nothing in it can name a file outside of the folder. A slash is fine in "</". */
static int stays_inside(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '/' && (i == 0 || data[i - 1] != '<')) {
            return 0;
        }
    }
    return memmem(data, size, "..", 2) == NULL;
}

void fuzz_one(const char *data, size_t size, apr_pool_t *pool)
{
    const char *file = fuzz_path("conf/httpd.conf", pool);
    admin_config_t config = {.spools = apr_array_make(pool, 4, sizeof(const char *))};
    const char *error;

    if (!stays_inside(data, size)) {
        return;
    }
    fuzz_write(file, data, size);
    error = admin_config_read(&config, file, pool);
    HOLDS(error == NULL || *error != '\0');
    HOLDS(config.store == NULL || *config.store == '/');
    HOLDS(config.tombstone >= 0);
    for (int i = 0; i < config.spools->nelts; i++) {
        HOLDS(*APR_ARRAY_IDX(config.spools, i, const char *) == '/');
    }
}
