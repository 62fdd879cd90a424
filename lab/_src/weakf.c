#include <stdio.h>
__attribute__((weak)) int f(void);
int main(void){puts("MARK");fflush(stdout);return f&&f()!=42;}
