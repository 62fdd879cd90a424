. /L/cases/prelude.sh
c c-hello.trixie hello.c
c c-math.trixie math.c -lm
c c-strlcpy.trixie strlcpy.c
mkdir -p cpp-iostream.trixie; g++ -O1 -o cpp-iostream.trixie/prog $S/hello.cc
CGO_ENABLED=1 gob go-cgo.trixie gocgo.go
c c-relr.trixie hello.c -Wl,-z,pack-relative-relocs
c c-hello.trixie hello.c
mkdir -p gccgo-14.trixie; gccgo-14 -O1 -o gccgo-14.trixie/prog $S/gccgo.go
so parts libnew.so libnew.c
c c-many.trixie many.c -pthread -lresolv -lm
