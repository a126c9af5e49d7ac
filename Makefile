# Everything a developer or CI runs. `make help` lists it.
CARGO ?= cargo
# One profile, all packages and all targets at once: dependencies are then built with the same
# features for everything here, so that one build serves it all.
BUILD := $(CARGO) build --release --workspace --all-targets --locked

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build the function, the command, the demo and the tests
	$(BUILD)

.PHONY: demo
demo: build ## Run a sample trail through the real function and ask the tables two questions
	target/release/redtrail-demo

.PHONY: test
test: build ## Run every test
	$(CARGO) test --release --workspace --locked

.PHONY: lint
lint: ## Check format, lints and documentation; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --release --workspace --no-deps --locked --document-private-items

.PHONY: check
check: test counts-check lint ## What CI runs

.PHONY: bench
bench: build ## Measure what reading costs beside what others take; write docs/performance.md
	python3 -m venv target/bench/venv
	-for peer in orjson ijson polars duckdb chdb; do \
		target/bench/venv/bin/pip install --quiet --only-binary :all: $$peer; done
	target/release/redtrail-bench report --python target/bench/venv/bin/python

.PHONY: counts-check
counts-check: build ## Compare instruction counts with those on file; needs Valgrind, else it is skipped
	target/release/redtrail-bench gate

.PHONY: counts
counts: build ## Put this code's instruction counts on file
	target/release/redtrail-bench gate --update

.PHONY: nightly
nightly: build ## Run the properties on many more cases; at most an hour
	PROPTEST_CASES=50000 timeout 3600 $(CARGO) test --release --workspace --locked \
		--test reading --test resources --test payloads

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
