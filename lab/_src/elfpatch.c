/* elfpatch FILE OP…: overwrites single fields of an ELF64 file in place, to make files that no linker writes.
   tag OLD NEW      the first dynamic entry OLD gets the tag NEW
   dyn TAG VALUE    the first dynamic entry TAG gets VALUE
   copy FROM TO     the first dynamic entry TO gets the value of FROM
   ph TYPE FIELD VALUE   the first program header of TYPE: type flags offset vaddr filesz memsz align
   drop TYPE        every program header of TYPE becomes PT_NULL
   str OLD NEW      every string OLD becomes NEW, which is as long
   at TAG OFF BYTE  one byte, OFF behind where the dynamic entry TAG points (file offset equal to address)
   Values are numbers, decimal or 0x…; +N adds to what is there. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static unsigned char b[64<<20]; static long size;
static Elf64_Ehdr *eh(void){return (Elf64_Ehdr*)b;}
static Elf64_Phdr *ph(unsigned type){Elf64_Phdr*p=(Elf64_Phdr*)(b+eh()->e_phoff);for(int i=0;i<eh()->e_phnum;i++)if(p[i].p_type==type)return p+i;fprintf(stderr,"elfpatch: no program header %#x\n",type);exit(1);}
static Elf64_Dyn *dyn(long tag){Elf64_Phdr*p=ph(PT_DYNAMIC);for(Elf64_Dyn*d=(Elf64_Dyn*)(b+p->p_offset);d->d_tag;d++)if(d->d_tag==tag)return d;fprintf(stderr,"elfpatch: no dynamic entry %#lx\n",tag);exit(1);}
static void set(void*to,int n,const char*v){unsigned long old=0,x=strtoul(v+(*v=='+'),0,0);memcpy(&old,to,n);if(*v=='+')x+=old;memcpy(to,&x,n);}
int main(int c,char**v){
	FILE*f=fopen(v[1],"r+b");if(!f){perror(v[1]);return 1;}
	size=fread(b,1,sizeof b,f);
	for(int i=2;i<c;){
		if(!strcmp(v[i],"tag")){dyn(strtoul(v[i+1],0,0))->d_tag=strtoul(v[i+2],0,0);i+=3;}
		else if(!strcmp(v[i],"dyn")){set(&dyn(strtoul(v[i+1],0,0))->d_un.d_val,8,v[i+2]);i+=3;}
		else if(!strcmp(v[i],"copy")){dyn(strtoul(v[i+2],0,0))->d_un.d_val=dyn(strtoul(v[i+1],0,0))->d_un.d_val;i+=3;}
		else if(!strcmp(v[i],"at")){b[dyn(strtoul(v[i+1],0,0))->d_un.d_val+strtoul(v[i+2],0,0)]=strtoul(v[i+3],0,0);i+=4;}
		else if(!strcmp(v[i],"drop")){Elf64_Phdr*p=(Elf64_Phdr*)(b+eh()->e_phoff);for(int k=0;k<eh()->e_phnum;k++)if(p[k].p_type==strtoul(v[i+1],0,0))p[k].p_type=0;i+=2;}
		else if(!strcmp(v[i],"str")){long n=strlen(v[i+1])+1;for(long k=0;k+n<=size;k++)if(!memcmp(b+k,v[i+1],n)&&(!k||!b[k-1]))memcpy(b+k,v[i+2],n);i+=3;}
		else if(!strcmp(v[i],"ph")){Elf64_Phdr*p=ph(strtoul(v[i+1],0,0));char*n=v[i+2];
			if(!strcmp(n,"type"))set(&p->p_type,4,v[i+3]);else if(!strcmp(n,"flags"))set(&p->p_flags,4,v[i+3]);
			else if(!strcmp(n,"offset"))set(&p->p_offset,8,v[i+3]);else if(!strcmp(n,"vaddr"))set(&p->p_vaddr,8,v[i+3]);
			else if(!strcmp(n,"filesz"))set(&p->p_filesz,8,v[i+3]);else if(!strcmp(n,"memsz"))set(&p->p_memsz,8,v[i+3]);
			else if(!strcmp(n,"align"))set(&p->p_align,8,v[i+3]);else return 2;
			i+=4;}
		else return 2;
	}
	rewind(f);if(fwrite(b,1,size,f)!=(size_t)size)return 1;
	return fclose(f);
}
