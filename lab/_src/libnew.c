#define _GNU_SOURCE
#include <string.h>
int f(void){char b[8];return strlcpy(b,"abc",sizeof b)==3?42:1;}
