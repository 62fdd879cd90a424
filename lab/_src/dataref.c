extern int nowhere; int *p=&nowhere; int g(void){return *p;}
