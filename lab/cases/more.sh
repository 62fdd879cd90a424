# sourced by bookworm.sh: kinds that go beyond plain programs. one, two, chain, und, so, c, dl, I are its functions.
H=-Wl,--enable-new-dtags
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }   # FILE OFFSET BYTES (printf escapes)
# tokens and elements of run paths
one c-runpath-lib $H -Wl,-rpath,'$ORIGIN/$LIB'; mkdir -p c-runpath-lib/lib/x86_64-linux-gnu; mv c-runpath-lib/lib/libf.so c-runpath-lib/lib/x86_64-linux-gnu/
one c-runpath-platform $H -Wl,-rpath,'$ORIGIN/$PLATFORM'; mkdir c-runpath-platform/x86_64; mv c-runpath-platform/lib/libf.so c-runpath-platform/x86_64/
one c-runpath-curly $H -Wl,-rpath,'${ORIGIN}/lib'
one c-runpath-originx $H -Wl,-rpath,'$ORIGINX/lib'
one c-runpath-unknown $H -Wl,-rpath,'$FOO/lib'
one c-runpath-empty $H -Wl,-rpath,':/nowhere'
one c-runpath-slashes $H -Wl,-rpath,'$ORIGIN/../c-runpath-slashes//lib///'
one c-runpath-missing-first $H -Wl,-rpath,'/nowhere:$ORIGIN/none:$ORIGIN/lib'
two c-runpath-order $H -Wl,-rpath,'$ORIGIN/other:$ORIGIN/lib'
# RPATH and RUNPATH over a chain: the object in the middle has RUNPATH, or the program has both kinds around it
mid() { n=$1; shift; so $n lib/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/lib -lg "$@"; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/lib -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'; }
mid c-rpath-mid-runpath $H -Wl,-rpath,/nowhere
mid c-rpath-mid-none
mid c-rpath-mid-rpath -Wl,--disable-new-dtags,-rpath,/nowhere
# names: dedup by soname and by file, NEEDED with tokens, NODEFLIB, filters
so c-dedup-soname lib/libg.so libg.c; so c-dedup-soname sub/libf.so liba_b.c -Lc-dedup-soname/lib -lg
c c-dedup-soname usef.c -Lc-dedup-soname/lib -Lc-dedup-soname/sub -Wl,--no-as-needed -lg -lf -Wl,-rpath-link,c-dedup-soname/lib $H -Wl,-rpath,'$ORIGIN/lib:$ORIGIN/sub'
one c-dedup-inode $H -Wl,-rpath,'$ORIGIN/lib'; ln c-dedup-inode/lib/libf.so c-dedup-inode/lib/libother.so
gcc -shared -fPIC -o c-dedup-inode/libx.so $S/libf.c -Wl,-soname,libother.so; c c-dedup-inode usef.c -Wl,--no-as-needed -Lc-dedup-inode/lib -lf c-dedup-inode/libx.so $H -Wl,-rpath,'$ORIGIN/lib'
mkdir -p c-needed-origin/lib; gcc -shared -fPIC -o c-needed-origin/lib/libf.so $S/libf.c -Wl,-soname,'$ORIGIN/lib/libf.so'; c c-needed-origin usef.c c-needed-origin/lib/libf.so
mkdir -p c-needed-unknown/lib; gcc -shared -fPIC -o c-needed-unknown/lib/libf.so $S/libf.c -Wl,-soname,'$NOPE/libf.so'; c c-needed-unknown usef.c c-needed-unknown/lib/libf.so
c c-nodeflib hello.c -Wl,-z,nodefaultlib
c c-nodeflib-rpath hello.c -Wl,-z,nodefaultlib -Wl,-rpath,/lib/x86_64-linux-gnu
one c-llp-semicolon; one c-llp-empty; one c-llp-relative; one c-llp-origin
so c-filter lib/libreal.so libf.c; so c-filter lib/libf.so libf.c -DR=7 -Wl,-F,libreal.so -Wl,-rpath,'$ORIGIN'; c c-filter usef.c -Lc-filter/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-filter-missing lib/libf.so libf.c -Wl,-F,libnosuch.so; c c-filter-missing usef.c -Lc-filter-missing/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-aux-missing lib/libf.so libf.c -Wl,-f,libnosuch.so; c c-aux-missing usef.c -Lc-aux-missing/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-aux lib/libreal.so libf.c; so c-aux lib/libf.so libf.c -DR=7 -Wl,-f,libreal.so -Wl,-rpath,'$ORIGIN'; c c-aux usef.c -Lc-aux/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
# preloads
c c-preload-ok hello.c; so c-preload-ok lib/libp.so libg.c
c c-preload-text hello.c; echo text > c-preload-text/libp.so
c c-preload-undef hello.c; so c-preload-undef lib/libp.so dataref.c
c c-preload-needs hello.c; so c-preload-needs lib/libq.so libg.c; so c-preload-needs lib/libp.so liba_b.c -Lc-preload-needs/lib -lq; rm c-preload-needs/lib/libq.so
# damaged libraries
bad() { one $1 $H -Wl,-rpath,'$ORIGIN/lib'; }
bad c-libdir; rm c-libdir/lib/libf.so; mkdir c-libdir/lib/libf.so
bad c-liblink-loop; ln -sfn libf.so c-liblink-loop/lib/libf.so
bad c-badosabi; poke c-badosabi/lib/libf.so 7 '\x42'
bad c-linuxabi; poke c-linuxabi/lib/libf.so 7 '\x03'
bad c-badabiver; poke c-badabiver/lib/libf.so 8 '\x07'
bad c-badpad; poke c-badpad/lib/libf.so 12 '\x01'
bad c-badident; poke c-badident/lib/libf.so 6 '\x02'
bad c-badversion; poke c-badversion/lib/libf.so 20 '\x02'
bad c-badtype; poke c-badtype/lib/libf.so 16 '\x01'
bad c-badphentsize; poke c-badphentsize/lib/libf.so 54 '\x39'
bad c-badphoff; poke c-badphoff/lib/libf.so 34 '\x7f'
bad c-nophdr; poke c-nophdr/lib/libf.so 56 '\x00'
bad c-bigendian; poke c-bigendian/lib/libf.so 5 '\x02'
bad c-wrongmachine; poke c-wrongmachine/lib/libf.so 18 '\xb7'
one c-wrongmachine-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir c-wrongmachine-then-good/bad; cp c-wrongmachine/lib/libf.so c-wrongmachine-then-good/bad/
one c-garbage-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir c-garbage-then-good/bad; head -c 4096 /dev/zero | tr '\0' x > c-garbage-then-good/bad/libf.so
for n in 60 64 200 1000; do bad c-trunc-$n; truncate -s $n c-trunc-$n/lib/libf.so; done
bad c-trunc-8192; truncate -s 8192 c-trunc-8192/lib/libf.so
bad c-unreadable
gcc -O1 -fPIE -pie -o c-pie.tmp $S/hello.c; bad c-pie-as-lib; cp c-pie.tmp c-pie-as-lib/lib/libf.so
gcc -O1 -no-pie -o c-exec.tmp $S/hello.c; bad c-exec-as-lib; cp c-exec.tmp c-exec-as-lib/lib/libf.so; rm c-pie.tmp c-exec.tmp
bad c-static-as-lib; gcc -static -o c-static-as-lib/lib/libf.so $S/hello.c
# versions
vs() { n=$1; so $n lib/libf.so libf.c -Wl,--version-script=/tmp/v2; c $n ${2:-usef.c} -L$n/lib -lf $H -Wl,-rpath,'$ORIGIN/lib' ${3:-}; }
vs c-ver-lost; so c-ver-lost lib/libf.so libf.c
vs c-ver-weak weakf.c; so c-ver-weak lib/libf.so libf.c -Wl,--version-script=/tmp/v1
vs c-ver-kept; vs c-ver-lost-now usef.c -Wl,-z,now; so c-ver-lost-now lib/libf.so libf.c
so c-unver-hidden lib/libf.so libf.c; c c-unver-hidden usef.c -Lc-unver-hidden/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'; so c-unver-hidden lib/libf.so hiddenver.c -Wl,--version-script=/tmp/v2
so c-sym-elsewhere lib/libf.so libf.c; so c-sym-elsewhere lib/libg.so libg.c; c c-sym-elsewhere usef.c -Wl,--no-as-needed -Lc-sym-elsewhere/lib -lf -lg $H -Wl,-rpath,'$ORIGIN/lib'
so c-sym-elsewhere lib/libf.so libg.c; gcc -shared -fPIC -O1 -o c-sym-elsewhere/lib/libg.so $S/libf.c -Wl,-soname,libg.so
# symbols
und c-undef-lazy-notcalled usef_maybe.c -Wl,-z,lazy
so c-undef-data lib/libf.so var.c; c c-undef-data usevar.c -Lc-undef-data/lib -lf $H -Wl,-rpath,'$ORIGIN/lib' -fPIC; so c-undef-data lib/libf.so libg.c
so c-copy lib/libf.so var.c; c c-copy usevar.c -no-pie -Lc-copy/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-copy-size lib/libf.so var.c; c c-copy-size usevar.c -no-pie -Lc-copy-size/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'; so c-copy-size lib/libf.so var.c -DBIG
ul() { n=$1; shift; so $n lib/libf.so liba_b.c "$@"; c $n usef.c -L$n/lib -lf -Wl,--allow-shlib-undefined $H -Wl,-rpath,'$ORIGIN/lib'; }
ul c-undef-inlib; ul c-undef-inlib-now -Wl,-z,now
c c-bindnow hello.c -Wl,-z,now
so c-ifunc lib/libf.so ifunc.c; c c-ifunc usef.c -Lc-ifunc/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-tls-gd lib/libf.so tls.c; c c-tls-gd usef.c -Lc-tls-gd/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-tls-ie lib/libf.so tls.c -ftls-model=initial-exec; c c-tls-ie usef.c -Lc-tls-ie/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-protected lib/libf.so protected.c; c c-protected usef.c -Lc-protected/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-symbolic lib/libf.so libf.c -Wl,-Bsymbolic; c c-symbolic usef.c -Lc-symbolic/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
for h in sysv gnu both; do so c-hash-$h lib/libf.so libf.c -Wl,--hash-style=$h; c c-hash-$h usef.c -Lc-hash-$h/lib -lf -Wl,--hash-style=$h $H -Wl,-rpath,'$ORIGIN/lib'; done
one c-nosections $H -Wl,-rpath,'$ORIGIN/lib'; for f in c-nosections/prog c-nosections/lib/libf.so; do poke $f 40 '\0\0\0\0\0\0\0\0'; poke $f 60 '\0\0\0\0'; done
# stacks, levels, static
c c-execstack hello.c -Wl,-z,execstack
so c-execstack-lib lib/libf.so libf.c -Wl,-z,execstack; c c-execstack-lib usef.c -Lc-execstack-lib/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
so c-dlopen-execstack lib/libf.so libf.c -Wl,-z,execstack; dl c-dlopen-execstack $Q/c-dlopen-execstack/lib/libf.so
c c-v2mark hello.c -Wl,-z,x86-64-v2
c c-v4mark hello.c -Wl,-z,x86-64-v4
so c-v3lib lib/libf.so libf.c -Wl,-z,x86-64-v3; c c-v3lib usef.c -Lc-v3lib/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'
CC=gcc; c c-static-pie hello.c -static-pie; c c-static-v3mark hello.c -static -Wl,-z,x86-64-v3; CC='gcc -B/L/oldlibc'
# interpreters
c c-interp-noexec hello.c -Wl,--dynamic-linker=$Q/c-interp-noexec/ld.so; cp -L /lib64/ld-linux-x86-64.so.2 c-interp-noexec/ld.so; chmod 644 c-interp-noexec/ld.so
c c-interp-class hello.c -Wl,--dynamic-linker=$Q/c-interp-class/ld.so; cp -L /lib/ld-linux.so.2 c-interp-class/ld.so 2>/dev/null || cp -L /lib32/ld-linux.so.2 c-interp-class/ld.so
c c-interp-loop hello.c -Wl,--dynamic-linker=$Q/c-interp-loop/ld.so; ln -sfn ld.so c-interp-loop/ld.so
c c-interp-relative hello.c -Wl,--dynamic-linker=ld.so; cp -L /lib64/ld-linux-x86-64.so.2 c-interp-relative/ld.so
c c-interp-short hello.c -Wl,--dynamic-linker=$Q/c-interp-short/ld.so; echo x > c-interp-short/ld.so; chmod 755 c-interp-short/ld.so
c c-interp-empty hello.c -Wl,--dynamic-linker=$Q/c-interp-empty/ld.so; : > c-interp-empty/ld.so; chmod 755 c-interp-empty/ld.so
c c-interp-throughfile hello.c -Wl,--dynamic-linker=$Q/c-interp-throughfile/prog/ld.so
# scripts
s sh-arg '#!/bin/sh -e\necho MARK\n'
s sh-spaces '#!  \t /bin/sh   -e  \necho MARK\n'
s sh-noeol '#!/bin/sh'
s sh-bare '#!\n'
s sh-blank '#!   \t\n'
s sh-nul '#!/bin/sh\0 x\necho MARK\n'
s sh-dir '#!/etc\necho MARK\n'
s sh-loop "#!$Q/sh-loop/prog\necho MARK\n"
s sh-nested "#!$Q/sh-nested/inner\necho MARK\n"; printf '#!/bin/sh\necho MARK\n' > sh-nested/inner; chmod 755 sh-nested/inner
s sh-inner-noexec "#!$Q/sh-inner-noexec/inner\n"; printf '#!/bin/sh\n' > sh-inner-noexec/inner; chmod 644 sh-inner-noexec/inner
s sh-relative '#!inner\necho MARK\n'; printf '#!/bin/sh\necho MARK\n' > sh-relative/inner; chmod 755 sh-relative/inner
long() { mkdir -p $1; printf '#!/%0*d/../bin/sh\necho MARK\n' $2 0 > $1/prog; chmod 755 $1/prog; }
long sh-long100 100; long sh-long200 200; long sh-long245 245; long sh-long300 300
s sh-env-ok '#!/usr/bin/env sh\necho MARK\n'
s sh-env-S '#!/usr/bin/env -S sh -e\necho MARK\n'
s sh-env-flag '#!/usr/bin/env sh -e\necho MARK\n'
s sh-env-crlf '#!/usr/bin/env sh\r\necho MARK\r\n'
s sh-bom '\xef\xbb\xbf#!/bin/sh\necho MARK\n'
s sh-elf-interp "#!$Q/c-missing-direct/prog\n"
# files that are no programs, or not for here
f() { mkdir -p $1; cat > $1/prog; chmod 755 $1/prog; }
gzip -c $S/libf.c | f f-gzip
printf 'PK\x03\x04xxxxxxxxxxxxxxxx' | f f-zip
printf '\0asm\x01\0\0\0' | f f-wasm
printf '\xca\xfe\xba\xbe\0\0\0\x3d' | f f-java
head -c 5000 /dev/zero | f f-zeros
gcc -c -o /tmp/o.o $S/libf.c; f f-object < /tmp/o.o
gcc -O1 -o /tmp/full $S/hello.c; for n in 16 63 64 120 400 4096 9000; do head -c $n /tmp/full | f f-elf-$n; done
f f-elf-s390x < /tmp/full; poke f-elf-s390x/prog 4 '\x02\x02\x01'; poke f-elf-s390x/prog 16 '\0\x03\0\x16\0\0\0\x01'
f f-elf-machine < /tmp/full; poke f-elf-machine/prog 18 '\xf3'
f f-elf-type < /tmp/full; poke f-elf-type/prog 16 '\x04'
f f-elf-class < /tmp/full; poke f-elf-class/prog 4 '\x07'
f f-elf-nophdr < /tmp/full; poke f-elf-nophdr/prog 56 '\0'
f f-elf-osabi < /tmp/full; poke f-elf-osabi/prog 7 '\x09'
mkdir -p lib-as-program; so lib-as-program prog libf.c
# another machine's programs
CC=aarch64-linux-gnu-gcc; c a-hello hello.c; c a-static hello.c -static
one a-runpath $H -Wl,-rpath,'$ORIGIN/lib'; one a-missing $H -Wl,-rpath,'$ORIGIN/lib'; rm a-missing/lib/libf.so
und a-undef-now usef_maybe.c -Wl,-z,now; und a-undef-lazy usef.c -Wl,-z,lazy
CC='gcc -m32'; one x-missing32 $H -Wl,-rpath,'$ORIGIN/lib'; rm x-missing32/lib/libf.so; one x-runpath32 $H -Wl,-rpath,'$ORIGIN/lib'
CC=gcc; so x-class64 lib/libf.so libf.c -m32; CC='gcc -m32'; c x-class64 usef.c -Lx-class64/lib -lf $H -Wl,-rpath,'$ORIGIN/lib'; CC=gcc; so x-class64 lib/libf.so libf.c
# musl
CC=musl-gcc
c m-static-pie hello.c -static-pie
one m-llp; one m-runpath-origin $H -Wl,-rpath,'$ORIGIN/lib'; one m-runpath-originx $H -Wl,-rpath,'$ORIGINX:$ORIGIN/lib'; one m-runpath-lib $H -Wl,-rpath,'$LIB:$ORIGIN/lib'
chain m-rpath-chain -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'
und m-undef-lazy usef.c -Wl,-z,lazy; und m-undef-now usef_maybe.c -Wl,-z,now
one m-textlib $H -Wl,-rpath,'$ORIGIN/lib'; printf '/* ld script */ INPUT(libf.so.1) %080d\n' 0 > m-textlib/lib/libf.so
one m-emptylib $H -Wl,-rpath,'$ORIGIN/lib'; : > m-emptylib/lib/libf.so
one m-libdir $H -Wl,-rpath,'$ORIGIN/lib'; rm m-libdir/lib/libf.so; mkdir m-libdir/lib/libf.so
one m-bad-then-good $H -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/lib'; mkdir m-bad-then-good/bad; echo text > m-bad-then-good/bad/libf.so
one m-wrongclass $H -Wl,-rpath,'$ORIGIN/lib'; gcc -m32 -shared -fPIC -o m-wrongclass/lib/libf.so $S/libf.c -nostdlib
one m-wrongmachine $H -Wl,-rpath,'$ORIGIN/lib'; poke m-wrongmachine/lib/libf.so 18 '\xb7'
dl m-dlopen-missing libnosuch.so.1; so m-dlopen lib/libf.so libf.c; dl m-dlopen $Q/m-dlopen/lib/libf.so
c m-preload-missing hello.c; c m-relr hello.c -Wl,-z,pack-relative-relocs
CC='gcc -B/L/oldlibc'
