# Everything a developer or CI runs. `make help` lists it.
CARGO ?= cargo
# One profile, all packages and all targets at once: dependencies are then built with the same
# features for everything here, so that one build serves it all.
BUILD := $(CARGO) build --release --workspace --all-targets --locked

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

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
check: test lint ## What CI runs

.PHONY: nightly
nightly: build ## Run what takes long: properties at most an hour, kills 15 minutes, soak 40 minutes, digests 10 minutes
	PROPTEST_CASES=50000 timeout 3600 $(CARGO) test --release --workspace --locked \
		--test reading --test resources --test payloads
	REDTRAIL_KILLS=200 timeout 900 $(CARGO) test --release --workspace --locked \
		--test end_to_end -- --nocapture killed
	REDTRAIL_SOAK_SECONDS=1800 timeout 2400 $(CARGO) test --release --workspace --locked \
		--test end_to_end -- --nocapture soaks
	DIGEST_MIXES=200 $(CARGO) test --release --workspace --locked --test digests
	python3 -m venv target/judge
	target/judge/bin/pip install --quiet --requirement tests/python/judge.txt
	target/release/examples/judge_digests target/judge/bin/aws

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
