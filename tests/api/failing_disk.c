/* A disk that fails, for LD_PRELOAD: while the file $FAILING_SWITCH exists, which holds "sync N" or
 * "write N", the Nth such call on a file whose path contains $FAILING_PATH, and each one after it,
 * fails: a sync with EIO, a write with ENOSPC. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int calls;

static int fails(int fd, const char *operation) {
    const char *path = getenv("FAILING_PATH"), *control = getenv("FAILING_SWITCH");
    if (!path || !control || access(control, F_OK) != 0) {
        atomic_store(&calls, 0);
        return 0;
    }
    char link[64], target[PATH_MAX], wanted[16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) return 0;
    target[length] = 0;
    if (!strstr(target, path)) return 0;
    int first = 0;
    FILE *file = fopen(control, "r");
    if (!file) return 0;
    int read = fscanf(file, "%15s %d", wanted, &first);
    fclose(file);
    return read == 2 && strcmp(wanted, operation) == 0 && atomic_fetch_add(&calls, 1) + 1 >= first;
}

int fsync(int fd) {
    if (fails(fd, "sync")) return errno = EIO, -1;
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    if (fails(fd, "sync")) return errno = EIO, -1;
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    if (fails(fd, "write")) return errno = ENOSPC, -1;
    return ((ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite"))(
        fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    if (fails(fd, "write")) return errno = ENOSPC, -1;
    return ((ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(
        fd, bytes, size, at);
}
