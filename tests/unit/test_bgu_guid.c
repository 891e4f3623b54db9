/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "../../mod_bgupload/bgu_guid.h"
#include "fixture.h"
#include "suites.h"

#define CANONICAL "7DF0354D-249B-430F-820D-3D2A9BEF4931"

/** A text and the id that it is; NULL: none. */
struct guid_case {
    const char *text;
    const char *id;
};

static const struct guid_case parse_cases[] = {
    {"7DF0354D-249B-430F-820D-3D2A9BEF4931", CANONICAL},
    {"{7DF0354D-249B-430F-820D-3D2A9BEF4931}", CANONICAL},
    {"7df0354d-249b-430f-820d-3d2a9bef4931", CANONICAL},
    {"{7df0354d-249b-430f-820d-3d2a9bef4931}", CANONICAL},
    {"{7dF0354d-249B-430f-820D-3d2A9bef4931}", CANONICAL},
    {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
    {"ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"},
    {"", NULL},
    {"{}", NULL},
    {"{", NULL},
    {"{7df0354d-249b-430f-820d-3d2a9bef4931", NULL},
    {"7df0354d-249b-430f-820d-3d2a9bef4931}", NULL},
    {"}7df0354d-249b-430f-820d-3d2a9bef4931{", NULL},
    {"{{7df0354d-249b-430f-820d-3d2a9bef4931}}", NULL},
    {"(7df0354d-249b-430f-820d-3d2a9bef4931)", NULL},
    {"7df0354d249b430f820d3d2a9bef4931", NULL},
    {"7df0354-d249b-430f-820d-3d2a9bef4931", NULL},
    {"7df0354d-249b-430f-820d3d2a9bef4931-", NULL},
    {"7df0354d-249b-430f-820d-3d2a9bef493", NULL},
    {"7df0354d-249b-430f-820d-3d2a9bef49310", NULL},
    {"7df0354g-249b-430f-820d-3d2a9bef4931", NULL},
    {"7df0354d-249b-430f-820d-3d2a9bef493@", NULL},
    {"7df0354d_249b_430f_820d_3d2a9bef4931", NULL},
    {" 7df0354d-249b-430f-820d-3d2a9bef4931", NULL},
    {"7df0354d-249b-430f-820d-3d2a9bef4931 ", NULL},
    {"{ 7df0354d-249b-430f-820d-3d2a9bef493}", NULL},
    {"0x7df035-249b-430f-820d-3d2a9bef4931", NULL},
    {"../../../../../../../../../../etc/pa", NULL},
    {"7df0354d-249b-430f-820d-3d2a9bef49\xc3\xa9", NULL},
    {"------------------------------------", NULL},
    {"garbage", NULL},
};

static void test_parse(void)
{
    size_t i;

    for (i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
        const struct guid_case *c = &parse_cases[i];
        char id[BGU_ID_LEN + 1];
        int found = bgu_guid_parse(id, c->text, strlen(c->text));

        CASE_INT(c->text, found, c->id != NULL);
        if (found && c->id != NULL) {
            CASE_STR(c->text, id, c->id);
        }
    }
}

static void test_parse_length(void)
{
    static const char list[] = CANONICAL ",{" CANONICAL "}";
    static const char with_nul[] = "7DF0354D-249B-430F-820D\0"
                                   "3D2A9BEF4931";
    char id[BGU_ID_LEN + 1];

    CHECK(bgu_guid_parse(id, list, BGU_ID_LEN));
    CHECK_STR(id, CANONICAL);
    CHECK(bgu_guid_parse(id, list + BGU_ID_LEN + 1, BGU_ID_LEN + 2));
    CHECK_STR(id, CANONICAL);
    CHECK(!bgu_guid_parse(id, list, BGU_ID_LEN - 1));
    CHECK(!bgu_guid_parse(id, list, BGU_ID_LEN + 1));
    CHECK(!bgu_guid_parse(id, list, sizeof(list) - 1));
    CHECK(!bgu_guid_parse(id, list, 0));
    CHECK(!bgu_guid_parse(id, with_nul, BGU_ID_LEN));
}

/** Ids made are canonical, and all of their 128 bits vary. */
static void test_make(void)
{
    unsigned seen[BGU_ID_LEN] = {0};
    char id[BGU_ID_LEN + 1];
    char again[BGU_ID_LEN + 1];
    int i;
    int k;

    for (i = 0; i < 2000; i++) {
        REQUIRE(bgu_guid_make(id) == APR_SUCCESS);
        REQUIRE(strlen(id) == BGU_ID_LEN);
        REQUIRE(bgu_guid_parse(again, id, BGU_ID_LEN));
        REQUIRE(strcmp(id, again) == 0);
        for (k = 0; k < BGU_ID_LEN; k++) {
            seen[k] |= id[k] == '-'   ? 0x10000u
                       : id[k] <= '9' ? 1u << (id[k] - '0')
                                      : 1u << (id[k] - 'A' + 10);
        }
    }
    for (k = 0; k < BGU_ID_LEN; k++) {
        int dash = k == 8 || k == 13 || k == 18 || k == 23;

        CHECK_INT(seen[k], dash ? 0x10000 : 0xFFFF);
    }
}

static const suite_test_t tests[] = {
    {"parse: every form", test_parse},
    {"parse: exactly so many characters", test_parse_length},
    {"make: canonical, 128 random bits", test_make},
};

void suite_guid(void)
{
    SUITE_ADD("guid", tests);
}
