#include <stdio.h>
int f(void);
int cb(void){return 42;}
int main(void){puts("MARK");fflush(stdout);return f()!=42;}
