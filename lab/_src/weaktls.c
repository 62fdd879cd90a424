extern __thread int nosuchtls; int f(void){return nosuchtls;}
