# Everything that a newcomer and a developer does. Needs Linux, Python 3.11 to 3.13 and make, nothing else.
# Variables: PYTHON=/path/to/python3.12   PORT_BASE=23000   ARGS='-k flood' (make test)   CASE=pipeline (make bench)

VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
unexport PYTHONPATH PYTHONHOME
ifdef PORT_BASE
export LIANDONG_LOCAL_PORT_BASE := $(PORT_BASE)
endif

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: prepare
prepare: ## Make the virtual environment ready (every other target does this first)
	@PYTHON="$(PYTHON)" sh tools/venv.sh $(VENV)

.PHONY: up down status logs
up: prepare ## Start Kafka, the registry and one district, wait until healthy, print the console's address
	@$(BIN)/liandong up
down: prepare ## Stop what `make up` started; data stays
	@$(BIN)/liandong down
status: prepare ## Show each process: state, lag, memory, address
	@$(BIN)/liandong status
logs: prepare ## Print the end of a log (NAME=flood; default: the supervisor's)
	@$(BIN)/liandong logs $(NAME)

.PHONY: demo
demo: prepare fetch ## Play the rainstorm night and narrate it (HEADLESS=1: for machines)
	@$(BIN)/python -m tools.rainstorm $(if $(PORT_BASE),--port-base $(PORT_BASE)) $(ARGS)

.PHONY: fetch
fetch: prepare ## Download Kafka and the registry (artifacts.lock); `make up` does this too
	@$(BIN)/liandong fetch

.PHONY: test
test: prepare ## Run the tests; says what it skipped and why (CI=true: nothing may be skipped)
	@$(BIN)/liandong fetch || [ "$$CI" != true ]
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: test-fuzz
test-fuzz: prepare ## Fuzz the decoders and framers of the device protocols with a million cases
	@$(BIN)/python -m pytest tests/unit/frames/test_fuzz.py --hypothesis-profile=fuzz --timeout=0 $(ARGS)

.PHONY: test-crash
test-crash: prepare fetch ## Crash tests of both engines in their long form (ROUNDS=20)
	@$(BIN)/python -m pytest -s --timeout 3600 tests/integration/stream/test_chaos.py --chaos-rounds=4 $(ARGS)
	@LIANDONG_TEST_ROUNDS=$(or $(ROUNDS),20) $(BIN)/python -m pytest --timeout 3600 tests/integration/workflow/test_crash.py \
		tests/integration/workflow/test_replicas.py $(ARGS)

.PHONY: check lint types imports gen gen-check contracts
check: lint types imports contracts test ## Everything that CI checks
lint: prepare ## Form and common mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
types: prepare ## Types, strict
	@$(BIN)/mypy services tests tools
imports: prepare ## Imports go one way
	@$(BIN)/lint-imports
gen: prepare ## Write what is generated from schemas/, protos/ and the tables of the protocols
	@$(BIN)/liandong gen
	@$(BIN)/python -m tools.protocols_doc
gen-check: prepare ## Prove that what is generated is fresh
	@$(BIN)/liandong gen --check
	@$(BIN)/python -m tools.protocols_doc --check
contracts: prepare ## gen-check, and no change breaks what was released (AGAINST=REF) or registered
	@$(BIN)/liandong check $(if $(AGAINST),--against $(AGAINST)) $(ARGS)

.PHONY: bench
bench: prepare fetch ## Run a benchmark (CASE=NAME; no CASE lists them)
	@$(BIN)/python -m tests.load $(CASE) $(ARGS)

.PHONY: lock
lock: prepare ## Resolve requirements.lock again (ARGS=--upgrade: newest versions)
	@[ -x build/lock/bin/uv ] || { $(BIN)/python -m venv build/lock && build/lock/bin/pip install -q uv; }
	@PATH="$(CURDIR)/build/lock/bin:$$PATH" $(BIN)/python tools/lock_requirements.py $(ARGS)

.PHONY: clean
clean: ## Stop everything and remove data, logs and caches; downloads and the environment stay
	@[ ! -x $(BIN)/liandong ] || $(BIN)/liandong down
	@rm -rf .liandong/data .liandong/logs .liandong/run build .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@echo "Removed data, logs and caches."
