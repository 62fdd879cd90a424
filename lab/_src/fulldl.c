/* opens the library that it is given, everything bound at once, and says so; needs libc and libdl alone, and no version of either */
extern void *dlopen(const char *, int);
extern char *dlerror(void);
static long call(long n, long a, long b, long c){long r;__asm__ volatile("syscall":"=a"(r):"a"(n),"D"(a),"S"(b),"d"(c):"rcx","r11","memory");return r;}
static void say(int fd,const char*s){long n=0;while(s[n])n++;call(1,fd,(long)s,n);}
void begin(long*sp){say(2,"START\n");void*h=dlopen((const char*)sp[2],2);
if(h)say(1,"MARK\n");else{say(2,dlerror());say(2,"\n");}
call(231,h?0:1,0,0);}
__asm__(".globl _start\n_start: xor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall begin\n");
