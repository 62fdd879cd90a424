#!/bin/bash
# build-cases.sh OUT [SUITE]: compile every case in its suite's build chroot (or only SUITE's cases). Run under unshare -m.
set -u; OUT=$1; HERE=$(cd "$(dirname "$0")" && pwd); GOROOT_HOST=$(go env GOROOT)
mkdir -p "$OUT"/{bin,gocache}; [ -n "${2:-}" ] || rm -rf "$OUT/bin"/*; rm -rf "$OUT/src" "$OUT/cases"; cp -r "$HERE/_src" "$OUT/src"; cp -r "$HERE/cases" "$OUT/"
mount --make-rprivate /
in_() { local d=$OUT/dev/$1; mkdir -p "$d/L" "$d/usr/local/go" "$d/proc" "$d/dev" "$d/tmp"
  mount --bind "$OUT" "$d/L"; mount --bind "$GOROOT_HOST" "$d/usr/local/go"; mount -t proc proc "$d/proc" ; mount --rbind /dev "$d/dev"
  local a=$(date +%s); chroot "$d" /bin/bash -c "cd /L/bin && . /L/cases/$2.sh" ; printf 'build %-20s %4ds\n' $2 $(( $(date +%s)-a )) | tee -a "$OUT/log/times.txt"; }
for s in ${2:-bullseye trixie bookworm}; do in_ $s $s 2>&1 | tee "$OUT/log/build-$s.log"; done
if [ -z "${2:-}" ]; then
# pure Go, on the host
cd "$HERE/_src"; export GOFLAGS=-buildvcs=false GO111MODULE=off GOTELEMETRY=off CGO_ENABLED=0 GOCACHE=$OUT/gocache
g() { local n=$1; shift; mkdir -p "$OUT/bin/$n"; env "$@" || echo "BUILD FAIL $n"; }
b="go build -o"; P=$OUT/bin
g go-pure A=1 $b $P/go-pure/prog gopure.go
g go-pure-pie A=1 $b $P/go-pure-pie/prog -buildmode=pie gopure.go
g go-v3 GOAMD64=v3 $b $P/go-v3/prog gopure.go
g go-arm64 GOARCH=arm64 $b $P/go-arm64/prog gopure.go
g go-386 GOARCH=386 $b $P/go-386/prog gopure.go
g go-windows GOOS=windows $b $P/go-windows/prog gopure.go
# the toolchain switch needs a module
mkdir -p "$OUT/m122" && cp gopure.go "$OUT/m122/" && printf 'module m\n\ngo 1.22\n' > "$OUT/m122/go.mod" && mkdir -p $P/go122-pure
(cd "$OUT/m122" && env GO111MODULE=on GOFLAGS= GOTOOLCHAIN=go1.22.6 go build -o $P/go122-pure/prog .) || echo "BUILD FAIL go122-pure"; rm -rf "$OUT/m122"
g go-v2 GOAMD64=v2 $b $P/go-v2/prog gopure.go
g go-v4 GOAMD64=v4 $b $P/go-v4/prog gopure.go
g go-darwin GOOS=darwin GOARCH=arm64 $b $P/go-darwin/prog gopure.go
g go-stripped A=1 $b $P/go-stripped/prog -trimpath -ldflags=-s gopure.go
g go-s390x GOARCH=s390x $b $P/go-s390x/prog gopure.go
g go-riscv64 GOARCH=riscv64 $b $P/go-riscv64/prog gopure.go
g go-arm GOARCH=arm $b $P/go-arm/prog gopure.go
chmod 755 $P/*/prog 2>/dev/null; cd $P && . "$HERE/cases/modes.sh"
fi
