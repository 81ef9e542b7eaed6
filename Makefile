# `make check` is what has to pass before a change lands.
SOURCES = Package.swift $(wildcard Sources Tests Benchmarks Snippets Fuzz/Package.swift Fuzz/Sources)
IMPORTS = --explicit-target-dependency-import-check error
FUZZ_SECONDS = 5

# What the build and the server need, what the tests need besides, and what the benchmark does.
NEEDS = libbz2-dev liblzma-dev libsqlite3-dev libzstd-dev nix-bin pkg-config zlib1g-dev
TEST_NEEDS = bzip2 chromium curl debian-archive-keyring debootstrap faketime git groff-base iproute2 make nftables \
    nginx-light openssh-client openssh-server openssl pgbouncer postgresql procps prometheus python3-pip \
    python3-venv sqlite3 sudo systemd util-linux xz-utils zstd
BENCH_NEEDS = iproute2 nginx-light openssh-client openssh-server sqlite3 wrk xz-utils zstd
DELTA_BENCH_NEEDS = debian-archive-keyring patchelf zstd

# What a machine without Swift needs to run the binary of `make dist`, in Debian's names.
DIST_NEEDS = libbz2-1.0 liblzma5 libsqlite3-0 libstdc++6 libzstd1 zlib1g

# Where `make install` puts things; DESTDIR is a packager's, and is in none of the files.
PREFIX = /usr/local
UNITS = $(PREFIX)/lib/systemd/system
BINARY = .build/release/firn

# What `make dist` makes, and where.
DIST = .build
VERSION = $(shell sed -n 's/^ *static let version = "\(.*\)"$$/\1/p' Sources/firn/Firn.swift)
TARBALL = firn-$(VERSION)-linux-$(shell uname -m)
STATIC = .build/static/release/firn

check: lint docs fuzz test

run: setup
	swift build --configuration release --product firn
	./scripts/demo-closure
	exec .build/release/firn serve $(ARGS)

# Tests wait for each other's programs more than they compute; all at once they only starve.
test: export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 6
test: NEEDS += $(TEST_NEEDS)
test: setup
	-./scripts/nix-clients
	-./scripts/s3-servers
	-./scripts/just
	swift test --disable-xctest $(IMPORTS)

# The binary, its manuals, completions for three shells, and the units of examples/systemd. What is not built
# yet is built first.
install: $(BINARY)
	install -D --mode 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/firn
	./scripts/write-manuals $(DESTDIR)$(PREFIX)/share/man/man1
	./scripts/write-completions $(BINARY) $(DESTDIR)$(PREFIX)/share
	install -d --mode 755 $(DESTDIR)$(UNITS)
	for unit in firn.service firn.socket; do \
	    sed 's,/usr/local/,$(PREFIX)/,' examples/systemd/$$unit > $(DESTDIR)$(UNITS)/$$unit || exit 1; \
	done

# A tarball for machines without Swift: the runtime is in the binary. With STATIC=FILE that binary is packed.
dist: $(STATIC)
	rm -rf $(DIST)/$(TARBALL)
	$(MAKE) install BINARY=$(STATIC) DESTDIR=$(DIST)/$(TARBALL).tmp
	mv $(DIST)/$(TARBALL).tmp$(PREFIX) $(DIST)/$(TARBALL)
	rm -rf $(DIST)/$(TARBALL).tmp
	install --mode 644 LICENSE README.md CHANGELOG.md $(DIST)/$(TARBALL)
	tar --create --xz --file $(DIST)/$(TARBALL).tar.xz --directory $(DIST) --sort=name --owner=0 --group=0 \
	    --numeric-owner $(TARBALL)
	rm -rf $(DIST)/$(TARBALL)
	cd $(DIST) && sha256sum $(TARBALL).tar.xz > $(TARBALL).tar.xz.sha256

dist-needs:
	@echo $(DIST_NEEDS)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/firn $(DESTDIR)$(UNITS)/firn.service $(DESTDIR)$(UNITS)/firn.socket
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/firn.1 $(DESTDIR)$(PREFIX)/share/man/man1/firn-*.1
	./scripts/write-completions --remove $(DESTDIR)$(PREFIX)/share

.build/release/firn:
	$(MAKE) setup
	swift build --configuration release --product firn

# Symbols are of use to nobody who has no sources beside them. What is there may be of older sources.
.build/static/release/firn: FORCE
	$(MAKE) setup
	swift build --configuration release --static-swift-stdlib --scratch-path .build/static --product firn \
	    -Xlinker --strip-debug

bench: NEEDS += $(BENCH_NEEDS)
bench: setup
	swift run --configuration release FirnBenchmarks $(ARGS)

# Fetches packages of two Debian releases once, into ~/.cache/firn/bench.
bench-delta: NEEDS += $(DELTA_BENCH_NEEDS)
bench-delta: setup
	swift run --configuration release FirnBenchmarks $(or $(ARGS),--only delta)

# Each parser in turn, for FUZZ_SECONDS. An input that traps is left in Fuzz/.build; it goes into
# Fuzz/Corpus with its fix. The runtime's own backtrace would keep the fuzzer from seeing the trap.
fuzz: export SWIFT_BACKTRACE = enable=no
fuzz: setup
	swift build --package-path Fuzz --sanitize fuzzer
	for target in $(notdir $(wildcard Fuzz/Sources/*)); do \
	    mkdir -p Fuzz/.build/corpus/$$target Fuzz/Corpus/$$target; \
	    Fuzz/.build/debug/$$target -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=Fuzz/.build/ \
	        Fuzz/.build/corpus/$$target Fuzz/Corpus/$$target || exit 1; \
	done

lint: toolchain
	swift format lint --strict --parallel --recursive $(SOURCES)

format: toolchain
	swift format --in-place --parallel --recursive $(SOURCES)

docs: setup
	./scripts/check-docs

setup: toolchain
	@./scripts/install-packages $(NEEDS)

toolchain:
	@./scripts/check-swift

FORCE:

.PHONY: FORCE check install dist dist-needs uninstall run test bench bench-delta fuzz lint format docs setup toolchain
.NOTPARALLEL:
