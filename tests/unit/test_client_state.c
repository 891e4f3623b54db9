/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include "client_state.h"
#include "fixture.h"
#include "suites.h"

#define GUID "A0FF5911-4144-45B3-BF27-27AFC8EC8A67"

static client_state_t sample(void)
{
    client_state_t state = {.file = "/tmp/a %\n\x7f\xff.bin",
                            .url = "https://host/up/a.bin?x=1",
                            .user = "bob: x",
                            .size = APR_INT64_MAX,
                            .mtime = -5,
                            .inode = ~(apr_uint64_t)0,
                            .session = GUID,
                            .host = "node2:8080",
                            .host_fallback = apr_time_from_sec(86400),
                            .progress = 1234567890123456,
                            .reply_out = "/tmp/%out\n",
                            .reply_url = "https://other/r?a=%20b",
                            .reply_etag = "\"a-b%20\"",
                            .reply_inode = ~(apr_uint64_t)0,
                            .closing = 1};

    return state;
}

static void check_same(const client_state_t *one, const client_state_t *other)
{
    CHECK_STR(one->file, other->file);
    CHECK_STR(one->url, other->url);
    CHECK_STR(one->user, other->user);
    CHECK_INT(one->size, other->size);
    CHECK_INT(one->mtime, other->mtime);
    CHECK(one->inode == other->inode);
    CHECK_STR(one->session, other->session);
    CHECK_STR(one->host, other->host);
    CHECK_INT(one->host_fallback, other->host_fallback);
    CHECK_INT(one->progress, other->progress);
    CHECK_INT(one->closing, other->closing);
    CHECK_STR(one->reply_out, other->reply_out);
    CHECK_STR(one->reply_url, other->reply_url);
    CHECK_STR(one->reply_etag, other->reply_etag);
    CHECK(one->reply_inode == other->reply_inode);
}

static void test_round_trip(void)
{
    fixture_t *f = fixture_open_bare();
    client_state_t state = sample(), again;
    const char *text = client_state_format(&state, f->pool);

    CHECK(client_state_parse(&again, text, strlen(text), f->pool) == NULL);
    check_same(&again, &state);
    /* A host in which libcurl sees "aA". */
    (void)apr_cpystrn(state.host, "a%41", sizeof(state.host));
    text = client_state_format(&state, f->pool);
    CHECK(client_state_parse(&again, text, strlen(text), f->pool) == NULL);
    check_same(&again, &state);
}

static const char sound[] = "file: /a\nurl: http://h/a\nuser: \nsize: 1\nsession: " GUID "\n";

/** Lines added to a sound state, and whether it is still one. */
static const struct {
    const char *more;
    int is_sound;
} parse_cases[] = {
    {"", 1},
    {"newer: thing\n", 1},
    {"size: 0\n", 1},
    {"host: [::1]:8080\n", 1},
    {"size: -1\n", 0},
    {"size: 9223372036854775808\n", 0},
    {"size: \n", 0},
    {"mtime: \n", 0},
    {"mtime: 9223372036854775808\n", 0},
    {"inode: -1\n", 0},
    {"session: {" GUID "\n", 0},
    {"session: ../../etc/passwd\n", 0},
    {"host: a/b\n", 0},
    {"host: user@h\n", 0},
    {"url: ftp://h/a\n", 0},
    {"url: http://u:p@h/a\n", 0},
    {"url: http://h/a\r\n", 0},
    {"fallback: 99999999999\n", 0},
    {"fallback: 9223372036854775807\n", 0},
    {"reply-out: /o\nreply-url: http://x/r\nreply-etag: \"e\"\nreply-inode: 5\n", 1},
    {"reply-out: \nreply-url: \nreply-etag: \nreply-inode: 0\n", 1},
    {"reply-out: o\n", 0},
    {"reply-url: file:///etc/passwd\n", 0},
    {"reply-url: http://u:p@h/r\n", 0},
    {"reply-url: /r\n", 0},
    {"reply-etag: e\n", 0},
    {"reply-etag: W/\"e\"\n", 0},
    {"reply-etag: \"e%0D%0AX: y\"\n", 0},
    {"reply-inode: \n", 0},
    {"file: %\n", 0},
    {"file: %4\n", 0},
    {"file: %00\n", 0},
    {"no colon\n", 0},
    {"closing: 1", 0},
    {"\n", 0},
};

static void test_parse(void)
{
    fixture_t *f = fixture_open_bare();
    client_state_t state;

    for (size_t i = 0; i < sizeof(parse_cases) / sizeof(parse_cases[0]); i++) {
        const char *text = apr_pstrcat(f->pool, sound, parse_cases[i].more, NULL);
        const char *error = client_state_parse(&state, text, strlen(text), f->pool);

        CASE_INT(parse_cases[i].more, error == NULL, parse_cases[i].is_sound);
    }
    /* Cut off anywhere it is never taken for a whole one. */
    for (size_t len = 0; len + 1 < sizeof(sound); len++) {
        CASE("cut off", client_state_parse(&state, sound, len, f->pool) != NULL);
    }
    CHECK(client_state_parse(&state, "a: b\0c: d\n", 10, f->pool) != NULL);
}

static client_slot_t *open_slot(const fixture_t *f, const client_state_t *state, apr_pool_t *pool)
{
    client_slot_t *slot = NULL;

    REQUIRE(client_slot_open(&slot, f->root, state->file, state->url, state->user, pool) ==
            APR_SUCCESS);
    return slot;
}

