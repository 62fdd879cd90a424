// A library whose constructor does what $ACT says, and tells on standard
// error how it went.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

int acts_value(void) { return 1; }

static void told(const char *what, int result) { fprintf(stderr, "%s: %s\n", what, result < 0 ? strerror(errno) : "done"); }

static void writing(const char *what, const char *path) {
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	told(what, fd < 0 ? fd : (int)write(fd, "x", 1));
}

__attribute__((constructor)) static void act(void) {
	const char *a = getenv("ACT"), *where = getenv("WHERE");
	if (!a)
		return;
	if (!strcmp(a, "sleep"))
		sleep(600);
	if (!strcmp(a, "spin"))
		for (;;)
			;
	if (!strcmp(a, "stop"))
		raise(SIGSTOP);
	if (!strcmp(a, "abort"))
		abort();
	if (!strcmp(a, "exit"))
		_exit(3);
	if (!strcmp(a, "trap"))
		signal(SIGTRAP, SIG_IGN), raise(SIGTRAP), fprintf(stderr, "trap: done\n");
	if (!strcmp(a, "exec"))
		execl("/bin/echo", "echo", "MARK", (char *)0);
	if (!strcmp(a, "killall"))
		told("kill", kill(-1, SIGKILL));
	if (!strcmp(a, "daemon"))
		for (int i = 0; i < 5; i++)
			if (fork() == 0) {
				setsid();
				for (;;)
					sleep(600);
			}
	if (!strcmp(a, "flood"))
		for (;;)
			if (write(2, "0123456789abcdef0123456789abcde\n", 32) < 0)
				_exit(4);
	if (!strcmp(a, "write")) {
		writing("new", where);
		writing("settings", "/proc/sys/kernel/domainname");
		told("remove", unlink(getenv("VICTIM")));
		char node[4096];
		snprintf(node, sizeof node, "%s.node", where);
		told("mknod", mknod(node, S_IFBLK | 0600, makedev(254, 0)));
		told("chroot", chroot("/"));
	}
	if (!strcmp(a, "net")) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x01010101)};
		told("inet", connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&in, sizeof in));
		told("local", socket(AF_UNIX, SOCK_STREAM, 0));
		told("vm", socket(AF_VSOCK, SOCK_STREAM, 0));
	}
}
