/* SPDX-License-Identifier: Apache-2.0 */

#include "suites.h"

void suite_add(const char *name, const suite_test_t *tests, size_t count)
{
    CU_pSuite suite =
        CU_add_suite_with_setup_and_teardown(name, NULL, NULL, NULL, httpd_env_teardown);
    size_t i;

    for (i = 0; i < count; i++) {
        CU_add_test(suite, tests[i].name, tests[i].run);
    }
}
