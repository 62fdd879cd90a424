#include <stdio.h>
extern int v[2];
int main(void){puts("MARK");fflush(stdout);return v[0]==42?0:1;}
