/* SPDX-License-Identifier: Apache-2.0 */

#include "fault.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

const char *fault_file(const httpd_env_t *env)
{
    return apr_pstrcat(env->pool, env->root, "/run/faults", NULL);
}

static apr_status_t unmap(void *data)
{
    return munmap(data, sizeof(faults_t)) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/** The lock is shared by processes, and one that is killed may hold it. */
static void prepare_recording(const httpd_env_t *env, faults_t *faults)
{
    pthread_mutexattr_t kind;

    REQUIRE(pthread_mutexattr_init(&kind) == 0);
    REQUIRE(pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) == 0);
    REQUIRE(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0);
    REQUIRE(pthread_mutex_init(&faults->record_lock, &kind) == 0);
    pthread_mutexattr_destroy(&kind);
    apr_cpystrn(faults->record_file, apr_pstrcat(env->pool, env->root, "/run/records", NULL),
                PATH_MAX);
}

faults_t *fault_block(const httpd_env_t *env)
{
    int fd = open(fault_file(env), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    faults_t *faults;

    REQUIRE(fd >= 0 && ftruncate(fd, (off_t)sizeof(*faults)) == 0);
    /* Open to the server's user, who may be another one. */
    REQUIRE(fchmod(fd, 0666) == 0);
    faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(faults != MAP_FAILED);
    close(fd);
    apr_pool_cleanup_register(env->pool, faults, unmap, apr_pool_cleanup_null);
    prepare_recording(env, faults);
    apr_cpystrn(faults->folders[0], env->spool, PATH_MAX);
    apr_cpystrn(faults->folders[1], env->docroot, PATH_MAX);
    apr_cpystrn(faults->folders[2], apr_pstrcat(env->pool, env->root, "/state", NULL), PATH_MAX);
    return faults;
}

void fault_arm(httpd_env_t *env, const fault_t *fault)
{
    faults_t *faults = env->faults;

    atomic_store(&faults->armed, 0);
    atomic_store(&faults->count, 0);
    faults->hit[0] = '\0';
    faults->act = fault->act;
    faults->kinds = fault->kinds;
    faults->first = fault->first;
    faults->last = fault->last != 0 ? fault->last : fault->first;
    faults->error = fault->error;
    apr_cpystrn(faults->ending, fault->ending != NULL ? fault->ending : "", sizeof(faults->ending));
    atomic_store(&faults->armed, 1);
}

unsigned fault_disarm(httpd_env_t *env)
{
    atomic_store(&env->faults->armed, 0);
    return atomic_load(&env->faults->count);
}

const char *fault_hit(const httpd_env_t *env)
{
    return apr_pstrdup(httpd_env_pool(), env->faults->hit);
}

void fault_shift_clock(httpd_env_t *env, long long seconds)
{
    atomic_store(&env->faults->clock_shift, seconds);
}

void fault_record(httpd_env_t *env)
{
    atomic_store(&env->faults->recording, 0);
    files_write(env->faults->record_file, "", 0);
    REQUIRE(chmod(env->faults->record_file, 0666) == 0);
    atomic_store(&env->faults->records, 0);
    atomic_store(&env->faults->recording, 1);
}

unsigned fault_recorded(const httpd_env_t *env)
{
    return atomic_load(&env->faults->records);
}

bytes_t fault_record_end(httpd_env_t *env)
{
    atomic_store(&env->faults->recording, 0);
    return files_read(env->faults->record_file);
}

void fault_reboot(httpd_env_t *env)
{
    struct timespec up;

    REQUIRE(clock_gettime(CLOCK_BOOTTIME, &up) == 0);
    atomic_store(&env->faults->booted, up.tv_sec * 1000000LL + up.tv_nsec / 1000);
}
