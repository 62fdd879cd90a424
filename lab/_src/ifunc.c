static int real(void){return 42;}
static void *pick(void){return real;}
int f(void) __attribute__((ifunc("pick")));
