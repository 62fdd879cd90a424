#!/bin/bash
# views.sh OUT: derived roots (hard-linked copies with one change each), and every case placed at /opt/lab in every root.
# views.tsv: name, directory under roots/, how it is run (noexec, qemu:MACHINE, cpu:MODEL).
set -u; OUT=$1; cd "$OUT/roots"; : > ../views.tsv; B=$OUT/bin
V() { printf '%s\t%s\t%s\n' "$1" "${2:-$1}" "${3:-}" >> ../views.tsv; }
der() { rm -rf "$2"; cp -al "$1" "$2"; }
setf() { mkdir -p "$(dirname "$1")"; rm -f "$1"; cat > "$1"; }     # never write through a hard link
put() { mkdir -p "$(dirname "$2")"; rm -f "$2"; cp -L "$1" "$2"; }
ML=usr/lib/x86_64-linux-gnu
for r in *; do rm -rf "$r/opt/lab"; done
rm -rf *+* muslcompat; mkdir -p scratch
for r in bullseye bookworm trixie sid musl musl125 scratch i386 bullseye-gccgo bookworm-gccgo trixie-gccgo; do V $r; done
V arm64 arm64 qemu:aarch64
der musl muslcompat; mkdir -p muslcompat/lib64; ln -sf ../lib/ld-musl-x86_64.so.1 muslcompat/lib64/ld-linux-x86-64.so.2; V muslcompat
d() { der $1 $1+$2; V $1+$2 $1+$2 ${3:-}; R=$1+$2; }
d bookworm preload-missing; echo /usr/lib/libnosuch.so | setf $R/etc/ld.so.preload
d bookworm preload-text; printf '# a comment\n/etc/passwd libg.so.9\n' | setf $R/etc/ld.so.preload
d bookworm conf-cache; put $B/parts/libconf.so $R/opt/conflib/libconf.so; echo /opt/conflib | setf $R/etc/ld.so.conf.d/lab.conf; chroot $R /sbin/ldconfig
d bookworm conf-nocache; put $B/parts/libconf.so $R/opt/conflib/libconf.so; echo /opt/conflib | setf $R/etc/ld.so.conf.d/lab.conf
d bookworm nocache; rm $R/etc/ld.so.cache
d bookworm badcache; head -c 700 bookworm/etc/ld.so.cache | setf $R/etc/ld.so.cache
d bookworm oldcache; chroot $R /sbin/ldconfig -c old -C /tmp/old 2>/dev/null && { cat $R/tmp/old | setf $R/etc/ld.so.cache; rm $R/tmp/old; }
d bookworm compatcache; chroot $R /sbin/ldconfig -c compat -C /tmp/old 2>/dev/null && { cat $R/tmp/old | setf $R/etc/ld.so.cache; rm $R/tmp/old; }
d bookworm stalecache; put $B/parts/libconf.so $R/opt/conflib/libconf.so; echo /opt/conflib | setf $R/etc/ld.so.conf.d/lab.conf; chroot $R /sbin/ldconfig; rm $R/opt/conflib/libconf.so
d bookworm noetc; rm -rf $R/etc
d bookworm hwcaps-v3; put $B/parts/libhw.so $R/$ML/glibc-hwcaps/x86-64-v3/libhw.so; chroot $R /sbin/ldconfig
d bullseye hwcaps-legacy; put $B/parts/libhw.so $R/$ML/tls/x86_64/libhw.so; chroot $R /sbin/ldconfig
d trixie hwcaps-v3; put $B/parts/libhw.so $R/$ML/glibc-hwcaps/x86-64-v3/libhw.so; rm -f $R/etc/ld.so.cache
d bookworm nogcc; rm $R/$ML/libgcc_s.so.1 $R/lib/x86_64-linux-gnu/libgcc_s.so.1 2>/dev/null; chroot $R /sbin/ldconfig
d bookworm abslinks; (cd $R; for l in bin sbin lib lib64; do ln -sfn /usr/$l $l; done); mkdir -p $R/data; mv $R/$ML/libz.so.1.2.13 $R/data/; ln -sfn ../../../data/libz.so.1.2.13 $R/$ML/libz.so.1
d bookworm libz-dir; rm $R/$ML/libz.so.1; mkdir $R/$ML/libz.so.1
# what ld.so.preload may name: another class, text, a library that lacks another, one that lacks a symbol; with comments and odd blanks
d bookworm preload-class; put $B/c-wrongclass-only/lib/libf.so $R/opt/pre/libp.so; echo /opt/pre/libp.so | setf $R/etc/ld.so.preload
d bookworm preload-needs; put $B/c-preload-needs/lib/libp.so $R/opt/pre/libp.so; printf '#x\n\t/opt/pre/libp.so:  /nope.so # end' | setf $R/etc/ld.so.preload
d trixie preload-undef; put $B/c-preload-undef/lib/libp.so $R/opt/pre/libp.so; echo /opt/pre/libp.so | setf $R/etc/ld.so.preload
d bullseye preload-ok; put $B/c-preload-ok/lib/libp.so $R/usr/lib/libp.so; echo libp.so | setf $R/etc/ld.so.preload
# caches: of another machine, empty, no cache at all, older loaders without one, a wrong file in a folder that the cache knows
d bookworm emptycache; : | setf $R/etc/ld.so.cache
d bookworm textcache; echo 'this is no cache, but words in its place' | setf $R/etc/ld.so.cache
d bookworm dircache; rm $R/etc/ld.so.cache; mkdir $R/etc/ld.so.cache
d bullseye nocache; rm $R/etc/ld.so.cache
d bullseye oldcache; chroot $R /sbin/ldconfig -c old -C /tmp/old 2>/dev/null && { cat $R/tmp/old | setf $R/etc/ld.so.cache; rm $R/tmp/old; }
d sid nocache; rm -f $R/etc/ld.so.cache
d trixie badcache; head -c 900 trixie/etc/ld.so.cache | setf $R/etc/ld.so.cache
d bookworm localbad; put $B/c-textlib/lib/libf.so $R/usr/local/lib/libz.so.1; put $B/c-wrongclass-only/lib/libf.so $R/usr/local/lib/libm.so.6; echo /usr/local/lib | setf $R/etc/ld.so.conf.d/aaa.conf; rm $R/etc/ld.so.cache
# laid out like Enterprise Linux: the libraries in /usr/lib64, found through the cache alone; and without it
d bookworm lib64; (cd $R && mkdir -p usr/lib64 && mv $ML/*.so* usr/lib64/ && ln -sfn ld-linux-x86-64.so.2 usr/lib64/ld.so && mkdir -p $ML); rm -f $R/lib64/ld-linux-x86-64.so.2; put bookworm/$ML/ld-linux-x86-64.so.2 $R/usr/lib64/ld-linux-x86-64.so.2; echo /usr/lib64 | setf $R/etc/ld.so.conf.d/el.conf; chroot $R /sbin/ldconfig
d bookworm+lib64 nocache; rm -f $R/etc/ld.so.cache
# broken C libraries and loaders
d bookworm libc-dangling; rm $R/$ML/libc.so.6; ln -s nope.so $R/$ML/libc.so.6
d bookworm libc-text; printf '/* GNU ld script */ %080d' 0 | setf $R/$ML/libc.so.6
d bookworm libc-short; head -c 60000 bookworm/$ML/libc.so.6 | setf $R/$ML/libc.so.6
d bookworm libc-old; put $(ls bullseye/lib/x86_64-linux-gnu/libc-2.31.so) $R/$ML/libc.so.6
d bullseye libc-new; put bookworm/$ML/libc.so.6 $R/lib/x86_64-linux-gnu/libc.so.6
d bookworm ldso-noexec; put bookworm/$ML/ld-linux-x86-64.so.2 $R/$ML/ld-linux-x86-64.so.2; chmod 644 $R/$ML/ld-linux-x86-64.so.2
d bookworm ldso-gone; rm $R/lib64/ld-linux-x86-64.so.2
# libraries in many hwcaps folders; both loaders in one root; musl's path file
d trixie hwcaps-many; for v in 2 3 4; do put $B/parts/libhw.so $R/$ML/glibc-hwcaps/x86-64-v$v/libhw.so; printf x | setf $R/opt/hw/glibc-hwcaps/x86-64-v$v/libconf.so; done; put $B/parts/libconf.so $R/opt/hw/libconf.so; echo /opt/hw | setf $R/etc/ld.so.conf.d/hw.conf; chroot $R /sbin/ldconfig
d bookworm musl; put musl/lib/ld-musl-x86_64.so.1 $R/usr/lib/ld-musl-x86_64.so.1
d musl pathfile; put $B/parts/libconf.so $R/opt/conflib/libconf.so; printf '/nowhere:/opt/conflib\n/lib' | setf $R/etc/ld-musl-x86_64.path
d musl libs; put $B/parts/libconf.so $R/usr/local/lib/libconf.so; put $B/parts/libhw.so $R/usr/lib/libhw.so
d musl emptypath; : | setf $R/etc/ld-musl-x86_64.path
d arm64 nocache qemu:aarch64; rm -f $R/etc/ld.so.cache
d bookworm i386; (cd i386 && tar -cf - usr/lib/i386-linux-gnu usr/lib/ld-linux.so.2) | tar -xf - -C $R --keep-directory-symlink; echo /lib/i386-linux-gnu | setf $R/etc/ld.so.conf.d/i386.conf; chroot $R /sbin/ldconfig
V bookworm%noexec bookworm noexec; V bookworm@v2 bookworm cpu:Nehalem
for r in *; do mkdir -p "$r/opt/lab" "$r/proc"; cp -al $B/* "$r/opt/lab/"; done
for q in aarch64 x86_64; do for r in *; do ln -f "$OUT/tools/usr/bin/qemu-$q-static" "$r/opt/lab/.qemu-$q"; done; done
