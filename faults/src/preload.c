// Preloaded into a process under test: makes its file calls below one folder fail, kills it at one of them, or records
// them. Directed through a page of memory shared with the test (`control.rs`), so that faults can come and go while the
// process runs. Also moves its wall clock.
//
// A call that is made to fail is not carried out, but for a write that fails half-way.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// Kinds of calls: bits of `control.kinds`. Kept in step with `control.rs`.
enum { CREATE = 1, WRITE = 2, SYNC = 4, RENAME = 8, REMOVE = 16, RESIZE = 32, MKDIR = 64, READ = 128 };
enum { FAIL = 0, FAIL_HALFWAY = 1, KILL = 2 };

struct control {
    uint64_t calls;     // counted so far, from 1
    uint64_t first;     // the first call that fails; 0: none does
    uint64_t last;      // the last one
    uint64_t action;
    uint64_t error;     // errno of a failed call
    uint64_t kinds;     // what counts; 0: nothing
    uint64_t fired;     // how many calls failed
    int64_t clock;      // added to the wall clock, in nanoseconds
    uint64_t recording; // 1: calls are written to the log
    char root[256];     // only paths that begin so count
    char path[64];      // only paths that hold this count; empty: all
    char thread[16];    // only the thread of this name counts; empty: all
    char hit[256];      // the last call that failed: kind, path, thread
};

static struct control *control;
static int log_fd = -1;
static pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;

// The C library's own function.
#define REAL(name)                                                      \
    ({                                                                  \
        static __typeof__(&name) real;                                  \
        if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);   \
        real;                                                           \
    })

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS_CONTROL");
    if (!path) return;
    int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) return;
    const char *log = getenv("FAULTS_LOG");
    if (log) log_fd = REAL(open)(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    control = page;
}

static int below_root(const char *path) {
    size_t length = strlen(control->root);
    return length && !strncmp(path, control->root, length);
}

static const char *path_of(int fd, char *buffer) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buffer, PATH_MAX - 1);
    buffer[n < 0 ? 0 : n] = 0;
    return buffer;
}

// Whether this call is to fail. Counts it.
static int fails(int kind, const char *name, const char *path) {
    if (!control || !(control->kinds & kind) || !below_root(path)) return 0;
    if (control->path[0] && !strstr(path, control->path)) return 0;
    char thread[17] = {0};
    prctl(PR_GET_NAME, thread);
    if (control->thread[0] && strncmp(thread, control->thread, sizeof control->thread)) return 0;
    uint64_t call = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    if (!control->first || call < control->first || call > control->last) return 0;
    __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
    const char *shown = path + strlen(control->root);
    snprintf(control->hit, sizeof control->hit, "%s %.180s by %s", name, *shown == '/' ? shown + 1 : shown, thread);
    if (control->action == KILL) raise(SIGKILL);
    errno = control->error;
    return 1;
}

// ---- recording ----

static int records(const char *path) {
    return control && control->recording && log_fd >= 0 && below_root(path);
}

static void record(const char *line, const void *data, size_t length) {
    struct iovec parts[2] = {{(void *)line, strlen(line)}, {(void *)data, length}};
    int before = errno;
    if (REAL(writev)(log_fd, parts, 2) != (ssize_t)(parts[0].iov_len + length)) abort(); // a record with a gap proves nothing
    errno = before;
}

static uint64_t inode(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

// Carries `call` out and, if it went well, records the line: in one step, so that the log has the order of the calls.
#define RECORDED(path, call, ...)                                        \
    ({                                                                   \
        int recorded = records(path);                                    \
        if (recorded) pthread_mutex_lock(&record_lock);                  \
        __typeof__(call) result = (call);                                \
        if (recorded) {                                                  \
            if (result >= 0) {                                           \
                char line[2 * PATH_MAX + 64];                            \
                snprintf(line, sizeof line, __VA_ARGS__);                \
                record(line, NULL, 0);                                   \
            }                                                            \
            pthread_mutex_unlock(&record_lock);                          \
        }                                                                \
        result;                                                          \
    })

// ---- opening ----

static int open_file(const char *path, int flags, mode_t mode) {
    if (flags & (O_CREAT | O_TRUNC)) {
        if (fails(CREATE, "create", path)) return -1;
        return RECORDED(path, REAL(open)(path, flags, mode), "open %lu %d %s\n", (unsigned long)inode(result),
                        !!(flags & O_TRUNC), path);
    }
    if (fails(READ, "open", path)) return -1;
    return REAL(open)(path, flags, mode);
}

#define MODE(flags, mode)                                    \
    mode_t mode = 0;                                         \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                   \
        va_list arguments;                                   \
        va_start(arguments, flags);                          \
        mode = va_arg(arguments, mode_t);                    \
        va_end(arguments);                                   \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_file(path, flags | O_LARGEFILE, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags, mode)
    return open_file(path, flags | O_LARGEFILE, mode);
}

