/* Runs a command on a system that lacks some calls: each of them fails with an error, whatever file it is about. A seccomp filter,
   since the tool makes some calls (renameat2, flock) without libc; nothing is traced, so that nothing is slower. It needs no rights.
   Linux on x86-64 alone.

   usage: lacking CALL=ERROR... -- COMMAND ARGUMENT...
   CALL: flock, fsync, chmod (with fchmod and fchmodat), link (with linkat), rename2 (renameat2). ERROR: a number, or EPERM, EINVAL,
   ENOSYS, ENOLCK, EOPNOTSUPP, EBADF, EXDEV. Rust's own `rename` is another call than renameat2. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct call { const char *name; int number; };
static const struct call CALLS[] = {
    {"flock", SYS_flock}, {"fsync", SYS_fsync}, {"chmod", SYS_chmod}, {"chmod", SYS_fchmod}, {"chmod", SYS_fchmodat},
    {"link", SYS_link}, {"link", SYS_linkat}, {"rename2", SYS_renameat2},
};
struct error { const char *name; int number; };
static const struct error ERRORS[] = {
    {"EPERM", EPERM}, {"EINVAL", EINVAL}, {"ENOSYS", ENOSYS}, {"ENOLCK", ENOLCK}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EBADF", EBADF},
    {"EXDEV", EXDEV},
};

static int error_of(const char *text) {
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (!strcmp(text, ERRORS[i].name)) return ERRORS[i].number;
    return atoi(text);
}

int main(int count, char **args) {
    struct sock_filter filter[128] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short length = 1;
    int at = 1;
    for (; at < count && strcmp(args[at], "--") && length < 100; at++) {
        char *error = strchr(args[at], '=');
        if (!error) break;
        *error++ = 0;
        for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
            if (strcmp(args[at], CALLS[i].name)) continue;
            filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[i].number, 0, 1);
            filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_of(error));
        }
    }
    if (at + 1 >= count || strcmp(args[at], "--")) {
        fprintf(stderr, "usage: lacking CALL=ERROR... -- COMMAND ARGUMENT...\n");
        return 125;
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {length, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("lacking: seccomp");
        return 125;
    }
    execvp(args[at + 1], args + at + 1);
    perror(args[at + 1]);
    return 125;
}
