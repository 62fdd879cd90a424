# sourced by bookworm.sh after more.sh: files that no linker writes, and rules that few programs meet. Each kind is one rule of a loader or of the kernel.
EP=/tmp/elfpatch; gcc -O1 -o $EP $S/elfpatch.c
RP="$H -Wl,-rpath,\$ORIGIN/lib"; OLDRP="-Wl,--disable-new-dtags,-rpath,\$ORIGIN/lib"
lib() { n=$1; shift; so $n lib/libf.so "$@"; c $n usef.c -L$n/lib -lf $RP; }     # a program with the library SOURCE…
# --- run paths
# an ancestor with both tags: its DT_RPATH is void, also for what its libraries need (DT_DEBUG becomes the second tag)
chain d-rpath-both $OLD -Wl,-rpath,'$ORIGIN/lib'; $EP d-rpath-both/prog copy 15 21 tag 21 29
one d-rpath-only-both $OLD -Wl,-rpath,'$ORIGIN/lib'; $EP d-rpath-only-both/prog copy 15 21 tag 21 29
two d-rpath-runpath-llp $OLD -Wl,-rpath,'$ORIGIN/lib'; $EP d-rpath-runpath-llp/prog copy 15 21 tag 21 29
n=d-runpath-inlib; so $n sub/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/sub -lg $H -Wl,-rpath,'$ORIGIN/../sub'; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/sub $RP
n=d-rpath-inlib; so $n sub/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/sub -lg -Wl,--disable-new-dtags,-rpath,'$ORIGIN/../sub'; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/sub $RP
# $ORIGIN of a library found through a link is the link's directory; of a program, that of the file
n=d-origin-liblink; so $n real/libg.so libg.c; so $n real/libf.so liba_b.c -L$n/real -lg $H -Wl,-rpath,'$ORIGIN'; c $n usef.c -L$n/real -lf -Wl,-rpath-link,$n/real $RP; mkdir -p $n/lib; ln -sf ../real/libf.so $n/lib/libf.so
n=d-origin-proglink; one $n $RP; mkdir $n/real; mv $n/lib $n/real/; mv $n/prog $n/real/prog; ln -sf real/prog $n/prog
n=d-origin-proglink-bad; one $n $RP; mkdir $n/real; mv $n/prog $n/real/prog; ln -sf real/prog $n/prog
one d-runpath-relative $H -Wl,-rpath,lib; one d-runpath-relative-root $H -Wl,-rpath,opt/lab/d-runpath-relative-root/lib
one d-runpath-dot $H -Wl,-rpath,.
one d-runpath-unclosed $H -Wl,-rpath,'${ORIGIN/lib'
one d-runpath-mid-origin $H -Wl,-rpath,'/opt/../$ORIGIN/lib'
one d-runpath-origin-suffix $H -Wl,-rpath,'$ORIGIN/../d-runpath-origin-suffix/$FOO:${ORIGIN}/./lib'
one d-runpath-lib-only $H -Wl,-rpath,'/opt/lab/d-runpath-lib-only/$LIB'; mkdir -p d-runpath-lib-only/lib/x86_64-linux-gnu; mv d-runpath-lib-only/lib/libf.so d-runpath-lib-only/lib/x86_64-linux-gnu/
one d-runpath-libcurly $H -Wl,-rpath,'$ORIGIN/${LIB}x'; mkdir -p d-runpath-libcurly/lib/x86_64-linux-gnux; mv d-runpath-libcurly/lib/libf.so d-runpath-libcurly/lib/x86_64-linux-gnux/
one d-runpath-twice $H -Wl,-rpath,'$ORIGIN/lib:$ORIGIN/lib'
one d-runpath-trailing $H -Wl,-rpath,'/nowhere:'
one d-runpath-long $H -Wl,-rpath,"/$(printf 'x%.0s' $(seq 300)):\$ORIGIN/lib"
one d-runpath-file $H -Wl,-rpath,'$ORIGIN/prog:$ORIGIN/lib'
one d-runpath-semicolon $H -Wl,-rpath,'/nowhere;$ORIGIN/lib'
one d-runpath-dirloop $H -Wl,-rpath,'$ORIGIN/loop:$ORIGIN/lib'; ln -sfn loop d-runpath-dirloop/loop
one d-runpath-libloop-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir -p d-runpath-libloop-then-good/bad; ln -sfn libf.so d-runpath-libloop-then-good/bad/libf.so
one d-libdir-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir -p d-libdir-then-good/bad/libf.so
one d-empty-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir -p d-empty-then-good/bad; : > d-empty-then-good/bad/libf.so
one d-closed-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir -p d-closed-then-good/bad; cp d-closed-then-good/lib/libf.so d-closed-then-good/bad/; chmod 000 d-closed-then-good/bad/libf.so
one d-closed-dir $H -Wl,-rpath,'$ORIGIN/lib'; chmod 700 d-closed-dir/lib
for v in 2 3 4; do n=d-hwcaps-v$v; one $n $H -Wl,-rpath,'$ORIGIN/lib'; mkdir -p $n/lib/glibc-hwcaps/x86-64-v$v; printf x > $n/lib/glibc-hwcaps/x86-64-v$v/libf.so; done
for h in haswell x86_64 tls tls/haswell/x86_64 avx512_1; do n=d-legacy-$(echo $h | tr / -); one $n $H -Wl,-rpath,'$ORIGIN/lib'; mkdir -p $n/lib/$h; printf x > $n/lib/$h/libf.so; done
# --- names
n=d-needed-abs; mkdir -p $n/lib; gcc -shared -fPIC -o $n/lib/libf.so $S/libf.c -Wl,-soname,$Q/$n/lib/libf.so; c $n usef.c $n/lib/libf.so
n=d-needed-slash-far; mkdir -p $n/lib; gcc -shared -fPIC -o $n/lib/libf.so $S/libf.c -Wl,-soname,lib/libf.so; c $n usef.c $n/lib/libf.so
n=d-needed-origin-setuid; mkdir -p $n/lib; gcc -shared -fPIC -o $n/lib/libf.so $S/libf.c -Wl,-soname,'$ORIGIN/lib/libf.so'; c $n usef.c $n/lib/libf.so; chmod 4755 $n/prog
n=d-needed-libtoken; mkdir -p $n/lib/x86_64-linux-gnu; gcc -shared -fPIC -o $n/lib/x86_64-linux-gnu/libf.so $S/libf.c -Wl,-soname,'$ORIGIN/$LIB/libf.so'; c $n usef.c $n/lib/x86_64-linux-gnu/libf.so
one d-needed-empty $RP; $EP d-needed-empty/prog dyn 1 0
n=d-soname-other; so $n lib/libother.so libf.c; c $n usef.c -L$n/lib -lother $RP; mv $n/lib/libother.so $n/lib/libf.so
# a soname that is loaded already, under another file name, serves a later need
n=d-soname-serves; so $n lib/libx.so libg.c; so $n sub/libf.so liba_b.c $n/lib/libx.so; c $n usef.c $n/lib/libx.so -Wl,--no-as-needed $n/sub/libf.so -Wl,-rpath-link,$n/lib -Wl,--no-as-needed $n/lib/libx.so $H -Wl,-rpath,'$ORIGIN/sub:$ORIGIN/lib'
n=d-two-sonames; so $n lib/libf.so libf.c; so $n lib/libg.so libg.c -Wl,-soname,libf.so; so $n lib/libh.so libg.c; gcc -shared -fPIC -o $n/lib/libg.so $S/libg.c -Wl,-soname,libf.so; c $n usef.c $n/lib/libf.so $RP
n=d-cycle; so $n lib/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/lib -lg $RP; so $n lib/libg.so libg.c -L$n/lib -Wl,--no-as-needed -lf $H -Wl,-rpath,'$ORIGIN'; so $n lib/libf.so liba_b.c -L$n/lib -lg $H -Wl,-rpath,'$ORIGIN'; c $n usef.c -L$n/lib -lf $RP
n=d-two-missing; so $n lib/libf.so libf.c; so $n lib/libg.so libg.c; c $n usef.c -Wl,--no-as-needed -L$n/lib -lg -lf $RP; rm $n/lib/*
n=d-missing-both; so $n lib/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/lib -lg; so $n lib/libz9.so libg.c; c $n usef.c -Wl,--no-as-needed -L$n/lib -lf -lz9 -Wl,-rpath-link,$n/lib $RP; rm $n/lib/libg.so $n/lib/libz9.so
n=d-missing-in-missing; so $n lib/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/lib -lg $H -Wl,-rpath,'$ORIGIN'; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/lib $RP; rm $n/lib/libg.so
n=d-nodeflib-lib; so $n lib/libf.so libf.c -Wl,-z,nodefaultlib -Wl,--no-as-needed -l:libz.so.1; c $n usef.c -L$n/lib -lf $RP
n=d-self-needed; so $n x/libf.so libf.c; so $n lib/libf.so libf.c -Wl,--no-as-needed $n/x/libf.so; c $n usef.c -L$n/lib -lf $RP
n=d-needs-ldso; c $n hello.c -Wl,--no-as-needed -L/L/oldlibc -l:ld-linux-x86-64.so.2
n=d-needs-vdso; so $n lib/linux-vdso.so.1 libg.c; c $n hello.c -Wl,--no-as-needed $n/lib/linux-vdso.so.1; rm -r $n/lib
# --- the environment
for n in d-preload-missing d-preload-list d-preload-colon d-preload-bare d-preload-bare-llp d-preload-32 d-preload-dir d-preload-origin d-preload-pie d-preload-ver d-preload-setuid d-preload-setuid-bare d-bindnow d-bindnow-empty d-trace d-libpath-setuid d-tunable-v3 d-tunable-v3-old d-tunable-execstack d-llp-32 d-llp-garbage d-llp-file d-llp-hwcaps d-llp-libc-text d-debug d-show-auxv d-assume-kernel d-nowarn d-audit d-unknown-ld; do c $n hello.c; done
for n in d-preload-list d-preload-colon d-preload-bare-llp d-preload-bare d-preload-setuid d-preload-setuid-bare d-preload-origin; do so $n lib/libp.so libg.c; so $n lib/libq.so libg.c; done
so d-audit lib/libp.so libg.c
gcc -m32 -shared -fPIC -nostdlib -o d-preload-32/libp.so $S/libg.c; mkdir -p d-preload-dir/libp.so; gcc -O1 -fPIE -pie -o d-preload-pie/libp.so $S/hello.c
so d-preload-ver lib/libq.so libf.c -Wl,--version-script=/tmp/v2; so d-preload-ver lib/libp.so weakf.c -Ld-preload-ver/lib -lq $H -Wl,-rpath,'$ORIGIN'; so d-preload-ver lib/libp.so usef.c -Ld-preload-ver/lib -lq $H -Wl,-rpath,'$ORIGIN'; so d-preload-ver lib/libq.so libf.c -Wl,--version-script=/tmp/v1
chmod 4755 d-preload-setuid/prog d-preload-setuid-bare/prog d-libpath-setuid/prog
und d-bindnow usef_maybe.c -Wl,-z,lazy; und d-bindnow-empty usef_maybe.c -Wl,-z,lazy
CC=gcc; for n in d-tunable-v3 d-tunable-v3-old; do c $n hello.c -Wl,-z,x86-64-v3; done; CC='gcc -B/L/oldlibc'
n=d-tunable-execstack; so $n lib/libf.so libf.c -Wl,-z,execstack; c $n usef.c -L$n/lib -lf $RP
mkdir -p d-llp-libc-text/lib d-llp-garbage/lib; echo text > d-llp-libc-text/lib/libc.so.6; gcc -m32 -shared -fPIC -nostdlib -o d-llp-garbage/lib/libc.so.6 $S/libg.c
mkdir -p d-llp-hwcaps/lib/glibc-hwcaps/x86-64-v2; echo text > d-llp-hwcaps/lib/glibc-hwcaps/x86-64-v2/libc.so.6
# --- set-user-id and set-group-id
one d-setgid-llp; chmod 2755 d-setgid-llp/prog
one d-setuid-origin $RP; chmod 4755 d-setuid-origin/prog
one d-setuid-rpath-rel $H -Wl,-rpath,lib; chmod 4755 d-setuid-rpath-rel/prog
one d-setuid-root-llp; chmod 4755 d-setuid-root-llp/prog
one d-setuid-other-llp; chown 65534 d-setuid-other-llp/prog; chmod 4755 d-setuid-other-llp/prog
one d-setgid-noexec; chmod 2745 d-setgid-noexec/prog
# --- damaged libraries
bad() { one $1 $RP; }
L() { n=$1; bad $n; shift; $EP $n/lib/libf.so "$@"; }
L d-lib-nodynamic ph 2 type 0
L d-lib-dynoutside ph 2 offset 0x700000 ph 2 vaddr 0x700000
L d-lib-noload drop 1
L d-lib-unaligned ph 1 align 0x1001
L d-lib-align0 ph 1 align 0
L d-lib-align1 ph 1 align 1
L d-lib-align64k ph 1 align 0x10000
L d-lib-offset ph 1 offset 8
L d-lib-bigmem ph 1 memsz 0x7000000000000000
L d-lib-bigfile ph 1 filesz 0x100000 ph 1 memsz 0x100000
L d-lib-memless ph 1 memsz 8
L d-lib-nostack ph 0x6474e551 type 0
L d-lib-nostrtab tag 5 0x6ffffd00
L d-lib-nosymtab tag 6 0x6ffffd00
L d-lib-nohash tag 0x6ffffef5 0x6ffffd00
vs d-lib-noversym; $EP d-lib-noversym/lib/libf.so tag 0x6ffffff0 0x6ffffd00
L d-lib-nosoname tag 14 0x6ffffd00
L d-lib-syment dyn 11 16
L d-lib-pie-flag tag 0x6ffffef5 0x6ffffef5
L d-lib-zerohash at 0x6ffffef5 0 0
one d-lib-zeros $RP; head -c 20000 /dev/zero > d-lib-zeros/lib/libf.so
bad d-lib-static-obj; gcc -c -fPIC -o d-lib-static-obj/lib/libf.so $S/libf.c
bad d-lib-archive; printf '!<arch>\n%070d' 0 > d-lib-archive/lib/libf.so
bad d-lib-script; printf '#!/bin/sh\n%070d' 0 > d-lib-script/lib/libf.so
bad d-lib-magic; poke d-lib-magic/lib/libf.so 3 'G'
bad d-lib-eiversion; poke d-lib-eiversion/lib/libf.so 6 '\0'
bad d-lib-class0; poke d-lib-class0/lib/libf.so 4 '\0'
bad d-lib-class9; poke d-lib-class9/lib/libf.so 4 '\x09'
bad d-lib-ehsize; poke d-lib-ehsize/lib/libf.so 52 '\x11'
bad d-lib-type-exec; poke d-lib-type-exec/lib/libf.so 16 '\x02'
bad d-lib-type-core; poke d-lib-type-core/lib/libf.so 16 '\x04'
bad d-lib-osabi-gnu-abi1; poke d-lib-osabi-gnu-abi1/lib/libf.so 7 '\x03\x01'
bad d-lib-osabi-freebsd; poke d-lib-osabi-freebsd/lib/libf.so 7 '\x09'
bad d-lib-machine0; poke d-lib-machine0/lib/libf.so 18 '\0'
bad d-lib-wrongmachine-badident; poke d-lib-wrongmachine-badident/lib/libf.so 18 '\xb7'; poke d-lib-wrongmachine-badident/lib/libf.so 20 '\x02'
bad d-lib-phnum-many; poke d-lib-phnum-many/lib/libf.so 56 '\xff\x7f'
bad d-lib-executable-stack-none; $EP d-lib-executable-stack-none/lib/libf.so ph 0x6474e551 flags 5
for k in 63 100 500 4095 4096 4097 12288 13000; do bad d-trunc-$k; truncate -s $k d-trunc-$k/lib/libf.so; done
bad d-abitag; (printf '.section .note.ABI-tag,"a",@note\n.align 4\n.long 4,16,1\n.asciz "GNU"\n.long 0,99,0,0\n') > /tmp/abi.s; gcc -shared -fPIC -O1 -o d-abitag/lib/libf.so $S/libf.c /tmp/abi.s -Wl,-soname,libf.so
one d-abitag-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir -p d-abitag-then-good/bad; cp d-abitag/lib/libf.so d-abitag-then-good/bad/
bad d-abitag-os; (printf '.section .note.ABI-tag,"a",@note\n.align 4\n.long 4,16,1\n.asciz "GNU"\n.long 3,2,0,0\n') > /tmp/abi2.s; gcc -shared -fPIC -O1 -o d-abitag-os/lib/libf.so $S/libf.c /tmp/abi2.s -Wl,-soname,libf.so
n=d-libexec-pie1; bad $n; gcc -O1 -fPIE -pie -rdynamic -o $n/lib/libf.so $S/usef.c $S/libf.c
# --- versions
n=d-vermiss-chain; so $n lib/libg.so libg.c -Wl,--version-script=<(echo 'G2{global:g;local:*;};'); so $n lib/libf.so liba_b.c -L$n/lib -lg; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/lib -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'; so $n lib/libg.so libg.c -Wl,--version-script=<(echo 'G1{global:g;local:*;};')
n=d-verfile-gone; vs $n; so $n lib/libz9.so libf.c; c $n usef.c -L$n/lib -Wl,--no-as-needed -lf -lz9 $RP; $EP $n/prog tag 1 0x6ffffd00
vs d-verdef-bad; $EP d-verdef-bad/lib/libf.so at 0x6ffffffc 0 2
vs d-verneed-bad; $EP d-verneed-bad/prog at 0x6ffffffe 0 2
vs d-verneed-hash; $EP d-verneed-hash/prog at 0x6ffffffe 16 0x99
vs d-verneed-weak; $EP d-verneed-weak/prog at 0x6ffffffe 20 2; so d-verneed-weak lib/libf.so libf.c -Wl,--version-script=/tmp/v1
vs d-verneed-weak-any; $EP d-verneed-weak-any/prog at 0x6ffffffe 20 2; so d-verneed-weak-any lib/libf.so libg.c -Wl,--version-script=/tmp/v1
vs d-ver-default; so d-ver-default lib/libf.so twof.c -Wl,--version-script=/tmp/v2
n=d-unver-multi; so $n lib/libf.so libf.c; c $n usef.c -L$n/lib -lf $RP; so $n lib/libf.so twof.c -Wl,--version-script=/tmp/v2
n=d-unver-hidden2; so $n lib/libf.so libf.c; c $n usef.c -L$n/lib -lf $RP -Wl,-z,now; so $n lib/libf.so hidden2.c -Wl,--version-script=/tmp/v2
n=d-ver-hidden; vs $n; so $n lib/libf.so hidden2.c -Wl,--version-script=/tmp/v2
n=d-ver-symgone; vs $n usef.c -Wl,-z,now; so $n lib/libf.so libg.c -Wl,--version-script=/tmp/v2
n=d-ver-symolder; vs $n usef.c -Wl,-z,now; so $n lib/libf.so hiddenver.c -Wl,--version-script=/tmp/v2
c d-glibc-unknown hello.c; $EP d-glibc-unknown/prog str GLIBC_2.2.5 GLIBC_2.9.9
CC=gcc; n=d-private; gcc -O1 -o /dev/null $S/hello.c; mkdir -p $n; gcc -B/L/oldlibc -O1 -o $n/prog $S/private.c || echo "BUILD FAIL $n" >&2
n=d-private-now; mkdir -p $n; gcc -B/L/oldlibc -O1 -o $n/prog $S/private.c -Wl,-z,now || echo "BUILD FAIL $n" >&2; CC='gcc -B/L/oldlibc'
# --- symbols
n=d-backref; so $n lib/libf.so cb.c; c $n cbmain.c -L$n/lib -lf $RP -rdynamic
n=d-backref-lost; so $n lib/libf.so cb.c -Wl,-z,now; c $n cbmain.c -L$n/lib -lf $RP; $EP $n/prog str cb cx
n=d-ifunc-exe; so $n lib/libf.so cb.c; c $n ifuncexe.c -L$n/lib -lf $RP -rdynamic
n=d-ifunc-exe-now; so $n lib/libf.so cb.c -Wl,-z,now; c $n ifuncexe.c -L$n/lib -lf $RP -rdynamic -Wl,-z,now
n=d-dataref; so $n lib/libf.so dataref.c; so $n lib/libf.so libf.c; c $n usef.c -L$n/lib -lf $RP; gcc -shared -fPIC -O1 -o $n/lib/libf.so $S/dataref.c -Wl,-soname,libf.so
n=d-undef-deep; so $n lib/libh.so dataref.c; so $n lib/libf.so libf.c -Wl,--no-as-needed -L$n/lib -lh -Wl,--allow-shlib-undefined $H -Wl,-rpath,'$ORIGIN'; c $n usef.c -L$n/lib -lf -Wl,--allow-shlib-undefined -Wl,-rpath-link,$n/lib $RP
n=d-undef-two; so $n lib/libh.so dataref.c; so $n lib/libf.so liba_b.c -Wl,-z,now -Wl,--no-as-needed -L$n/lib -lh $H -Wl,-rpath,'$ORIGIN'; gcc -shared -fPIC -O1 -o $n/lib/libh.so $S/weaktls.c -Wl,-soname,libh.so; c $n usef.c -L$n/lib -lf -Wl,--allow-shlib-undefined -Wl,-rpath-link,$n/lib $RP
lib d-undef-tls tls.c; gcc -shared -fPIC -O1 -o d-undef-tls/lib/libf.so $S/weaktls.c -Wl,-soname,libf.so
lib d-undef-tls-ie tls.c; gcc -shared -fPIC -O1 -ftls-model=initial-exec -o d-undef-tls-ie/lib/libf.so $S/weaktls.c -Wl,-soname,libf.so
for z in 1000 100000; do lib d-tls-ie-$z bigtls.c -DSIZE=$z -ftls-model=initial-exec; n=d-tls-dlopen-$z; so $n lib/libf.so bigtls.c -DSIZE=$z -ftls-model=initial-exec; dl $n $Q/$n/lib/libf.so; done
lib d-tls-gnu2 tls.c -mtls-dialect=gnu2
n=d-copy-gone; so $n lib/libf.so var.c; c $n usevar.c -no-pie -L$n/lib -lf $RP; so $n lib/libf.so libg.c
lib d-symbolic-fun libf.c -Wl,-Bsymbolic-functions
n=d-protected-var; so $n lib/libf.so var.c; c $n usevar.c -no-pie -L$n/lib -lf $RP; echo '__attribute__((visibility("protected"))) int v[2]={42};' > /tmp/pv.c; gcc -shared -fPIC -O1 -o $n/lib/libf.so /tmp/pv.c -Wl,-soname,libf.so
n=d-unique; mkdir -p $n/lib; g++ -O1 -shared -fPIC -o $n/lib/libf.so $S/unique.cc -Wl,-soname,libf.so -nostdlib; c $n usef.c -L$n/lib -lf $RP
n=d-textrel; mkdir -p $n/lib; gcc -O1 -shared -fno-pic -mcmodel=large -Wl,-z,notext -o $n/lib/libf.so $S/liba_b.c $S/libg.c -Wl,-soname,libf.so; c $n usef.c -L$n/lib -lf $RP
c d-noplt hello.c -fno-plt
c d-nognustack hello.c; $EP d-nognustack/prog ph 0x6474e551 type 0
lib d-combreloc table.c -Wl,-z,nocombreloc
lib d-relr-lib table.c -Wl,-z,pack-relative-relocs
lib d-relr-nolibc table.c -nostdlib -Wl,-z,pack-relative-relocs
lib d-v2lib libf.c -Wl,-z,x86-64-v2; lib d-v4lib libf.c -Wl,-z,x86-64-v4
lib d-cet libf.c -fcf-protection=full -Wl,-z,shstk
lib d-hash-none libf.c; $EP d-hash-none/lib/libf.so tag 0x6ffffef5 0x6ffffd00
# --- two C libraries in one process
P=/L/dev; private() { n=$1; shift; c $n hello.c "$@"; mkdir -p $n/lib; }
private d-mixed-libc-old $RP; cp -L $P/bullseye/lib/x86_64-linux-gnu/libc.so.6 d-mixed-libc-old/lib/
private d-mixed-libc-new $RP; cp -L $P/trixie/usr/lib/x86_64-linux-gnu/libc.so.6 d-mixed-libc-new/lib/
private d-mixed-ld-old -Wl,--dynamic-linker=$Q/d-mixed-ld-old/ld.so; cp -L $P/bullseye/lib/x86_64-linux-gnu/ld-2.31.so d-mixed-ld-old/ld.so
private d-mixed-ld-new -Wl,--dynamic-linker=$Q/d-mixed-ld-new/ld.so; cp -L $P/trixie/lib64/ld-linux-x86-64.so.2 d-mixed-ld-new/ld.so
private d-private-old -Wl,--dynamic-linker=$Q/d-private-old/ld.so $OLDRP; cp -L $P/bullseye/lib/x86_64-linux-gnu/ld-2.31.so d-private-old/ld.so; cp -L $P/bullseye/lib/x86_64-linux-gnu/libc.so.6 d-private-old/lib/
private d-private-new -Wl,--dynamic-linker=$Q/d-private-new/ld.so $OLDRP; cp -L $P/trixie/lib64/ld-linux-x86-64.so.2 d-private-new/ld.so; cp -L $P/trixie/usr/lib/x86_64-linux-gnu/libc.so.6 d-private-new/lib/
n=d-mixed-libm; c $n math.c -lm $RP 2>/dev/null; mkdir -p $n/lib; cp -L $P/trixie/usr/lib/x86_64-linux-gnu/libm.so.6 $n/lib/
n=d-mixed-pthread; mkdir -p $n/lib; cp -L $P/bullseye/lib/x86_64-linux-gnu/libpthread.so.0 $n/lib/; gcc -B/L/oldlibc -O1 -o $n/prog $S/pexit.c -Wl,--no-as-needed $n/lib/libpthread.so.0 $RP
n=d-lib-new; one $n $RP; cp /L/bin/parts/libnew.so $n/lib/libf.so
n=d-lib-new-two; one $n $RP; cp /L/bin/parts/libnew.so $n/lib/libf.so; so $n lib/libg.so libg.c; c $n usef.c -L$n/lib -Wl,--no-as-needed -lf -l:libg.so $RP -Wl,--allow-shlib-undefined; cp /L/bin/parts/libnew.so $n/lib/libg.so
n=d-lib-musl; one $n $RP; musl-gcc -O1 -shared -fPIC -o $n/lib/libf.so $S/libf.c -Wl,-soname,libf.so
n=d-lib-musl-str; one $n $RP; musl-gcc -O1 -shared -fPIC -o $n/lib/libf.so $S/libnew.c -Wl,-soname,libf.so
# --- interpreters
I d-interp-prog $Q/c-hello.bookworm/prog
I d-interp-static $Q/c-hello-static/prog
I d-interp-lib $Q/d-interp-lib/lib/libf.so; so d-interp-lib lib/libf.so libf.c
I d-interp-arm $Q/a-static/prog
I d-interp-script $Q/d-interp-script/ld.so; printf '#!/bin/sh\necho MARK %080d\n' 0 > d-interp-script/ld.so; chmod 755 d-interp-script/ld.so
I d-interp-link $Q/d-interp-link/ld.so; ln -sf /lib64/ld-linux-x86-64.so.2 d-interp-link/ld.so
I d-interp-dangling $Q/d-interp-dangling/ld.so; ln -sf /nope d-interp-dangling/ld.so
I d-interp-slash /lib64/ld-linux-x86-64.so.2/
I d-interp-dots /lib64/../lib64//ld-linux-x86-64.so.2
I d-interp-libpath /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
I d-interp-musl /lib/ld-musl-x86_64.so.1
I d-interp-closed $Q/d-interp-closed/in/ld.so; mkdir d-interp-closed/in; cp -L /lib64/ld-linux-x86-64.so.2 d-interp-closed/in/ld.so; chmod 700 d-interp-closed/in
I d-interp-mode $Q/d-interp-mode/ld.so; cp -L /lib64/ld-linux-x86-64.so.2 d-interp-mode/ld.so; chmod 711 d-interp-mode/ld.so
I d-interp-long /$(printf 'abcdefgh/%.0s' $(seq 40))ld.so
I d-interp-name255 /$(printf 'x%.0s' $(seq 256))
for k in 63 64 200 4096; do I d-interp-trunc$k $Q/d-interp-trunc$k/ld.so; head -c $k /lib64/ld-linux-x86-64.so.2 > d-interp-trunc$k/ld.so; chmod 755 d-interp-trunc$k/ld.so; done
c d-interp-empty-name hello.c; $EP d-interp-empty-name/prog ph 3 filesz 1
c d-interp-size0 hello.c; $EP d-interp-size0/prog ph 3 filesz 0
c d-interp-size2 hello.c; $EP d-interp-size2/prog ph 3 filesz 2
c d-interp-nonul hello.c; $EP d-interp-nonul/prog ph 3 filesz 10
c d-interp-big hello.c; $EP d-interp-big/prog ph 3 filesz 5000
c d-interp-pathmax hello.c; $EP d-interp-pathmax/prog ph 3 filesz 4096
c d-interp-beyond hello.c; $EP d-interp-beyond/prog ph 3 offset 0x900000
c d-interp-none hello.c; $EP d-interp-none/prog ph 3 type 0
c d-interp-none-nopie hello.c -no-pie; $EP d-interp-none-nopie/prog ph 3 type 0
# --- damaged programs
X() { n=$1; c $n hello.c ${XF:-}; shift; $EP $n/prog "$@"; }
X d-prog-noload drop 1
X d-prog-offset ph 1 offset 8
X d-prog-memless ph 1 memsz 8
X d-prog-bigmem ph 1 memsz 0x7fffffffffff
X d-prog-align3 ph 1 align 3
X d-prog-align64k ph 1 align 0x10000
X d-prog-nodynamic ph 2 type 0
X d-prog-nophdr ph 6 type 0
X d-prog-entry0
poke d-prog-entry0/prog 24 '\0\0\0\0\0\0\0\0'
X d-prog-nostrtab tag 5 0x6ffffd00
X d-prog-noneeded tag 1 0x6ffffd00
X d-prog-nogot tag 3 0x6ffffd00
CC=gcc; XF=-static; X d-static-noload drop 1; X d-static-offset ph 1 offset 8; X d-static-entry0; poke d-static-entry0/prog 24 '\0\0\0\0\0\0\0\0'; XF=
c d-static-trunc hello.c -static; truncate -s 300000 d-static-trunc/prog
c d-static-trunc4k hello.c -static; truncate -s 4096 d-static-trunc4k/prog; CC='gcc -B/L/oldlibc'
for p in 4:01:class32 5:02:bigendian 6:00:version 7:61:osabi 20:02:eversion 52:10:ehsize 54:39:phentsize 18:03:em386 18:00:machine0 16:01:rel 16:00:none 56:ff:phnum255; do IFS=: read -r o v k <<<"$p"; c d-x-$k hello.c; poke d-x-$k/prog $o "\\x$v"; done
c d-x-phoff hello.c; poke d-x-phoff/prog 32 '\0\0\0\x7f'
c d-x-phnum0 hello.c; poke d-x-phnum0/prog 56 '\0\0'
c d-x-phnumbig hello.c; poke d-x-phnumbig/prog 56 '\xff\xff'
mkdir -p d-x32; gcc -mx32 -nostdlib -static -o d-x32/prog $S/raw.S || echo "BUILD FAIL d-x32" >&2
c d-stripped hello.c -s; c d-nohash hello.c; c d-nopie hello.c -no-pie; c d-nopie32 hello.c -no-pie -Wl,-Ttext-segment=0x10000000
CC=gcc; c d-lowaddr hello.c -static -Wl,-Ttext-segment=0x1000; CC='gcc -B/L/oldlibc'
c d-trailing hello.c; head -c 100000 /dev/zero >> d-trailing/prog
# --- permissions
c d-mode711 hello.c; c d-mode700 hello.c; c d-mode070 hello.c; c d-mode007 hello.c; c d-mode001 hello.c; c d-mode-root001 hello.c; c d-mode-dir700 hello.c; mkdir d-mode-dir700/in; mv d-mode-dir700/prog d-mode-dir700/in/; ln -s in/prog d-mode-dir700/prog; chmod 700 d-mode-dir700/in
# --- scripts
line() { mkdir -p $1; printf '#!%s\necho MARK\n' "$(printf '/bin/sh%*s' $(( $2 - 9 )) '' | tr ' ' "${3:- }")" > $1/prog; chmod 755 $1/prog; }
path() { mkdir -p $1; printf '#!%sbin/sh\necho MARK\n' "$(printf '%*s' $(( $2 - 8 )) '' | tr ' ' /)" > $1/prog; chmod 755 $1/prog; }
for k in 126 127 128 129 254 255 256 257 258 300; do line d-sh-pad$k $k; path d-sh-path$k $k; done
arg() { mkdir -p $1; printf '#!/bin/sh -e%s\necho MARK\n' "$(printf '%*s' $(( $2 - 12 )) '' | tr ' ' u)" > $1/prog; chmod 755 $1/prog; }
for k in 200 255 256 257 400; do arg d-sh-arg$k $k; done
nest() { local k=$1 i; s d-sh-nest$k "#!$Q/d-sh-nest$k/1\necho MARK\n"; for ((i=1;i<k;i++)); do printf "#!$Q/d-sh-nest$k/$((i+1))\n" > d-sh-nest$k/$i; done; printf '#!/bin/sh\necho MARK\n' > d-sh-nest$k/$k; chmod 755 d-sh-nest$k/*; }
for k in 2 3 4 5 6 7; do nest $k; done
s d-sh-tab '#!\t/bin/sh\t\necho MARK\n'
s d-sh-slashes '#!//bin//sh\necho MARK\n'
s d-sh-dotdot '#!/bin/../bin/./sh\necho MARK\n'
s d-sh-trailslash '#!/bin/sh/\necho MARK\n'
s d-sh-empty-interp '#!\x00\necho MARK\n'
s d-sh-text "#!$Q/d-sh-text/inner\n"; echo just text > d-sh-text/inner; chmod 755 d-sh-text/inner
s d-sh-emptyfile "#!$Q/d-sh-emptyfile/inner\n"; : > d-sh-emptyfile/inner; chmod 755 d-sh-emptyfile/inner
s d-sh-missing-nested "#!$Q/d-sh-missing-nested/inner\n"; printf '#!/nope/sh\n' > d-sh-missing-nested/inner; chmod 755 d-sh-missing-nested/inner
s d-sh-throughfile "#!$Q/d-sh-throughfile/prog/x\n"
s d-sh-arm "#!$Q/a-static/prog\n"
s d-sh-noload "#!$Q/c-interp-absent/prog\n"
s d-sh-missinglib "#!$Q/c-missing-direct/prog\n"
s d-sh-env-i '#!/usr/bin/env -i sh\necho MARK\n'
s d-sh-env-abs '#!/usr/bin/env /bin/sh\necho MARK\n'
s d-sh-env-absmissing '#!/usr/bin/env /nope/sh\necho MARK\n'
s d-sh-env-none '#!/usr/bin/env\necho MARK\n'
s d-sh-env-spaces '#!/usr/bin/env   sh  \necho MARK\n'
s d-sh-env-S-missing '#!/usr/bin/env -S nosuch -e\necho MARK\n'
s d-sh-env-S-var '#!/usr/bin/env -S A=1 sh -e\necho MARK\n'
s d-sh-env-var '#!/usr/bin/env A=1\necho MARK\n'
s d-sh-env-bash '#!/usr/bin/env bash\necho MARK\n'
s d-sh-env-noexec '#!/usr/bin/env inner\necho MARK\n'; printf '#!/bin/sh\n' > d-sh-env-noexec/inner
s d-sh-env-path '#!/usr/bin/env inner\necho MARK\n'; printf '#!/bin/sh\necho MARK\n' > d-sh-env-path/inner; chmod 755 d-sh-env-path/inner
s d-sh-busybox '#!/bin/busybox sh\necho MARK\n'
s d-sh-relslash '#!./inner\necho MARK\n'; printf '#!/bin/sh\necho MARK\n' > d-sh-relslash/inner; chmod 755 d-sh-relslash/inner
s d-sh-lf '\n#!/bin/sh\necho MARK\n'
s d-sh-space-bang '# !/bin/sh\necho MARK\n'
s d-sh-crlf-interp '#!/bin/sh -e\r\necho MARK\r\n'
s d-sh-setuid '#!/bin/sh\necho MARK\n'; chmod 4755 d-sh-setuid/prog
s d-sh-unreadable '#!/bin/sh\necho MARK\n'; chmod 711 d-sh-unreadable/prog
s d-sh-utf16 '\xff\xfe#\0!\0/\0'
# --- files that are no programs
printf '!<arch>\n' | f d-f-ar; printf '\xfd7zXZ\0%060d' 0 | f d-f-xz; printf 'MZ' | f d-f-mz; printf 'MZ%0200d' 0 | f d-f-dos; printf '\xfe\xed\xfa\xce%060d' 0 | f d-f-macho32; printf '\x7fELF' | f d-f-magic; printf '\x7f' | f d-f-7f; printf '\n' | f d-f-lf; printf '#' | f d-f-hash; printf '#!' | f d-f-hashbang; printf '\x28\xb5\x2f\xfd%060d' 0 | f d-f-zstd; printf '{"a":1}\n' | f d-f-json; printf 'BC\xc0\xde%060d' 0 | f d-f-bitcode
head -c 65536 /bin/bash | f d-f-bash64k
n=d-lib-program; so $n prog libf.c -Wl,-e,f
mkdir -p d-libc-program d-ldso-program d-static-pie-dyn; cp -L /lib/x86_64-linux-gnu/libc.so.6 d-libc-program/prog; cp -L /lib64/ld-linux-x86-64.so.2 d-ldso-program/prog; rmdir d-static-pie-dyn
# --- musl
CC=musl-gcc; MU=/usr/lib/x86_64-linux-musl
mlib() { n=$1; shift; so $n lib/libf.so "$@"; c $n usef.c -L$n/lib -lf $RP; }
one m-both $OLD -Wl,-rpath,'$ORIGIN/lib'; $EP m-both/prog copy 15 21 tag 21 29
n=m-needed-slash; mkdir -p $n/lib; musl-gcc -shared -fPIC -o $n/lib/libf.so $S/libf.c -Wl,-soname,lib/libf.so; c $n usef.c $n/lib/libf.so
n=m-needed-origin; mkdir -p $n/lib; musl-gcc -shared -fPIC -o $n/lib/libf.so $S/libf.c -Wl,-soname,'$ORIGIN/lib/libf.so'; c $n usef.c $n/lib/libf.so
n=m-reserved; so $n lib/libpthread.so.0 libg.c; c $n hello.c -Wl,--no-as-needed $n/lib/libpthread.so.0; rm -r $n/lib
n=m-reserved-crypt; so $n lib/libcrypt.so.1 libg.c; c $n hello.c -Wl,--no-as-needed $n/lib/libcrypt.so.1; rm -r $n/lib
n=m-glibc-soname; so $n lib/libc.so.6 libg.c; c $n hello.c -Wl,--no-as-needed $n/lib/libc.so.6; rm -r $n/lib
n=m-glibc-ldso; so $n lib/ld-linux-x86-64.so.2 libg.c; c $n hello.c -Wl,--no-as-needed $n/lib/ld-linux-x86-64.so.2; rm -r $n/lib
n=m-cycle; so $n lib/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/lib -lg $H -Wl,-rpath,'$ORIGIN'; so $n lib/libg.so libg.c -L$n/lib -Wl,--no-as-needed -lf; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/lib $RP
n=m-ver-lost; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v2; c $n usef.c -L$n/lib -lf $RP; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v1
n=m-ver-hidden; so $n lib/libf.so libf.c; c $n usef.c -L$n/lib -lf $RP; so $n lib/libf.so hidden2.c -Wl,--version-script=/tmp/v2
mlib m-ifunc ifunc.c; mlib m-tls-gd tls.c; mlib m-tls-ie tls.c -ftls-model=initial-exec; mlib m-tls-gnu2 tls.c -mtls-dialect=gnu2; mlib m-protected protected.c; mlib m-execstack-lib libf.c -Wl,-z,execstack; mlib m-v4lib libf.c -Wl,-z,x86-64-v4; mlib m-relr-lib table.c -Wl,-z,pack-relative-relocs
c m-v4mark hello.c -Wl,-z,x86-64-v4
n=m-textrel; mkdir -p $n/lib; musl-gcc -O1 -shared -fno-pic -mcmodel=large -Wl,-z,notext -o $n/lib/libf.so $S/liba_b.c $S/libg.c -Wl,-soname,libf.so; c $n usef.c -L$n/lib -lf $RP
mlib m-undef-data libf.c; musl-gcc -shared -fPIC -O1 -o m-undef-data/lib/libf.so $S/dataref.c -Wl,-soname,libf.so
mlib m-undef-tls tls.c; musl-gcc -shared -fPIC -O1 -o m-undef-tls/lib/libf.so $S/weaktls.c -Wl,-soname,libf.so
n=m-undef-inlib; so $n lib/libf.so liba_b.c; c $n usef.c -L$n/lib -lf -Wl,--allow-shlib-undefined $RP
c m-weak-sym weak.c
n=m-two-missing; so $n lib/libf.so libf.c; so $n lib/libg.so libg.c; c $n usef.c -Wl,--no-as-needed -L$n/lib -lg -lf $RP; rm $n/lib/*
n=m-missing-undef; so $n lib/libf.so libf.c; so $n lib/libg.so libg.c; c $n usef.c -Wl,--no-as-needed -L$n/lib -lg -lf $RP; rm $n/lib/libg.so; so $n lib/libf.so libg.c
n=m-copy; so $n lib/libf.so var.c; c $n usevar.c -no-pie -L$n/lib -lf $RP
n=m-copy-gone; so $n lib/libf.so var.c; c $n usevar.c -no-pie -L$n/lib -lf $RP; so $n lib/libf.so libg.c
n=m-glibc-lib; mlib $n libf.c; gcc -shared -fPIC -O1 -o $n/lib/libf.so $S/libf.c -Wl,-soname,libf.so
n=m-glibc-lib-fortify; mlib $n libf.c; gcc -shared -fPIC -O2 -D_FORTIFY_SOURCE=2 -o $n/lib/libf.so $S/fortify.c $S/libf.c -Wl,-soname,libf.so
one m-setuid-llp; chmod 4755 m-setuid-llp/prog
one m-llp-newline; one m-llp-semicolon; one m-llp-bad-then-good; mkdir m-llp-bad-then-good/bad; echo text > m-llp-bad-then-good/bad/libf.so
one m-runpath-relative $H -Wl,-rpath,lib; one m-runpath-curly $H -Wl,-rpath,'${ORIGIN}/lib'; one m-runpath-unclosed $H -Wl,-rpath,'${ORIGIN/lib:$ORIGIN/lib'; one m-runpath-dollar $H -Wl,-rpath,'$FOO:$ORIGIN/lib'
n=m-liblink; so $n real/libg.so libg.c; so $n real/libf.so liba_b.c -L$n/real -lg $H -Wl,-rpath,'$ORIGIN'; c $n usef.c -L$n/real -lf -Wl,-rpath-link,$n/real $RP; mkdir -p $n/lib; ln -sf ../real/libf.so $n/lib/libf.so
for n in m-preload-list m-preload-text m-preload-bare; do c $n hello.c; so $n lib/libp.so libg.c; so $n lib/libq.so libg.c; done; echo text > m-preload-text/lib/libp.so
M() { n=$1; one $n $RP; shift; $EP $n/lib/libf.so "$@"; }
M m-lib-nodynamic ph 2 type 0; M m-lib-noload drop 1; M m-lib-align64k ph 1 align 0x10000; M m-lib-nohash tag 0x6ffffef5 0x6ffffd00
for k in 32 64 200 1000 4096 8192; do one m-trunc-$k $RP; truncate -s $k m-trunc-$k/lib/libf.so; done
for p in 3:47:magic 5:02:bigendian 6:02:ident 7:42:osabi 16:02:exec 16:01:rel 20:02:version 54:39:phentsize 4:01:class; do IFS=: read -r o v k <<<"$p"; one m-lib-$k $RP; poke m-lib-$k/lib/libf.so $o "\\x$v"; done
one m-lib-closed $RP; chmod 000 m-lib-closed/lib/libf.so
one m-libloop $RP; ln -sfn libf.so m-libloop/lib/libf.so
one m-dangling $RP; ln -sfn nope m-dangling/lib/libf.so
n=m-pie-as-lib; one $n $RP; musl-gcc -O1 -fPIE -pie -o $n/lib/libf.so $S/hello.c
I m-interp-glibc /lib64/ld-linux-x86-64.so.2
n=m-private; I $n $Q/$n/ld.so; cp -L /lib/ld-musl-x86_64.so.1 $n/ld.so
n=m-lib-named; c $n usef.c -L/L/bin/parts -lconf
# --- other machines
CC=aarch64-linux-gnu-gcc
one a-runpath-lib $H -Wl,-rpath,'$ORIGIN/$LIB'; mkdir -p a-runpath-lib/lib/aarch64-linux-gnu; mv a-runpath-lib/lib/libf.so a-runpath-lib/lib/aarch64-linux-gnu/
one a-runpath-platform $H -Wl,-rpath,'$ORIGIN/$PLATFORM'; mkdir -p a-runpath-platform/aarch64; mv a-runpath-platform/lib/libf.so a-runpath-platform/aarch64/
one a-wrongmachine $RP; gcc -shared -fPIC -o a-wrongmachine/lib/libf.so $S/libf.c -nostdlib
n=a-nover; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v2; c $n usef.c -L$n/lib -lf $RP; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v1
mlib a-tls tls.c; mlib a-ifunc ifunc.c; n=a-copy; so $n lib/libf.so var.c; c $n usevar.c -no-pie -L$n/lib -lf $RP; c a-bti hello.c -mbranch-protection=standard; c a-relr hello.c -Wl,-z,pack-relative-relocs; one a-trunc $RP; truncate -s 1000 a-trunc/lib/libf.so; mlib a-execstack libf.c -Wl,-z,execstack; c a-4k hello.c -Wl,-z,max-page-size=4096
CC='gcc -m32'
one x-lib32 $H -Wl,-rpath,'$ORIGIN/$LIB'; mkdir -p x-lib32/lib/i386-linux-gnu; mv x-lib32/lib/libf.so x-lib32/lib/i386-linux-gnu/
one x-platform32 $H -Wl,-rpath,'$ORIGIN/$PLATFORM'; mkdir -p x-platform32/i686; mv x-platform32/lib/libf.so x-platform32/i686/
n=x-nover32; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v2; c $n usef.c -L$n/lib -lf $RP; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v1
mlib x-tls32 tls.c; mlib x-ifunc32 ifunc.c; c x-static32 hello.c -static; c x-nopie32 hello.c -no-pie; c x-relr32 hello.c -Wl,-z,pack-relative-relocs; one x-textlib32 $RP; printf '%080d' 0 > x-textlib32/lib/libf.so
und x-undef32 usef_maybe.c -Wl,-z,now
n=x-textrel32; mkdir -p $n/lib; gcc -m32 -fno-pic -shared -Wl,-z,notext -O1 -o $n/lib/libf.so $S/liba_b.c $S/libg.c -Wl,-soname,libf.so; c $n usef.c -L$n/lib -lf $RP
CC='gcc -B/L/oldlibc'
