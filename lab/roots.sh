#!/bin/bash
# roots.sh OUT: per-suite apt state, then root file systems (OUT/roots) and build chroots (OUT/dev) out of unpacked .debs (no maintainer scripts run).
set -u
OUT=$1; mkdir -p "$OUT"/{apt,roots,dev,log}
M=${MIRROR:-http://deb.debian.org/debian}
KR=/usr/share/keyrings/debian-archive-keyring.gpg

aptcfg() { # suite native-arch [foreign-arch]
  local s=$1 a=$2 f=${3:-} d=$OUT/apt/$1-$2
  mkdir -p "$d"/etc/{apt.conf.d,preferences.d,sources.list.d} "$d"/{lists,cache,state}
  : > "$d/status"
  echo "deb [signed-by=$KR] $M $s main" > "$d/etc/sources.list"
  cat > "$d/apt.conf" <<E
Dir::Etc "$d/etc"; Dir::Etc::parts "$d/etc/apt.conf.d"; Dir::State "$d/state";
Dir::State::Lists "$d/lists"; Dir::State::status "$d/status"; Dir::Cache "$d/cache";
Dir::Etc::trusted "/etc/apt/trusted.gpg"; Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";
APT::Architecture "$a"; APT::Architectures { "$a"; $( [ -n "$f" ] && echo "\"$f\";" ) };
APT::Install-Recommends "false"; Acquire::Languages "none"; APT::Sandbox::User "root";
Acquire::Check-Valid-Until "false"; Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
E
  APT_CONFIG=$d/apt.conf apt-get -qq update || echo "UPDATE FAILED $s $a"
}
getdebs() { # suite arch destdir pkgs... (with dependencies)
  local s=$1 a=$2 dest=$3; shift 3; mkdir -p "$dest/partial"
  APT_CONFIG=$OUT/apt/$s-$a/apt.conf apt-get -qq -y --download-only -o Dir::Cache::archives="$dest" install "$@" >/dev/null ||
    echo "GET FAILED $s-$a: $*"
}
getonly() { # suite arch destdir pkgs... (these .debs alone)
  local s=$1 a=$2 dest=$3; shift 3; mkdir -p "$dest"
  (cd "$dest" && APT_CONFIG=$OUT/apt/$s-$a/apt.conf apt-get -qq download "$@" >/dev/null) || echo "GETONLY FAILED $s-$a: $*"
}
skel() { # root merged(0/1)
  mkdir -p "$1"/{usr/bin,usr/lib,usr/sbin,etc,tmp,proc,dev,opt,run,root}
  if [ "$2" = 1 ]; then for d in bin sbin lib; do ln -sfn usr/$d "$1/$d"; done; mkdir -p "$1/usr/lib64"; ln -sfn usr/lib64 "$1/lib64"
  else mkdir -p "$1"/{bin,sbin,lib,lib64}; fi
}
unpack() { local r=$1; shift; for d in "$@"; do dpkg-deb --fsys-tarfile "$d" | tar -xf - --keep-directory-symlink -C "$r"; done; }
trim() { rm -rf "$1"/usr/share/{doc,man,locale,info,lintian,bug,gdb} "$1"/usr/share/zoneinfo "$1"/usr/lib/*/{gconv,perl,perl-base} "$1"/usr/lib/locale; }

plain() { # suite extra-pkgs
  local s=$1; shift; local r=$OUT/roots/$s
  local u=1; [ "$s" = bullseye ] && u=0     # bullseye kept unmerged: /lib and /usr/lib differ
  skel "$r" $u
  getonly $s amd64 "$OUT/debs/$s-root" libc6 libc-bin libgcc-s1 libstdc++6 zlib1g libcrypt1 base-files dash bash coreutils libtinfo6 libselinux1 libacl1 libattr1 libpcre2-8-0 libgmp10 "$@"
  unpack "$r" "$OUT/debs/$s-root"/*.deb
  [ -e "$r/bin/sh" ] || ln -s dash "$r/bin/sh"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$r/etc/passwd"
  printf 'root:x:0:\n' > "$r/etc/group"; printf 'passwd: files\ngroup: files\nhosts: files\n' > "$r/etc/nsswitch.conf"
  [ -e "$r/etc/ld.so.conf" ] || { mkdir -p "$r/etc/ld.so.conf.d"; echo 'include /etc/ld.so.conf.d/*.conf' > "$r/etc/ld.so.conf"
    [ -e "$r/etc/ld.so.conf.d/x86_64-linux-gnu.conf" ] || printf '/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n' > "$r/etc/ld.so.conf.d/x86_64-linux-gnu.conf"; }
  trim "$r"; chroot "$r" /sbin/ldconfig 2>/dev/null; }
deproot() { # suite: a newer root with whatever its packages depend on
  local s=$1; local r=$OUT/roots/$s; skel "$r" 1
  getdebs $s amd64 "$OUT/debs/$s-root" libc6 libc-bin libgcc-s1 libstdc++6 zlib1g libcrypt1 base-files dash bash coreutils libssl3t64
  unpack "$r" "$OUT/debs/$s-root"/*.deb
  [ -e "$r/bin/sh" ] || ln -s dash "$r/bin/sh"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$r/etc/passwd"; printf 'root:x:0:\n' > "$r/etc/group"
  trim "$r"; chroot "$r" /sbin/ldconfig 2>/dev/null; }
goroot() { local s=$1; shift; local r=$OUT/roots/$s-gccgo; rm -rf "$r"; cp -a "$OUT/roots/$s" "$r"
  getonly $s amd64 "$OUT/debs/$s-go" "$@"; unpack "$r" "$OUT/debs/$s-go"/*.deb; trim "$r"; chroot "$r" /sbin/ldconfig 2>/dev/null; }
devroot() { local s=$1; shift; local r=$OUT/dev/$s; local u=1; [ "$s" = bullseye ] && u=0; skel "$r" $u
  getdebs $s amd64 "$OUT/debs/$s-dev" "$@"; unpack "$r" "$OUT/debs/$s-dev"/*.deb; [ -e "$r/bin/sh" ] || ln -s dash "$r/bin/sh"
  chroot "$r" /sbin/ldconfig 2>/dev/null; }
archroot() { # name suite arch: a native foreign-architecture root
  local r=$OUT/roots/$1; skel "$r" 1
  getonly $2 $3 "$OUT/debs/$1" libc6 libc-bin libgcc-s1 libstdc++6 zlib1g base-files dash; unpack "$r" "$OUT/debs/$1"/*.deb
  [ -e "$r/bin/sh" ] || ln -s dash "$r/bin/sh"; printf 'root:x:0:0:root:/root:/bin/sh\n' > "$r/etc/passwd"; trim "$r"; }
muslroot() { # name suite
  local r=$OUT/roots/$1; skel "$r" 1; mkdir -p "$r/usr/lib/x86_64-linux-musl"
  getonly $2 amd64 "$OUT/debs/$1" musl busybox-static; unpack "$r" "$OUT/debs/$1"/*.deb
  chroot "$r" /bin/busybox --install -s /bin 2>/dev/null; printf 'root:x:0:0:root:/root:/bin/sh\n' > "$r/etc/passwd"; trim "$r"; }
tools() { # static emulators
  getonly bookworm amd64 "$OUT/debs/tools" qemu-user-static; unpack "$OUT/tools" "$OUT/debs/tools"/*.deb; }
if [ "${2:-}" = lib ]; then return 0 2>/dev/null || exit 0; fi
t() { local n=$1; shift; local a=$(date +%s.%N); "$@"; printf '%-28s %6.1fs\n' "$n" "$(echo "$(date +%s.%N)-$a"|bc)" | tee -a "$OUT/log/times.txt"; }

suites() {
  for s in bullseye bookworm trixie sid; do t "apt update $s" aptcfg $s amd64; done
  t "apt update bookworm arm64" aptcfg bookworm arm64
  t "apt update bookworm i386" aptcfg bookworm i386
}
t suites suites
t "root bullseye" plain bullseye libssl1.1
t "root bookworm" plain bookworm libssl3
t "root bookworm-gccgo" goroot bookworm libgo19 libgo21
t "root arm64"  archroot arm64 bookworm arm64
t "root i386"   archroot i386 bookworm i386
t "root trixie" deproot trixie
t "root bullseye-gccgo" goroot bullseye libgo16
t "root trixie-gccgo" goroot trixie libgo22 libgo23
t "root sid" deproot sid
t "root musl (bookworm 1.2.3)" muslroot musl bookworm
t "root musl125 (trixie)" muslroot musl125 trixie
mkdir -p "$OUT/roots/scratch" "$OUT/tools"
t "qemu-user-static" tools
t "dev bookworm" devroot bookworm gcc g++ gccgo-12 libc6-dev libssl-dev dash bash coreutils musl-tools musl-dev gcc-12-multilib gcc-aarch64-linux-gnu libc6-dev-arm64-cross
t "dev trixie"   devroot trixie   gcc g++ gccgo-14 libc6-dev dash bash coreutils
t "dev bullseye" devroot bullseye gcc gccgo-10 libc6-dev dash bash coreutils
