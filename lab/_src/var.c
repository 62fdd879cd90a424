#ifdef BIG
int v[8]={42};
#else
int v[2]={42};
#endif