static void test_slot(void)
{
    fixture_t *f = fixture_open_bare();
    client_state_t state = sample(), again;
    const char *error;
    int before = fixture_count(f->root);
    apr_pool_t *own;

    REQUIRE(apr_pool_create(&own, f->pool) == APR_SUCCESS);
    client_slot_t *slot = open_slot(f, &state, own);
    CHECK(!client_slot_load(slot, &again, &error, f->pool));
    CHECK(error == NULL);
    CHECK_INT(client_slot_save(slot, &state, f->pool), APR_SUCCESS);
    CHECK(client_slot_load(slot, &again, &error, f->pool));
    check_same(&again, &state);
    apr_array_header_t *all = client_state_list(f->root, f->pool);
    REQUIRE(all->nelts == 1);
    check_same(&APR_ARRAY_IDX(all, 0, client_state_t), &state);
    client_slot_forget(slot);
    CHECK(!client_slot_load(slot, &again, &error, f->pool));
    apr_pool_destroy(own);
    /* Nothing is left behind, not even the lock. */
    CHECK_INT(fixture_count(f->root), before);
}

/** Others have slots of their own; the same one is taken until its pool goes. */
static void test_lock(void)
{
    fixture_t *f = fixture_open_bare();
    client_state_t state = sample(), other = state;
    client_slot_t *slot;
    apr_pool_t *own;

    REQUIRE(apr_pool_create(&own, f->pool) == APR_SUCCESS);
    (void)open_slot(f, &state, own);
    CHECK_INT(client_slot_open(&slot, f->root, state.file, state.url, state.user, f->pool),
              APR_EAGAIN);
    other.user = "alice";
    (void)open_slot(f, &other, f->pool);
    other = state;
    other.url = "https://host/up/b.bin";
    (void)open_slot(f, &other, f->pool);
    apr_pool_destroy(own);
    (void)open_slot(f, &state, f->pool);
}

/** Put this text in the place of every state. */
static void overwrite_states(const fixture_t *f, const char *text)
{
    apr_dir_t *dir;
    apr_finfo_t entry;

    REQUIRE(apr_dir_open(&dir, f->root, f->pool) == APR_SUCCESS);
    while (apr_dir_read(&entry, APR_FINFO_NAME | APR_FINFO_TYPE, dir) == APR_SUCCESS) {
        if (entry.filetype == APR_REG && strstr(entry.name, ".upload")) {
            fixture_write(fixture_path(f, entry.name), text, strlen(text));
        }
    }
    apr_dir_close(dir);
}

/** What somebody else put there is not followed, and not believed. */
static void test_hostile_file(void)
{
    fixture_t *f = fixture_open_bare();
    client_state_t state = sample(), again;
    client_slot_t *slot = open_slot(f, &state, f->pool);
    const char *error, *folder = fixture_path(f, "empty");

    REQUIRE(symlink("/dev/zero", fixture_path(f, "x.upload")) == 0);
    fixture_write(fixture_path(f, "y.upload"), "garbage", 7);
    REQUIRE(mkdir(fixture_path(f, "z.upload"), 0700) == 0);
    CHECK_INT(client_state_list(f->root, f->pool)->nelts, 0);
    REQUIRE(client_slot_save(slot, &state, f->pool) == APR_SUCCESS);
    CHECK_INT(client_state_list(f->root, f->pool)->nelts, 1);
    CHECK_INT(client_state_list(folder, f->pool)->nelts, 0);
    overwrite_states(f, "garbage\n");
    CHECK(!client_slot_load(slot, &again, &error, f->pool));
    REQUIRE(error != NULL);
    CHECK_HAS(error, ".upload: ");
}

/** Run by a child, since it changes the environment. */
static int make_folder(const fixture_t *f)
{
    const char *folder = NULL;
    const char *home = fixture_path(f, "home");
    const char *xdg = fixture_path(f, "xdg");
    struct stat info;

    if (mkdir(home, 0755) != 0 || setenv("HOME", home, 1) != 0 ||
        setenv("XDG_STATE_HOME", "relative", 1) != 0 || client_state_folder(&folder, f->pool) ||
        strcmp(folder, apr_pstrcat(f->pool, home, "/.local/state/bgupload", NULL)) != 0) {
        return 1;
    }
    if (setenv("XDG_STATE_HOME", xdg, 1) != 0 || client_state_folder(&folder, f->pool) ||
        strcmp(folder, apr_pstrcat(f->pool, xdg, "/bgupload", NULL)) != 0 ||
        stat(folder, &info) != 0 || (info.st_mode & 07777) != 0700) {
        return 2;
    }
    if (chmod(folder, 0777) != 0 || client_state_folder(&folder, f->pool) ||
        stat(folder, &info) != 0 || (info.st_mode & 07777) != 0700) {
        return 3;
    }
    return 0;
}

static void test_folder(void)
{
    fixture_t *f = fixture_open_bare();
    pid_t child = fork();

    if (child == 0) {
        _exit(make_folder(f));
    }
    CHECK_INT(fixture_wait(child), 0);
}

static const suite_test_t tests[] = {
    {"what is written can be read", test_round_trip},
    {"what makes no sense is refused", test_parse},
    {"a slot remembers and forgets", test_slot},
    {"a slot is locked", test_lock},
    {"files that are not ours", test_hostile_file},
    {"the folder", test_folder},
};

void suite_client_state(void)
{
    SUITE_ADD("client_state", tests);
}
