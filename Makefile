# make try     build, and judge real programs against several targets (no network beyond the Go proxy)
# make test    install what the tests need (as root, on Debian 12), build the lab, run every test
# make check   the fast loop: format, vet, staticcheck, unit tests
# make bench   benchmarks, and whole commands beside their peers, as ratios
# make fuzz    every fuzz target for FUZZTIME (default 10m)

export CGO_ENABLED ?= 0
GO ?= go
FUZZTIME ?= 10m

.PHONY: build try test check bench fuzz clean

build:
	$(GO) build -trimpath -ldflags "-s -w" -o bin/willrun ./cmd/willrun

try: build
	@bash scripts/try.sh bin/willrun

test: build
	bash lab/install.sh
	bash scripts/tools.sh
	$(GO) vet ./...
	$(GO) test -timeout 50m ./...

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -short ./...

bench: build
	$(GO) test -run '^$$' -bench . -benchmem ./...
	bash scripts/bench.sh bin/willrun

fuzz:
	@for f in $$(grep -rho --include='*_test.go' 'func Fuzz[A-Za-z]*' . | sed 's/func //'); do \
	  p=$$(dirname $$(grep -rl --include='*_test.go' "func $$f(" .)); echo "== $$p $$f"; \
	  $(GO) test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x || exit 1; done

clean:
	rm -rf bin
