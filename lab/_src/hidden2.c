int f_old(void){return 42;}
__asm__(".symver f_old,f@V2");
int g(void){return 1;}
