# BotFlix from a fresh clone. `make` alone lists what there is.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
BOTFLIX := $(TARGET)/release/botflix
DATA ?= $(TARGET)/demo
LISTEN ?= 127.0.0.1:8080
ARGS ?=

PLAYWRIGHT := playwright-core@1.64.1
AXE := axe-core@4.14.1
BULLMQ := bullmq@6.7.0 ioredis@5.11.1
CARGO_DENY := 0.19.0

export BOTFLIX_BROWSER_MODULES := $(TARGET)/browser/node_modules
export BOTFLIX_PROMETHEUS := $(TARGET)/prometheus/usr/bin

##@ Use

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup-run build ## A two-minute episode made, rendered, published and served; ARGS=--exit ends when it is checked
	$(BOTFLIX) demo --data $(DATA) $(ARGS)

.PHONY: up
up: setup-run build ## The whole farm on this machine, empty; DATA=… LISTEN=…
	$(BOTFLIX) up --data $(DATA) --listen $(LISTEN) $(ARGS)

.PHONY: build
build: ## The program: target/release/botflix
	cargo build --release --locked -p botflix-cli

.PHONY: bench
bench: setup-bench build ## The same films made by BotFlix and by others, compared and checked; ARGS=--quick, --long, --quality
	cargo run --locked --quiet -p botflix-testkit --bin bench -- --botflix $(BOTFLIX) --python .venv-bench/bin/python --dir $(TARGET)/bench $(ARGS)

.PHONY: bench-farm
bench-farm: setup-bench-farm build ## What the control plane costs per task with 1,000 simulated workers, BullMQ beside it; ARGS=--quick
	cargo run --release --locked --quiet -p botflix-testkit --bin bench-farm -- --botflix $(BOTFLIX) --bullmq $(TARGET)/bullmq $(ARGS)

##@ Change

.PHONY: test
test: setup-test check run-tests ## Everything that must hold before a change lands

.PHONY: check
check: fmt-check clippy walls deny ## What can be said without running it

.PHONY: fmt
fmt: ## Formats the code
	cargo fmt --all

.PHONY: schemas
schemas: ## Writes schemas/ from the Rust types; the tests fail when it is out of date
	cargo run --locked --quiet -p botflix-api --example generate_schemas

.PHONY: fmt-check
fmt-check:
	cargo fmt --all --check

.PHONY: clippy
clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: walls
walls: ## Keeps the rooms of ARCHITECTURE.md apart
	cargo run --locked --quiet -p botflix-testkit --bin walls

.PHONY: deny
deny: $(TARGET)/tools/bin/cargo-deny ## Licences, sources and unwanted crates
	$< --locked check licenses bans sources

WITH_S3 := cargo run --locked --quiet -p botflix-testkit --bin with-s3 --

# With BOTFLIX_TEST_ALL a test whose server is not installed fails instead of being skipped.
.PHONY: run-tests
run-tests:
	if cargo nextest --version >/dev/null 2>&1; then \
		BOTFLIX_TEST_ALL=1 $(WITH_S3) cargo nextest run --locked --workspace; \
	else \
		BOTFLIX_TEST_ALL=1 $(WITH_S3) cargo test --locked --workspace --no-fail-fast -- --test-threads=2; \
	fi

.PHONY: soak
soak: SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
soak: ## The farm's tables and loops under what only chance comes upon, for some minutes; SEED=… plays it again
	@echo "soak: SEED=$(SEED)"
	PROPTEST_RNG_SEED=$(SEED) PROPTEST_CASES=400 cargo test --locked --workspace --test farm -- --nocapture model:: chances::

.PHONY: chaos
chaos: SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
chaos: MINUTES ?= 10
chaos: setup-test build ## A farm of real processes under every fault of the matrix; SEED=… MINUTES=… ARGS=--database=postgres
	cargo run --locked --quiet -p botflix-testkit --bin chaos -- --botflix $(BOTFLIX) --seed $(SEED) --minutes $(MINUTES) $(ARGS)

##@ Prepare

.PHONY: setup
setup: setup-run setup-test ## Installs all that is missing here

.PHONY: setup-run
setup-run: ## … to build and run: a C compiler, ffmpeg, Redis, a voice, fonts
	@scripts/install-packages cc=build-essential ffmpeg=ffmpeg redis-server=redis-server espeak-ng=espeak-ng \
		'/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf=fonts-noto-core' \
		'/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf=fonts-dejavu-core'

.PHONY: setup-test
setup-test: setup-run test-packages .venv/installed $(TARGET)/browser/installed $(TARGET)/prometheus/installed $(TARGET)/tools/bin/cargo-deny ## … to test: Postgres, an S3 server, a browser, Prometheus, linters

.PHONY: setup-bench
setup-bench: setup-run .venv-bench/installed ## … to compare: what people use today, from PyPI

.PHONY: setup-bench-farm
setup-bench-farm: setup-run $(TARGET)/bullmq/installed ## … to measure the control plane: Postgres, and BullMQ from npm
	@scripts/install-packages '/usr/lib/postgresql/*/bin/initdb=postgresql'

.PHONY: test-packages
test-packages:
	@scripts/install-packages '/usr/lib/postgresql/*/bin/initdb=postgresql' chromium=chromium node=nodejs npm=npm python3=python3 systemd-analyze=systemd
	@python3 -c 'import ensurepip' 2>/dev/null || scripts/install-packages no-ensurepip=python3-venv

.venv/installed: scripts/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.venv-bench/installed: scripts/bench-requirements.txt
	@python3 -c 'import ensurepip' 2>/dev/null || scripts/install-packages no-ensurepip=python3-venv
	python3 -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(TARGET)/browser/installed: Makefile
	mkdir -p $(@D)
	npm install --prefix $(@D) --no-save --no-package-lock --no-audit --no-fund --loglevel=error $(PLAYWRIGHT) $(AXE)
	touch $@

$(TARGET)/bullmq/installed: Makefile
	@scripts/install-packages node=nodejs npm=npm
	mkdir -p $(@D)
	npm install --prefix $(@D) --no-save --no-package-lock --no-audit --no-fund --loglevel=error $(BULLMQ)
	touch $@

# Unpacked and not installed: Debian's package would start it as a service, now and after every boot.
$(TARGET)/prometheus/installed:
	mkdir -p $(@D)
	{ command -v prometheus && command -v promtool; } >/dev/null || scripts/unpack-package prometheus $(@D)
	touch $@

# Unoptimised: it builds in half the time and runs for a second.
$(TARGET)/tools/bin/cargo-deny:
	cargo install --quiet --locked --debug --version $(CARGO_DENY) --root $(TARGET)/tools --target-dir $(TARGET)/tools/build cargo-deny
	rm -rf $(TARGET)/tools/build
