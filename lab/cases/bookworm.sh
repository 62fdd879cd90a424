. /L/cases/prelude.sh
c c-hello.bookworm hello.c
c c-hello-static hello.c -static
c c-hello32 hello.c -m32
c c-zlib.bookworm zlib.c -l:libz.so.1
c c-ssl.bookworm ssl.c -lssl -lcrypto
c c-pthread-exit pexit.c -pthread
c c-fortify.bookworm fortify.c -O2 -D_FORTIFY_SOURCE=2
mkdir -p cpp-iostream.bookworm raw-static; g++ -O1 -o cpp-iostream.bookworm/prog $S/hello.cc
gcc -nostdlib -static -o raw-static/prog $S/raw.S
# DT_RELR
c c-relr.bookworm hello.c -Wl,-z,pack-relative-relocs
# from here the C cases link against bullseye's libc (GLIBC_2.2.5 only), so that each quirk shows in every glibc root
O=/L/oldlibc; mkdir -p $O; A=/L/dev/bullseye/usr/lib/x86_64-linux-gnu; D=/L/dev/bullseye/lib/x86_64-linux-gnu
cp $A/*crt*.o $A/libc_nonshared.a $O/; cp $D/libc-2.31.so $O/libc.so.6; cp $D/ld-2.31.so $O/ld-linux-x86-64.so.2; cp $D/libdl-2.31.so $O/libdl.so
echo "OUTPUT_FORMAT(elf64-x86-64) GROUP ( $O/libc.so.6 $O/libc_nonshared.a AS_NEEDED ( $O/ld-linux-x86-64.so.2 ) )" > $O/libc.so; unset O
CC='gcc -B/L/oldlibc'
# ISA level
c c-v3mark hello.c -Wl,-z,x86-64-v3
c c-v3code avx2.c -O3 -march=x86-64-v3
# rpath / runpath. one: the program needs libf. chain: it needs libf, whose f calls g in libg. two: a second libf, whose f returns 7, lies in other/
chain() { n=$1; shift; so $n lib/libg.so libg.c; so $n lib/libf.so liba_b.c -L$n/lib -lg; c $n usef.c -L$n/lib -lf -Wl,-rpath-link,$n/lib "$@"; }
one() { n=$1; shift; so $n lib/libf.so libf.c; c $n usef.c -L$n/lib -lf "$@"; }
two() { n=$1; shift; so $n other/libf.so libf.c -DR=7; one $n "$@"; }
OLD=-Wl,--disable-new-dtags NEW=-Wl,--enable-new-dtags
one c-rpath-origin $OLD -Wl,-rpath,'$ORIGIN/lib'
one c-runpath-origin $NEW -Wl,-rpath,'$ORIGIN/lib'
chain c-rpath-chain $OLD -Wl,-rpath,'$ORIGIN/lib'
chain c-runpath-chain $NEW -Wl,-rpath,'$ORIGIN/lib'
chain c-missing-trans $OLD -Wl,-rpath,'$ORIGIN/lib'; rm c-missing-trans/lib/libg.so
one c-missing-direct $NEW -Wl,-rpath,'$ORIGIN/lib'; rm c-missing-direct/lib/libf.so
two c-runpath-llp $NEW -Wl,-rpath,'$ORIGIN/lib'
two c-rpath-llp $OLD -Wl,-rpath,'$ORIGIN/lib'
one c-llp-only
mkdir -p c-needed-slash/lib
gcc -shared -fPIC -o c-needed-slash/lib/libf.so $S/libf.c -Wl,-soname,lib/libf.so; c c-needed-slash usef.c -Lc-needed-slash/lib -lf
so c-hwcaps-rpath lib/glibc-hwcaps/x86-64-v2/libf.so libf.c; c c-hwcaps-rpath usef.c -Lc-hwcaps-rpath/lib/glibc-hwcaps/x86-64-v2 -lf -Wl,-rpath,'$ORIGIN/lib'
# damaged / wrong libraries
one c-wrongclass-only -Wl,-rpath,'$ORIGIN/lib'; gcc -m32 -shared -fPIC -o c-wrongclass-only/lib/libf.so $S/libf.c -nostdlib
one c-wrongclass-then-good -Wl,-rpath,'$ORIGIN/lib32:$ORIGIN/lib'; mkdir -p c-wrongclass-then-good/lib32; cp c-wrongclass-only/lib/libf.so c-wrongclass-then-good/lib32/
one c-trunc-lib32b -Wl,-rpath,'$ORIGIN/lib'; truncate -s 32 c-trunc-lib32b/lib/libf.so
one c-empty-lib -Wl,-rpath,'$ORIGIN/lib'; : > c-empty-lib/lib/libf.so
one c-textlib -Wl,-rpath,'$ORIGIN/lib'; printf '/* GNU ld script */\nINPUT(libf.so.1)\n%080d\n' 0 > c-textlib/lib/libf.so
one c-noxbit-lib -Wl,-rpath,'$ORIGIN/lib'; chmod 644 c-noxbit-lib/lib/libf.so
one c-dangling-lib -Wl,-rpath,'$ORIGIN/lib'; ln -sf libf.so.9 c-dangling-lib/lib/libf.so
# versions: linked against a libf that has V2, run with one that has only V1
echo 'V1{global:f;local:*;};' > /tmp/v1; echo 'V1{global:g;};V2{global:f;local:*;}V1;' > /tmp/v2
so c-nover lib/libf.so libf.c -Wl,--version-script=/tmp/v2; c c-nover usef.c -Lc-nover/lib -lf -Wl,-rpath,'$ORIGIN/lib'; so c-nover lib/libf.so libf.c -Wl,--version-script=/tmp/v1
# undefined symbols: linked against a libf that has f, run with one that has only g
und() { n=$1 m=$2; shift 2; so $n lib/libf.so libf.c; c $n $m -L$n/lib -lf -Wl,-rpath,'$ORIGIN/lib' "$@"; so $n lib/libf.so libg.c; }
und c-undef-lazy-called usef.c -Wl,-z,lazy
und c-undef-now usef_maybe.c -Wl,-z,now
c c-weak-sym weak.c
# interpreters
I() { n=$1; c $n hello.c -Wl,--dynamic-linker="$2"; }
I c-interp-absent /nope/ld.so
I c-interp-dir /etc
I c-interp-text $Q/c-interp-text/ld.so; echo not an elf file, only words of text here to fill sixty four bytes and more than that > c-interp-text/ld.so; chmod 755 c-interp-text/ld.so
mkdir -p c-interp-private/lib
CC=gcc; c c-interp-private hello.c -Wl,--dynamic-linker=$Q/c-interp-private/ld.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN/lib'; cp -L /lib64/ld-linux-x86-64.so.2 c-interp-private/ld.so; cp -L /lib/x86_64-linux-gnu/libc.so.6 c-interp-private/lib/
CC='gcc -B/L/oldlibc'
# dlopen
dl() { n=$1 lib=$2; shift 2; c $n dl.c -DLIB="\"$lib\"" -ldl "$@"; }
dl c-dlopen-missing-handled libnosuch.so.1
dl c-dlopen-missing-abort libnosuch.so.1 -DABORT
so c-dlopen-runpath lib/libf.so libf.c; dl c-dlopen-runpath libf.so -Wl,-rpath,'$ORIGIN/lib'
so c-dlopen-norpath lib/libf.so libf.c; dl c-dlopen-norpath libf.so
so c-dlopen-undef-now lib/libf.so liba_b.c; dl c-dlopen-undef-now $Q/c-dlopen-undef-now/lib/libf.so
# set-user-ID
one c-setuid-runpath-abs $NEW -Wl,-rpath,$Q/c-setuid-runpath-abs/lib; chmod 4755 c-setuid-runpath-abs/prog
one c-setuid-llp -Wl,-rpath-link,x; chmod 4755 c-setuid-llp/prog
# system placed library (roots add it in different ways)
so parts libconf.so libf.c; so parts libhw.so libf.c
c c-needs-libconf usef.c -Lparts -lconf
c c-needs-libhw usef.c -Lparts -lhw
# files that are not programs
mkdir -p trunc-exe elf-noxbit loop-exe
head -c 40 c-hello.bookworm/prog > trunc-exe/prog; chmod 755 trunc-exe/prog
cp c-hello.bookworm/prog elf-noxbit/prog; chmod 644 elf-noxbit/prog; ln -sfn prog loop-exe/prog
s() { mkdir -p $1; printf "$2" > $1/prog; chmod 755 $1/prog; }
s sh-ok '#!/bin/sh\necho MARK\n'
s sh-bash '#!/bin/bash\necho MARK\n'
s sh-missing '#!/usr/local/bin/nosuch\necho MARK\n'
s sh-env-missing '#!/usr/bin/env python9\necho MARK\n'
s sh-crlf '#!/bin/sh\r\necho MARK\r\n'
s sh-noshebang 'echo MARK\n'
s sh-empty ''
s sh-noxbit '#!/bin/sh\necho MARK\n'; chmod 644 sh-noxbit/prog
. /L/cases/more.sh
. /L/cases/deeper.sh
# Go
CC=gcc; export CGO_ENABLED=1
gob go-net-cgo.bookworm gonet.go
gob go-static-glibc gonet.go -ldflags '-linkmode external -extldflags -static'
gob go-pie-cgo gocgo.go -buildmode=pie
O=libf.so gob go-cshared-dlopen goshared.go -buildmode=c-shared; dl go-cshared-dlopen $Q/go-cshared-dlopen/libf.so
O=plug.so gob go-plugin goplug.go -buildmode=plugin; gob go-plugin goplughost.go
CC=musl-gcc gob go-musl-cgo gocgo.go
mkdir -p gccgo-12.bookworm gccgo-static; gccgo-12 -O1 -o gccgo-12.bookworm/prog $S/gccgo.go; gccgo-12 -O1 -static -o gccgo-static/prog $S/gccgo.go 2>/dev/null || echo BUILD FAIL gccgo-static >&2
# musl
CC=musl-gcc
c m-hello.bookworm hello.c; c m-static hello.c -static
chain m-runpath-chain $NEW -Wl,-rpath,'$ORIGIN/lib'
one m-missing-direct $NEW -Wl,-rpath,'$ORIGIN/lib'; rm m-missing-direct/lib/libf.so
