static int one(void){return 42;}
static int two(void){return 7;}
int (*table[])(void)={one,two,one,two,one,two,one,two};
int f(void){return table[0]();}
