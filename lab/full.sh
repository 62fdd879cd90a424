#!/bin/bash
# full.sh OUT [SUITE...]: large roots (bullseye, bookworm, trixie where none is named) out of the .debs of full-packages.txt with what
# they depend on, the newest of each release; no maintainer scripts run, so links of alternatives are missing. Kept is what a loader
# looks at: packages for all architectures, headers, static libraries, documents and data are left out. Each root is OUT/roots/SUITE.
set -u; O=$1; shift; H=$(cd "$(dirname "$0")" && pwd)
. "$H/roots.sh" "$O" lib
SUITES=${*:-bullseye bookworm trixie}

# names: the packages that apt would install for each line of the list. A line is asked for alone, so that lines may conflict.
names() {
  export APT_CONFIG=$OUT/apt/$1-amd64/apt.conf
  apt-cache pkgnames | sort > "$OUT/apt/$1.names"
  grep -v '^#' "$H/full-packages.txt" | while read -r line; do
    # shellcheck disable=SC2046
    apt-get -y --print-uris install $(tr ' ' '\n' <<< "$line" | sort -u | comm -12 - "$OUT/apt/$1.names") 2>&1 || echo "FAILED $1: $line" >&2
  done | awk '$1 ~ /^\047/ && $2 ~ /_amd64\.deb$/ && $2 !~ /-(dev|dbg|doc|data)_/ {sub(/_.*/, "", $2); print $2}' | sort -u
}
drop=(./usr/share ./usr/include ./usr/src ./usr/lib/debug ./usr/lib/jvm/*/lib/modules ./usr/lib/locale ./usr/lib/*/gconv ./usr/lib/modules
  '*.a' '*.bc' '*.py' '*.pyc' '*.pm' '*.pl' '*.h' '*.hpp' '*.js' '*.rb' '*.go' '*.elc' '*.scm' '*.hwdb' '*.ko' '*.beam' '*.jsa' ./usr/lib/cni)
large() { # suite
  local s=$1 r=$OUT/roots/$1 debs=$OUT/debs/$1 f u=1; [ "$s" = bullseye ] && u=0
  skel "$r" $u; mkdir -p "$debs"
  aptcfg "$s" amd64
  names "$s" > "$OUT/log/$s.packages"
  # shellcheck disable=SC2046
  getonly "$s" amd64 "$debs" $(cat "$OUT/log/$s.packages")
  for f in "$debs"/*.deb; do
    dpkg-deb --fsys-tarfile "$f" | tar -xf - --keep-directory-symlink "${drop[@]/#/--exclude=}" -C "$r" || echo "FAILED to unpack $f"
    rm "$f"
  done
  [ -e "$r/bin/sh" ] || ln -s dash "$r/bin/sh"
  printf 'root:x:0:0:root:/root:/bin/sh\n' > "$r/etc/passwd"; printf 'root:x:0:\n' > "$r/etc/group"
  rm -rf "$OUT/apt/$s-amd64"
  chroot "$r" /sbin/ldconfig || echo "FAILED ldconfig $s"
}
for s in $SUITES; do
  (a=$(date +%s); large "$s"; echo "large root $s: $(($(date +%s) - a)) s" | tee -a "$OUT/log/times.txt") &
done; wait
touch "$OUT/complete"
