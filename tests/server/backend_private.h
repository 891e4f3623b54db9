/* SPDX-License-Identifier: Apache-2.0 */

/* What the test and its application share. */

#ifndef BACKEND_PRIVATE_H
#define BACKEND_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "backend.h"

/** Most requests that are taken down. */
#define BACKEND_REQUESTS_MAX 4096

/** A plan with its texts. */
typedef struct backend_order_t {
    backend_plan_t plan; /**< its pointers mean nothing here */
    char answer[4096];
    char target[1024];
} backend_order_t;

/** The shared memory. */
typedef struct backend_shared_t {
    backend_order_t order;
    atomic_int released;
    atomic_int connections;
    atomic_int taken; /**< records in use */
    backend_request_t requests[BACKEND_REQUESTS_MAX];
} backend_shared_t;

/** The test's side. */
struct backend_private_t {
    backend_shared_t *shared;
    pid_t pid; /**< 0: stopped */
    const char *user;
    const char *group;
};

/** The application itself: never returns. */
void backend_serve(backend_shared_t *shared, int listener) __attribute__((noreturn));

/** The bytes [start, start + length) of all that the application makes. */
void backend_fill(char *data, long long start, size_t length);

#endif
