# Everything a developer or CI runs. `make help` lists it.
CARGO ?= cargo
TOOLS := target/tools/python/bin
# One profile, all packages and all targets at once: dependencies are then built with the same
# features for everything here, so that one build serves it all.
BUILD := $(CARGO) build --release --workspace --all-targets --locked
TEST := $(CARGO) test --release --workspace --locked

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build the function, the command, the demo and the tests
	$(BUILD)

.PHONY: demo
demo: build ## Run a sample trail through the real function and ask the tables two questions
	target/release/redtrail-demo

.PHONY: python
python: ## Install boto3 and the AWS CLI for the tests (from PyPI, into target/), once
	scripts/python.sh

.PHONY: test
test: build python ## Run every test
	$(TEST)

.PHONY: lint
lint: ## Check format, lints and documentation; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --release --workspace --no-deps --locked --document-private-items

.PHONY: deny
deny: ## Check licences, sources and banned packages of all that is depended on
	scripts/cargo-tool.sh cargo-deny 0.20.2 --no-default-features
# Also what only other systems need.
	$(CARGO) fetch --quiet --locked
	target/tools/bin/cargo-deny --offline --locked check bans licenses sources

.PHONY: advisories
advisories: ## Look up known vulnerabilities; fetches their database from GitHub
	scripts/cargo-tool.sh cargo-deny 0.20.2 --no-default-features
	target/tools/bin/cargo-deny --locked check advisories

.PHONY: template
template: ## Check the template: SAM, cfn-lint and checkov over combinations of its conditions
	scripts/tools.sh template
	$(TOOLS)/python scripts/check_template.py

.PHONY: check
check: test counts-check lint deny template ## What CI runs

.PHONY: sam-build
sam-build: ## Build the function for Lambda: SAM with cargo-lambda, for glibc 2.30
	scripts/tools.sh template build
	PATH="$(CURDIR)/$(TOOLS):$$PATH" SAM_CLI_TELEMETRY=0 sam build

.PHONY: sam-local
sam-local: build sam-build ## Run it in a container against embedded servers: sam local invoke, on podman
	SAM="$(CURDIR)/$(TOOLS)/sam" scripts/sam-local.sh

.PHONY: commands
commands: build python ## Run the aws and redtrail commands of the documents, as far as they go without an account
	python3 scripts/check_commands.py target/python/bin/aws target/release/redtrail

.PHONY: package
package: sam-build ## Make dist/: the zip, its SHA-256 and a plain CloudFormation template
	$(TOOLS)/python scripts/package.py

.PHONY: cli
cli: ## Build the redtrail command as one static Linux binary, dist/redtrail
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --locked --package redtrail --bin redtrail \
		--target x86_64-unknown-linux-gnu --target-dir target/static
	mkdir -p dist
	strip -o dist/redtrail target/static/x86_64-unknown-linux-gnu/release/redtrail
	scripts/static-command.sh dist/redtrail

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
nightly: properties simulation kills soak memory digests fuzz mutants template-all commands cli package sam-local ## All that takes long: about seven hours

.PHONY: properties
properties: build ## Run the properties on 50,000 cases each; at most an hour
	PROPTEST_CASES=50000 timeout 3600 $(TEST) --test reading --test resources --test payloads

.PHONY: simulation
simulation: build ## Simulate the whole function by 50,000 seeds; at most two hours
	REDTRAIL_RUNS=50000 timeout 7200 $(TEST) --test simulation

.PHONY: kills
kills: build ## Kill the function at 200 of its requests; at most 15 minutes
	REDTRAIL_KILLS=200 timeout 900 $(TEST) --test end_to_end -- --nocapture killed

.PHONY: soak
soak: build ## Run the function on a bad wire for half an hour
	REDTRAIL_SOAK_SECONDS=1800 timeout 2400 $(TEST) --test end_to_end -- --nocapture soaks

.PHONY: memory
memory: build ## Run the function on the largest logs, and on bombs, ten at once; at most 15 minutes
	REDTRAIL_LARGEST_LOGS=1 timeout 900 $(TEST) --test end_to_end -- --nocapture memory

.PHONY: digests
digests: build python ## Find 200 mixtures of tampering; have the AWS CLI judge where it is right
	DIGEST_MIXES=200 timeout 1800 $(TEST) --test digests
	target/release/examples/judge_digests target/python/bin/aws

.PHONY: fuzz
fuzz: ## Fuzz each of six targets for ten minutes
	scripts/cargo-tool.sh cargo-fuzz 0.13.2
	scripts/fuzz.sh 600

.PHONY: mutants
mutants: ## Change reader, selector and retry in one place at a time; at most two hours
	scripts/cargo-tool.sh cargo-mutants 27.1.0
	PROPTEST_CASES=64 timeout 7200 target/tools/bin/cargo-mutants mutants --package redtrail-core --output target

.PHONY: template-all
template-all: ## Check the template over every combination of its conditions
	scripts/tools.sh template
	$(TOOLS)/python scripts/check_template.py --all

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
