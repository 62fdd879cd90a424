__attribute__((visibility("protected"))) int f(void){return 42;}
