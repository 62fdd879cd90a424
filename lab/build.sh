#!/bin/bash
# build.sh OUTDIR [roots|cases|views]: real root file systems and real binaries, from nothing. As root on Debian 12 x86-64,
# with what packages.txt names. No stage stops at the first error: look for FAIL in the output.
set -eu; [ $# -ge 1 ] || { echo "usage: build.sh OUTDIR [roots|cases|views]"; exit 2; }
mkdir -p "$1"; OUT=$(cd "$1" && pwd); H=$(cd "$(dirname "$0")" && pwd); S=${2:-all}
w() { [ "$S" = all ] || [ "$S" = "$1" ]; }
if w roots; then bash "$H/roots.sh" "$OUT"; fi
if w cases; then unshare -m bash "$H/build-cases.sh" "$OUT"; fi
if w views; then bash "$H/views.sh" "$OUT"; fi
rm -rf "$OUT/gocache"
touch "$OUT/complete"
