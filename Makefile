# `make check` is what has to pass before a change lands.
SOURCES = Package.swift $(wildcard Sources Tests Benchmarks Snippets Fuzz/Package.swift Fuzz/Sources)
IMPORTS = --explicit-target-dependency-import-check error
FUZZ_SECONDS = 5

# What the build and the server need, what the tests need besides, and what the benchmark does.
NEEDS = libbz2-dev liblzma-dev libsqlite3-dev libzstd-dev nix-bin pkg-config zlib1g-dev
TEST_NEEDS = bzip2 curl debian-archive-keyring debootstrap git iproute2 nginx-light openssh-client \
    openssh-server openssl procps python3-pip sqlite3 sudo \
    systemd util-linux xz-utils zstd
BENCH_NEEDS = iproute2 nginx-light openssh-client openssh-server sqlite3 wrk xz-utils zstd

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
	-./scripts/just
	swift test --disable-xctest $(IMPORTS)

bench: NEEDS += $(BENCH_NEEDS)
bench: setup
	swift run --configuration release FirnBenchmarks $(ARGS)

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

.PHONY: check run test bench fuzz lint format docs setup toolchain
.NOTPARALLEL:
