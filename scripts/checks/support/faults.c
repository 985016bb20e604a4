/* Runs a command and makes one of its system calls on files below a folder go wrong: it fails, is cut in half, or the process
   is killed there. A tracer rather than a preloaded library, since the tool makes some calls (renameat2, flock) without libc,
   and its shipped builds are static; rather than `strace --inject`, which counts each thread's calls apart and can't be told a
   folder. A seccomp filter stops the process at the calls below and at no others. Linux on x86-64 alone.

   usage: faults [--under FOLDER --log FILE [--at N --do KIND] [--count changes] [--refuse CALL=ERROR,…]] -- COMMAND ARGUMENT...
   Without a folder nothing is traced: the command only ends with whoever started it.
   KIND: eio (that call fails), enospc (from then on, what takes space fails), kill (before the call), tear (half a write, or
   another call as it is, then killed), term (SIGTERM before the call). With `--count changes` calls that change nothing aren't
   counted. The log has a line for each call that was counted, and how the command ended.
   With `--refuse CALL=ERROR,…` each such call fails, as on a file system that hasn't it: flock=ENOTSUP, fsync/=EINVAL (the slash:
   of folders alone), renameat2=EINVAL (where it has flags, such as that of an exchange). Those aren't counted.

   close is not among the calls: Rust ignores its result, and writers rely on fsync. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD, PATH, AT, FD_FD, PATH_PATH, AT_AT, PATH_AT };
enum { LOOKS = 1, READS = 2, CHANGES = 4, TAKES_SPACE = 8, WRITES = 16 };

/* Where each call has its files: FD in argument 0; PATH in 0; AT: folder in 0, path in 1; two of each for those with two. */
struct call { int number; const char *name; int shape; int does; };
static const struct call CALLS[] = {
    {SYS_open, "open", PATH, READS}, {SYS_openat, "openat", AT, READS}, {SYS_creat, "creat", PATH, READS},
    {SYS_read, "read", FD, READS}, {SYS_pread64, "pread64", FD, READS}, {SYS_readv, "readv", FD, READS},
    {SYS_getdents64, "getdents64", FD, READS},
    {SYS_write, "write", FD, CHANGES | TAKES_SPACE | WRITES}, {SYS_pwrite64, "pwrite64", FD, CHANGES | TAKES_SPACE | WRITES},
    {SYS_writev, "writev", FD, CHANGES | TAKES_SPACE}, {SYS_fallocate, "fallocate", FD, CHANGES | TAKES_SPACE},
    {SYS_copy_file_range, "copy_file_range", FD_FD, CHANGES | TAKES_SPACE}, {SYS_sendfile, "sendfile", FD, CHANGES | TAKES_SPACE},
    {SYS_ftruncate, "ftruncate", FD, CHANGES}, {SYS_truncate, "truncate", PATH, CHANGES},
    {SYS_fsync, "fsync", FD, CHANGES}, {SYS_fdatasync, "fdatasync", FD, CHANGES}, {SYS_syncfs, "syncfs", FD, CHANGES},
    {SYS_rename, "rename", PATH_PATH, CHANGES}, {SYS_renameat, "renameat", AT_AT, CHANGES}, {SYS_renameat2, "renameat2", AT_AT, CHANGES},
    {SYS_link, "link", PATH_PATH, CHANGES | TAKES_SPACE}, {SYS_linkat, "linkat", AT_AT, CHANGES | TAKES_SPACE},
    {SYS_symlink, "symlink", PATH_PATH, CHANGES | TAKES_SPACE}, {SYS_symlinkat, "symlinkat", PATH_AT, CHANGES | TAKES_SPACE},
    {SYS_unlink, "unlink", PATH, CHANGES}, {SYS_unlinkat, "unlinkat", AT, CHANGES}, {SYS_rmdir, "rmdir", PATH, CHANGES},
    {SYS_mkdir, "mkdir", PATH, CHANGES | TAKES_SPACE}, {SYS_mkdirat, "mkdirat", AT, CHANGES | TAKES_SPACE},
    {SYS_chmod, "chmod", PATH, CHANGES}, {SYS_fchmod, "fchmod", FD, CHANGES}, {SYS_fchmodat, "fchmodat", AT, CHANGES},
    {SYS_flock, "flock", FD, LOOKS}, {SYS_stat, "stat", PATH, LOOKS}, {SYS_lstat, "lstat", PATH, LOOKS},
    {SYS_fstat, "fstat", FD, LOOKS}, {SYS_newfstatat, "newfstatat", AT, LOOKS}, {SYS_statx, "statx", AT, LOOKS},
    {SYS_access, "access", PATH, LOOKS}, {SYS_faccessat, "faccessat", AT, LOOKS}, {SYS_faccessat2, "faccessat2", AT, LOOKS},
    {SYS_readlink, "readlink", PATH, LOOKS}, {SYS_readlinkat, "readlinkat", AT, LOOKS},
};
static const int CALL_COUNT = sizeof CALLS / sizeof *CALLS;

static const char *under = NULL;
static const char *kind = "";
static const char *refused = "";
static long at = 0, counted = 0;
static FILE *log_file = NULL;
static pid_t command = 0;
static int is_full = 0, changes_only = 0;

static void fail(const char *what) {
    fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* In the child: the calls above stop it, for the tracer to look at. */
static void filter_calls(void) {
    struct sock_filter filter[CALL_COUNT + 3];
    filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALL_COUNT; i++)
        filter[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[i].number, CALL_COUNT - i, 0);
    filter[1 + CALL_COUNT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[2 + CALL_COUNT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    struct sock_fprog program = {CALL_COUNT + 3, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) fail("seccomp");
}

/* What a link of /proc shows, such as a file descriptor's path. */
static void link_of(pid_t thread, const char *name, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/%s", thread, name);
    ssize_t length = readlink(link, path, 4095);
    path[length > 0 ? length : 0] = 0;
}

static void path_of_fd(pid_t thread, int fd, char *path) {
    char name[32];
    snprintf(name, sizeof name, "fd/%d", fd);
    link_of(thread, fd == AT_FDCWD ? "cwd" : name, path);
}

/* Text in the process's memory, read up to page ends, since the next page may not be there. */
static void text_at(pid_t thread, unsigned long address, char *text) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/mem", thread);
    int memory = open(name, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    while (memory >= 0 && length < 4095) {
        size_t chunk = 4096 - ((address + length) & 4095);
        if (chunk > 4095 - length) chunk = 4095 - length;
        ssize_t got = pread(memory, text + length, chunk, (off_t)(address + length));
        if (got <= 0 || memchr(text + length, 0, (size_t)got)) break;
        length += (size_t)got;
    }
    text[4095] = 0;
    if (memory < 0) text[0] = 0;
    else close(memory);
}

static void path_at(pid_t thread, int folder, unsigned long address, char *path) {
    char text[4096] = "", base[4096] = "";
    text_at(thread, address, text);
    if (text[0] == '/') {
        snprintf(path, 8192, "%s", text);
        return;
    }
    path_of_fd(thread, folder, base);
    snprintf(path, 8192, text[0] ? "%s/%s" : "%s", base, text);
}

static int is_below(const char *path) {
    size_t length = strlen(under);
    return strncmp(path, under, length) == 0 && (path[length] == 0 || path[length] == '/');
}

/* The file that a call is about, the second where it has two and the first lies elsewhere. */
static int finds(pid_t thread, const struct call *call, const struct user_regs_struct *regs, char *path) {
    switch (call->shape) {
    case FD: path_of_fd(thread, (int)regs->rdi, path); return is_below(path);
    case PATH: path_at(thread, AT_FDCWD, regs->rdi, path); return is_below(path);
    case AT: path_at(thread, (int)regs->rdi, regs->rsi, path); return is_below(path);
    case FD_FD:
        path_of_fd(thread, (int)regs->rdi, path);
        if (is_below(path)) return 1;
        path_of_fd(thread, (int)regs->rdx, path);
        return is_below(path);
    case PATH_PATH:
        path_at(thread, AT_FDCWD, regs->rsi, path);
        if (is_below(path)) return 1;
        path_at(thread, AT_FDCWD, regs->rdi, path);
        return is_below(path);
    case AT_AT:
        path_at(thread, (int)regs->rdx, regs->r10, path);
        if (is_below(path)) return 1;
        path_at(thread, (int)regs->rdi, regs->rsi, path);
        return is_below(path);
    default: path_at(thread, (int)regs->rsi, regs->rdx, path); return is_below(path);
    }
}

/* The call isn't made, and looks as if it had failed. */
static void refuse(pid_t thread, struct user_regs_struct *regs, int error) {
    regs->orig_rax = (unsigned long)-1;
    regs->rax = (unsigned long)-error;
    ptrace(PTRACE_SETREGS, thread, 0, regs);
}

/* The call is made, half of it where it is a write, and then the process is killed. */
static void tear(pid_t thread, struct user_regs_struct *regs, int is_write) {
    int status;
    if (is_write) regs->rdx /= 2;
    ptrace(PTRACE_SETREGS, thread, 0, regs);
    ptrace(PTRACE_SYSCALL, thread, 0, 0);
    waitpid(thread, &status, __WALL);
    kill(command, SIGKILL);
}

/* What opens a file counts by how it is opened. */
static int does(const struct call *call, const struct user_regs_struct *regs) {
    long flags = call->number == SYS_openat ? (long)regs->rdx : call->number == SYS_open ? (long)regs->rsi : 0;
    int creates = call->number == SYS_creat || (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    return creates ? CHANGES | TAKES_SPACE : call->does;
}

static const struct { const char *name; int number; } ERRORS[] = {
    {"EINVAL", EINVAL}, {"ENOSYS", ENOSYS}, {"ENOTSUP", ENOTSUP}, {"ENOLCK", ENOLCK}, {"EPERM", EPERM}, {"EXDEV", EXDEV}, {"EROFS", EROFS},
};

/* The error that this call always fails with, or 0. */
static int always_fails(const struct call *call, const struct user_regs_struct *regs, const char *path) {
    for (const char *one = refused; *one; one += strcspn(one, ","), one += *one == ',') {
        size_t length = strlen(call->name);
        struct stat about;
        if (strncmp(one, call->name, length)) continue;
        if (one[length] == '/' && (stat(path, &about) || !S_ISDIR(about.st_mode))) continue;
        length += one[length] == '/';
        if (one[length] != '=' || (call->number == SYS_renameat2 && !regs->r8)) continue;
        for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
            if (!strncmp(one + length + 1, ERRORS[i].name, strlen(ERRORS[i].name))) return ERRORS[i].number;
        errno = EINVAL;
        fail(one);
    }
    return 0;
}

static void meet(pid_t thread) {
    struct user_regs_struct regs;
    char path[8192] = "";
    if (ptrace(PTRACE_GETREGS, thread, 0, &regs)) return;
    const struct call *call = NULL;
    for (int i = 0; i < CALL_COUNT && !call; i++)
        if (CALLS[i].number == (int)regs.orig_rax) call = &CALLS[i];
    if (!call || !finds(thread, call, &regs, path)) return;
    int error = always_fails(call, &regs, path);
    if (error) {
        fprintf(log_file, "0 %s r- %s <- refused\n", call->name, path);
        refuse(thread, &regs, error);
        return;
    }
    int what = does(call, &regs);
    if (changes_only && !(what & CHANGES)) return;
    int is_it = ++counted == at;
    fprintf(log_file, "%ld %s %c%c %s%s\n", counted, call->name, what & CHANGES ? 'c' : what & READS ? 'r' : 'l',
            what & WRITES ? 'w' : what & TAKES_SPACE ? 's' : '-', path, is_it ? " <- here" : "");
    if (is_full && what & TAKES_SPACE) refuse(thread, &regs, ENOSPC);
    if (!is_it) return;
    fflush(log_file);
    if (!strcmp(kind, "eio")) refuse(thread, &regs, EIO);
    else if (!strcmp(kind, "enospc")) is_full = 1, refuse(thread, &regs, ENOSPC);
    else if (!strcmp(kind, "kill")) kill(command, SIGKILL);
    else if (!strcmp(kind, "tear")) tear(thread, &regs, what & WRITES);
    else if (!strcmp(kind, "term")) kill(command, SIGTERM);
}

static int trace(void) {
    int status;
    pid_t thread;
    while ((thread = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread != command) continue;
            int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
            fprintf(log_file, "end %d\n", code);
            return code < 0 ? 128 - code : code;
        }
        int event = status >> 16, sent = WSTOPSIG(status);
        if (event == PTRACE_EVENT_SECCOMP) meet(thread);
        /* Signals go on to the process; stops of the tracing itself don't. */
        int is_own = event || sent == SIGTRAP || sent == (SIGTRAP | 0x80);
        ptrace(PTRACE_CONT, thread, 0, is_own ? 0 : sent);
    }
    return 125;
}

int main(int argc, char **argv) {
    const char *log_path = NULL;
    int first = 1;
    for (; first + 1 < argc && strcmp(argv[first], "--"); first += 2) {
        if (!strcmp(argv[first], "--under")) under = argv[first + 1];
        else if (!strcmp(argv[first], "--log")) log_path = argv[first + 1];
        else if (!strcmp(argv[first], "--at")) at = atol(argv[first + 1]);
        else if (!strcmp(argv[first], "--do")) kind = argv[first + 1];
        else if (!strcmp(argv[first], "--refuse")) refused = argv[first + 1];
        else if (!strcmp(argv[first], "--count")) changes_only = !strcmp(argv[first + 1], "changes");
    }
    if (first + 1 >= argc || !under != !log_path) {
        fprintf(stderr, "usage: faults [--under FOLDER --log FILE [--at N --do KIND]] -- COMMAND ARGUMENT...\n");
        return 125;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!under) {
        execvp(argv[first + 1], argv + first + 1);
        fail(argv[first + 1]);
    }
    if (!(log_file = fopen(log_path, "we"))) fail(log_path);
    int ready[2];
    if (pipe2(ready, O_CLOEXEC)) fail("pipe");
    if ((command = fork()) == 0) {
        char byte;
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1) _exit(125);
        filter_calls();
        execvp(argv[first + 1], argv + first + 1);
        fail(argv[first + 1]);
    }
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, command, 0, options)) fail("ptrace");
    if (write(ready[1], "!", 1) != 1) fail("write");
    int code = trace();
    fclose(log_file);
    return code;
}
