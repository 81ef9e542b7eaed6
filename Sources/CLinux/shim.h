// SPDX-License-Identifier: Apache-2.0
// What Swift cannot import from the C library: variadic calls, and calls without a wrapper.
#ifndef FIRN_CLINUX_H
#define FIRN_CLINUX_H

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// From linux/openat2.h, which older kernel headers lack.
struct firn_open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

#define FIRN_RESOLVE_NO_MAGICLINKS 0x02ULL
#define FIRN_RESOLVE_BENEATH 0x08ULL

static inline int firn_openat2(
    int directory, const char *path, uint64_t flags, uint64_t resolve)
{
#ifdef SYS_openat2
    long number = SYS_openat2;
#else
    long number = 437;  // The same on every architecture.
#endif
    struct firn_open_how how = {flags, 0, resolve};
    return (int)syscall(number, directory, path, &how, sizeof how);
}

// Fills `buffer` with records of struct linux_dirent64; glibc has a wrapper only since 2.30, musl
// another name.
static inline ssize_t firn_getdents64(int directory, void *buffer, size_t size)
{
    return syscall(SYS_getdents64, directory, buffer, size);
}

// Names the calling thread for top and gdb.
static inline int firn_name_thread(const char *name)
{
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}

// Gives back the blocks of a stretch of a file, whose length stays: FALLOC_FL_PUNCH_HOLE and
// FALLOC_FL_KEEP_SIZE of linux/falloc.h.
static inline int firn_punch_hole(int file, int64_t offset, int64_t length)
{
    return (int)syscall(SYS_fallocate, file, 0x03, offset, length);
}

// Begins to write a stretch of a file to the disk, 0 bytes for all that follows, without waiting:
// SYNC_FILE_RANGE_WRITE.
static inline int firn_start_writing(int file, int64_t offset, int64_t length)
{
#if defined(SYS_sync_file_range) && __SIZEOF_LONG__ == 8
    return (int)syscall(SYS_sync_file_range, file, offset, length, 2);
#else
    return -1;  // Only a hint: whoever waits for the disk waits longer then.
#endif
}

// The first fields of struct statx, from linux/stat.h, and room for the rest. A struct of our own,
// because with Foundation in the same module the compiler takes `stat` to be of either.
struct firn_file_facts {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t owner;
    uint32_t group;
    uint16_t mode;
    uint8_t rest[256 - 34];
};

// `path` as for fstatat; flags are those of linux/fcntl.h.
static inline int firn_statx(
    int directory, const char *path, int flags, struct firn_file_facts *facts)
{
    return (int)syscall(SYS_statx, directory, path, flags, 0x7ffU, facts);
}

// Has blocks of a size come from the kernel one by one and go back to it when they are freed. glibc
// moves that limit up with what is freed, to 32 MiB, and keeps what is freed below it.
static inline void firn_return_blocks(int size)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, size);
    mallopt(M_TRIM_THRESHOLD, 2 * size);
#endif
}

// SQLite reads "file:" names only when told to: in some distributions' builds by default, in others
// not. Has an effect only before the first database is opened. 17 is SQLITE_CONFIG_URI.
extern int sqlite3_config(int option, ...);

static inline int firn_sqlite_read_uris(void)
{
    return sqlite3_config(17, 1);
}

#endif