int openat(int dir, const char *path, int flags, ...) {
    MODE(flags, mode)
    return dir == AT_FDCWD || *path == '/' ? open_file(path, flags, mode) : REAL(openat)(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...) {
    MODE(flags, mode)
    return dir == AT_FDCWD || *path == '/' ? open_file(path, flags, mode) : REAL(openat)(dir, path, flags, mode);
}

// ---- reading and writing ----

// `offset` is -1 for a write at the file's position.
static ssize_t write_at(int fd, const void *data, size_t length, off_t offset) {
    char buffer[PATH_MAX];
    if (!control || !(control->kinds || control->recording)) goto pass;
    const char *path = path_of(fd, buffer);
    int failing = fails(WRITE, "write", path), error = errno;
    if (failing && control->action == FAIL) return -1;
    if (failing) length /= 2;
    ssize_t written;
    if (records(path)) {
        pthread_mutex_lock(&record_lock);
        written = offset < 0 ? REAL(write)(fd, data, length) : REAL(pwrite)(fd, data, length, offset);
        if (written > 0) {
            off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) - written : offset;
            char line[96];
            snprintf(line, sizeof line, "write %lu %lu %lu\n", (unsigned long)inode(fd), (unsigned long)at, (unsigned long)written);
            record(line, data, written);
        }
        pthread_mutex_unlock(&record_lock);
    } else {
        written = offset < 0 ? REAL(write)(fd, data, length) : REAL(pwrite)(fd, data, length, offset);
    }
    if (failing) {
        errno = error;
        return -1;
    }
    return written;
pass:
    return offset < 0 ? REAL(write)(fd, data, length) : REAL(pwrite)(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) { return write_at(fd, data, length, -1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return write_at(fd, data, length, offset); }

// The first part alone is a short write, which callers must expect anyhow. Sockets keep their writes whole.
ssize_t writev(int fd, const struct iovec *parts, int n) {
    char buffer[PATH_MAX];
    if (!control || !(control->kinds || control->recording) || !below_root(path_of(fd, buffer)))
        return REAL(writev)(fd, parts, n);
    for (int i = 0; i < n; i++)
        if (parts[i].iov_len) return write_at(fd, parts[i].iov_base, parts[i].iov_len, -1);
    return 0;
}

static int read_fails(int fd) {
    char buffer[PATH_MAX];
    return control && (control->kinds & READ) && fails(READ, "read", path_of(fd, buffer));
}

ssize_t read(int fd, void *data, size_t length) { return read_fails(fd) ? -1 : REAL(read)(fd, data, length); }
ssize_t pread(int fd, void *data, size_t length, off_t offset) {
    return read_fails(fd) ? -1 : REAL(pread)(fd, data, length, offset);
}
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
    return read_fails(fd) ? -1 : REAL(pread)(fd, data, length, offset);
}

// Callers fall back to reading and writing.
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t length, unsigned flags) {
    if (!control) return REAL(copy_file_range)(from, at, to, there, length, flags);
    errno = EXDEV;
    return -1;
}

// ---- syncing, sizes, names ----

static int sync_file(int fd, int (*real)(int)) {
    char buffer[PATH_MAX];
    if (!control || !(control->kinds || control->recording)) return real(fd);
    const char *path = path_of(fd, buffer);
    if (fails(SYNC, "sync", path)) return -1;
    return RECORDED(path, real(fd), "sync %lu\n", (unsigned long)inode(fd));
}

int fsync(int fd) { return sync_file(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_file(fd, REAL(fdatasync)); }

static int resize(int fd, off_t length) {
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (fails(RESIZE, "resize", path)) return -1;
    return RECORDED(path, REAL(ftruncate)(fd, length), "resize %lu %lu\n", (unsigned long)inode(fd), (unsigned long)length);
}

int ftruncate(int fd, off_t length) { return resize(fd, length); }
int ftruncate64(int fd, off64_t length) { return resize(fd, length); }

static int allocate(int fd, int mode, off_t offset, off_t length) {
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (fails(RESIZE, "allocate", path)) return -1;
    return RECORDED(path, REAL(fallocate)(fd, mode, offset, length), "allocate %lu %lu\n", (unsigned long)inode(fd),
                    (unsigned long)(mode & FALLOC_FL_KEEP_SIZE ? 0 : offset + length));
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return allocate(fd, mode, offset, length); }
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return allocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { return allocate(fd, 0, offset, length) ? errno : 0; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return allocate(fd, 0, offset, length) ? errno : 0; }

int rename(const char *from, const char *to) {
    if (fails(RENAME, "rename", to)) return -1;
    return RECORDED(to, REAL(rename)(from, to), "rename %s\t%s\n", from, to);
}

int link(const char *from, const char *to) {
    if (fails(CREATE, "link", to)) return -1;
    return RECORDED(to, REAL(link)(from, to), "link %s\t%s\n", from, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    if (fails(CREATE, "link", to)) return -1;
    return RECORDED(to, REAL(linkat)(from_dir, from, to_dir, to, flags), "link %s\t%s\n", from, to);
}

int unlink(const char *path) {
    if (fails(REMOVE, "unlink", path)) return -1;
    return RECORDED(path, REAL(unlink)(path), "remove %s\n", path);
}

int rmdir(const char *path) {
    if (fails(REMOVE, "rmdir", path)) return -1;
    return RECORDED(path, REAL(rmdir)(path), "remove %s\n", path);
}

static uint64_t inode_at(const char *path) {
    struct stat status;
    return stat(path, &status) ? 0 : status.st_ino;
}

int mkdir(const char *path, mode_t mode) {
    if (fails(MKDIR, "mkdir", path)) return -1;
    return RECORDED(path, REAL(mkdir)(path, mode), "mkdir %lu %s\n", (unsigned long)inode_at(path), path);
}

// ---- the wall clock ----

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = REAL(clock_gettime)(clock, now);
    if (result == 0 && control && control->clock && clock == CLOCK_REALTIME) {
        int64_t nanos = now->tv_sec * INT64_C(1000000000) + now->tv_nsec + control->clock;
        now->tv_sec = nanos / 1000000000;
        now->tv_nsec = nanos % 1000000000;
    }
    return result;
}
