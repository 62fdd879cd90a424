#!/bin/bash
# debian.sh SUITE ARCH OUT: fetches the .debs that debian-packages.txt beside this file names, with all that they depend on, into
# OUT/SUITE-ARCH, and writes which of them every installation has to base.txt there. gen makes an index of that folder:
#
#   bash pkgindex/internal/gen/debian.sh bookworm amd64 /tmp/debs
#   go run ./pkgindex/internal/gen deb /tmp/debs/bookworm-amd64 debian:12 pkgindex/data/debian-12-amd64.idx
#
# MIRROR names another mirror of Debian.
set -u
here=$(cd "$(dirname "$0")" && pwd)
suite=$1 arch=$2 OUT=$3
. "$here/../../../lab/roots.sh" "$OUT" lib
aptcfg "$suite" "$arch"
export APT_CONFIG=$OUT/apt/$suite-$arch/apt.conf
dest=$OUT/$suite-$arch; mkdir -p "$dest/partial"

apt-cache dumpavail | awk '/^Package: /{p=$2} /^Priority: (required|important)$/{print p}' | sort -u > "$dest/base.txt"
known=$(apt-cache pkgnames)
has() { grep -qxF -- "$1" <<< "$known" && [ -n "$(apt-cache policy "$1" | awk '/Candidate:/ && $2 != "(none)"{print $2}')" ]; }
wanted=()
while read -r line; do
  for name in ${line%%#*}; do
    if has "$name"; then wanted+=("$name"); break; fi
  done
done < "$here/debian-packages.txt"
# uris names the files that a command line needs.
uris() { apt-get -qq -y --print-uris -o Dir::Cache::archives="$dest/none" install "$@" 2>/dev/null | awk '{print $2}'; }
mkdir -p "$dest/none/partial"
{
  uris $(cat "$dest/base.txt")
  # Where some exclude one another, each is resolved for itself.
  uris "${wanted[@]}" | grep . || for name in "${wanted[@]}"; do uris "$name"; done
} | sed 's/%3a/:/g' | sort -u > "$dest/files.txt"
sed 's/_.*//' "$dest/files.txt" | sort -u > "$dest/names.txt"
(cd "$dest" && xargs -n 40 apt-get -qq download < names.txt) || echo "GET FAILED $suite-$arch"
ls "$dest"/*.deb | wc -l
