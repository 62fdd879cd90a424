#!/bin/bash
# bench.sh WILLRUN: whole commands over all dynamic executables of /usr/bin, one after the other, and their CPU time as a
# multiple of willrun's, in one run. Peers that are not installed are left out.
set -u; W=$(readlink -f "$1"); L=$(mktemp); trap 'rm -f "$L" "$L.t"' EXIT
for f in /usr/bin/*; do [ -f "$f" ] && [ ! -L "$f" ] && readelf -lW "$f" 2>/dev/null | grep -q INTERP && echo "$f"; done > "$L"
echo "$(wc -l < "$L") dynamic executables in /usr/bin"
cpu() { local best= i t; for i in 1 2 3; do
  t=$( { TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1; } 2>&1 | awk '{print $1+$2}'); [ -z "$best" ] || [ "$(echo "$t < $best" | bc)" = 1 ] && best=$t; done; echo "$best"; }
base=$(cpu xargs -a "$L" "$W" check -q --fail-on blocks); printf '%-34s %8s s  %s\n' "willrun check, symbols and all" "$base" "1.0"
# A peer that is not there, or can't run here, has no row.
works() { command -v "$1" >/dev/null && echo /usr/bin/bash | xargs "${@:2}" >/dev/null 2>&1; }
row() { local n=$1; shift; works "$@" || return 0; local t; t=$(cpu xargs -a "$L" "${@:2}"); printf '%-34s %8s s  %.1f\n' "$n" "$t" "$(echo "$t/$base" | bc -l)"; }
row "ldd, one batch" ldd ldd
row "ldd -r, one batch" ldd ldd -r
row "lddtree, one batch" lddtree lddtree
row "libtree, a process a file" libtree -n 1 libtree
row "readelf -dVW, one batch" readelf readelf -dVW

# One file, and many targets: the wall is what a person waits for.
wall() { local best= i t; for i in 1 2 3 4 5; do
  t=$( { TIMEFORMAT=%R; time "$@" >/dev/null 2>&1; } 2>&1); [ -z "$best" ] || [ "$(echo "$t < $best" | bc)" = 1 ] && best=$t; done; echo "$best"; }
waits() { printf '%-34s %8s s wall\n' "$1" "$(wall "${@:2}")"; }
head -100 "$L" > "$L.t"; n=$("$W" target list 2>/dev/null | grep -c :)
echo; waits "willrun check, one file" "$W" check -q /usr/bin/bash
waits "willrun check, one file, a release" "$W" check -q --on almalinux:9 /usr/bin/bash
waits "100 files x $n releases" xargs -a "$L.t" "$W" check -q --on all
# The most memory that one process had, where GNU time can tell.
peak() { [ -x /usr/bin/time ] || return 0; local k; k=$(xargs -a "$L" /usr/bin/time -f 'KB %M' "${@:2}" 2>&1 >/dev/null | sed -n 's/^KB //p' | tail -1); printf '%-34s %8s MB at most\n' "$1" "$((k/1024))"; }
peak "willrun check" "$W" check -q
peak "willrun check --format json" "$W" check --format json

# Trees: libtree takes one file after the other in one process too, and is at its best so; run once a file is what people do.
tree=$(cpu xargs -a "$L" "$W" tree); printf '\n%-34s %8s s  %s\n' "willrun tree, one process" "$tree" "1.0"
trees() { local n=$1; shift; works "$@" || return 0; local t; t=$(cpu xargs -a "$L" "${@:2}"); printf '%-34s %8s s  %.1f\n' "$n" "$t" "$(echo "$t/$tree" | bc -l)"; }
trees "libtree, a process a file" libtree -n 1 libtree
trees "libtree, one batch" libtree libtree
trees "lddtree, one batch" lddtree lddtree
trees "willrun tree, a process a file" "$W" -n 1 "$W" tree
