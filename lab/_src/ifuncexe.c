#include <stdio.h>
int f(void);
static int real(void){return 42;}
static void *pick(void){return real;}
int cb(void) __attribute__((ifunc("pick")));
int main(void){puts("MARK");fflush(stdout);return f()!=42;}
