/* Preloaded in place of libc's getaddrinfo: no name is found but addresses and localhost. RESOLVER says how: NONAME (for good) or
   AGAIN (the name server doesn't answer). What asks libc for a name sees it, as the tool does; no question leaves this machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *how = getenv("RESOLVER");
    int is_address = !node || strspn(node, "0123456789.") == strlen(node) || strchr(node, ':') || !strcmp(node, "localhost");
    if (is_address) return real(node, service, hints, result);
    return how && !strcmp(how, "AGAIN") ? EAI_AGAIN : EAI_NONAME;
}
