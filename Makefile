# Everything a developer or CI runs. `make help` lists it.
CARGO ?= cargo
# One profile, all packages and all targets at once: dependencies are then built with the same
# features for everything here, so that one build serves it all.
TOOLS := target/tools/python/bin
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

.PHONY: template
template: ## Check the template: SAM, cfn-lint and checkov over combinations of its conditions
	scripts/tools.sh template
	$(TOOLS)/python scripts/check_template.py

.PHONY: check
check: test lint template ## What CI runs

.PHONY: sam-build
sam-build: ## Build the function for Lambda: SAM with cargo-lambda, for glibc 2.30
	scripts/tools.sh template build
	PATH="$(CURDIR)/$(TOOLS):$$PATH" SAM_CLI_TELEMETRY=0 sam build

.PHONY: sam-local
sam-local: build sam-build ## Run it in a container against embedded servers: sam local invoke, on podman
	SAM="$(CURDIR)/$(TOOLS)/sam" scripts/sam-local.sh

.PHONY: package
package: sam-build ## Make dist/: the zip, its SHA-256 and a plain CloudFormation template
	$(TOOLS)/python scripts/package.py

.PHONY: nightly
nightly: build package sam-local ## Package, sam local invoke, every combination of the template, properties on many more cases
	$(TOOLS)/python scripts/check_template.py --all
	PROPTEST_CASES=50000 timeout 3600 $(CARGO) test --release --workspace --locked \
		--test reading --test resources --test payloads

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
