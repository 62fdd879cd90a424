#include <stdio.h>
void *__libc_dlopen_mode(const char *, int);
int main(void){puts("MARK");fflush(stdout);return __libc_dlopen_mode("libnosuch.so",1)!=0;}
