#define _GNU_SOURCE
#include <stdio.h>
#include <pthread.h>
#include <dlfcn.h>
#include <math.h>
#include <time.h>
#include <utmp.h>
#include <pty.h>
#include <resolv.h>
static void *run(void *p) { return p; }
int main(int c, char **v) { pthread_t t; puts("MARK"); fflush(stdout);
	if (c > 9) { int a, b; openpty(&a, &b, 0, 0, 0); dlsym(0, v[1]); timer_create(0, 0, 0); res_init(); }
	return pthread_create(&t, 0, run, 0) || pthread_join(t, 0) || pow(c, 2.5) < 0; }
