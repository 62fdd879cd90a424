int f_old(void){return 7;}
int f_new(void){return 42;}
__asm__(".symver f_old,f@V1");
__asm__(".symver f_new,f@@V2");
int g(void){return 1;}
