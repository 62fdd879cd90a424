#!/bin/bash
# try.sh WILLRUN: judges programs of this machine, and some made on the spot, against this machine, an empty system, and a
# small root made of this machine's own loader and libraries with one of them missing. Nothing is kept.
set -u; W=$(readlink -f "$1"); D=$(mktemp -d); trap 'rm -rf "$D"' EXIT; trap 'exit 130' INT TERM
say() { printf '\n\033[1m$ %s\033[0m\n' "$*" | { [ -t 1 ] && cat || sed 's/\x1b\[[0-9;]*m//g'; }; }
run() { local shown="${*//"$W"/willrun}"; say "${shown//"$D"/.}"; (cd "$D" && "$@") ; }
cd "$D"; export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
cat > hello.go <<'G'
package main

import (
	"fmt"
	"net"
)

func main() { fmt.Println(net.LookupHost("localhost")) }
G
printf 'module example.org/hello\n\ngo 1.26\n' > go.mod
CGO_ENABLED=0 go build -o hello-pure . && CGO_ENABLED=0 GOARCH=arm64 go build -o hello-arm64 . && GOAMD64=v4 CGO_ENABLED=0 go build -o hello-v4 . || exit 1
printf '#!/usr/bin/python9\nprint("hello")\n' > script; chmod +x script
cgo=; if command -v gcc >/dev/null && CGO_ENABLED=1 go build -o hello-cgo . 2>/dev/null; then cgo=hello-cgo; else echo "(no C compiler: the cgo program is left out)"; fi

# A small root: the loader and libraries of one program of this machine, all but its last library.
prog=/bin/ls; mkdir -p root/bin; cp "$prog" root/bin/; lost=
paths=$("$W" check "$prog" --format json | sed -n 's/^ *"path": "\(\/.*\)".*/\1/p')
for p in $paths; do case $p in */libc.so*|*/ld-*) ;; *) lost=$p;; esac; done
for p in $paths; do [ "$p" = "$lost" ] || { mkdir -p "root$(dirname "$p")"; cp -L "$p" "root$p"; }; done
mkdir -p root/etc; echo 'ID=small
PRETTY_NAME="a small root"' > root/etc/os-release

run "$W" --version
run "$W" check "$prog" "$W" "$(command -v go)"
run "$W" check "$prog" --on dir:root
run "$W" check hello-pure $cgo hello-arm64 hello-v4 script "$W" --on scratch,dir:root
run "$W" check hello-pure $cgo --on centos:8,almalinux:9,debian:12,alpine:3.20
run "$W" floor "${cgo:-hello-pure}"
run "$W" tree "$prog"
run "$W" inspect "${cgo:-hello-pure}"
run "$W" explain library-missing
echo; echo "Next: $(basename "$W") check YOUR_PROGRAM --on dir:/path/to/a/root; $(basename "$W") --help"
