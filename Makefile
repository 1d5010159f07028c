# Daily commands. `make` alone lists them.

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
SIGNATURES := $(TARGET)/signatures
SAMPLES := $(TARGET)/samples
BROWSER := $(TARGET)/browser

.DEFAULT_GOAL := help
.PHONY: help check test demo bench docs snapshots rust-tests signatures samples browser pictures tools

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

check: ## Check formatting, lints, documentation and licences
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
	else echo "cargo-deny is not installed, so licences, bans and sources are not checked. Install it with:"; \
	echo "    cargo install --locked cargo-deny"; fi

test: tools rust-tests signatures samples browser ## Run all tests; installs missing tools

rust-tests:
	cargo test --workspace --locked

signatures: tools $(SIGNATURES)/python $(SIGNATURES)/node ## Verify signatures with the published Standard Webhooks libraries
	cargo build --locked -p sonnette-server
	$(SIGNATURES)/python/bin/python tests/signatures/check.py $(TARGET)/debug/sonnette $(SIGNATURES)/node

$(SIGNATURES)/python: tests/signatures/requirements.txt | tools
	rm -rf $@
	python3 -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(SIGNATURES)/node: tests/signatures/package.json tests/signatures/package-lock.json tests/signatures/receive.mjs | tools
	rm -rf $@
	mkdir -p $@
	cp $^ $@
	cd $@ && npm ci --silent --no-fund --no-audit
	touch $@

samples: tools $(SAMPLES)/python ## Start each code sample of the dashboard and send it requests
	cargo build --locked -p sonnette-server
	$(SAMPLES)/python/bin/python -B tests/samples/check.py $(TARGET)/debug/sonnette $(SAMPLES)
	$(SAMPLES)/python/bin/python -B tests/samples/check_restore.py $(TARGET)/debug/sonnette $(SAMPLES)

$(SAMPLES)/python: tests/samples/requirements.txt | tools
	rm -rf $@
	python3 -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

browser: tools $(BROWSER)/node_modules ## Test the dashboard in Chromium; FILE=story.test.mjs runs one file
	cargo build --locked -p sonnette-server
	SONNETTE=$(TARGET)/debug/sonnette BROWSER_MODULES=$(BROWSER) tests/browser/run $(FILE)

pictures: tools $(BROWSER)/node_modules ## Take the screenshots of the documentation again (needs pngquant)
	cargo build --locked -p sonnette-server
	SONNETTE=$(TARGET)/debug/sonnette BROWSER_MODULES=$(BROWSER) tests/browser/run pictures.mjs

$(BROWSER)/node_modules: tests/browser/package.json tests/browser/package-lock.json | tools
	mkdir -p $(BROWSER)
	cp $^ $(BROWSER)
	cd $(BROWSER) && npm ci --silent --no-fund --no-audit
	touch $@

tools:
	@tests/install

demo: ## Run a server with a receiver, and send it some notifications
	cargo run --release --locked -- demo

bench: ## Measure speed, memory, growth and isolation; writes docs/performance.md. FULL=1 takes longer, CASE=name is one case
	cargo build --release --locked -p sonnette-server --bin sonnette --example bench
	$(TARGET)/release/examples/bench $(TARGET)/release/sonnette --directory $(TARGET)/bench --docs docs \
		$(if $(FULL),--full) $(addprefix --only ,$(CASE))

docs: ## Open the library's documentation in a browser
	cargo doc --workspace --no-deps --open

snapshots: ## Review changed test snapshots (needs cargo-insta)
	cargo insta test --workspace --unreferenced=delete --review
