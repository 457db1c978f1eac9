# make demo    set up, build, run the example         make check   format, lint, clang-tidy
# make test    set up, build, run all tests           make format  apply what check asks for
# make bench   set up, build, time against the peers  make docs    dialect and pass pages in build/docs
# make costs   set up, build, measure cost tables     make clean   remove build/ (.venv/ stays)
SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: setup build test check demo bench costs docs clean format tidy missing

JOBS ?= $(shell nproc)
BIN := .venv/bin
# Files that git tracks or would track: a new file is checked before it is added.
sources = $(wildcard $(shell git ls-files --cached --others --exclude-standard -- $(1)))
CODE := $(call sources,'*.cpp' '*.h' '*.c')

# --- set up and build --------------------------------------------------------
# Runs again only if one of these files changed or one of the commands is gone.
SETUP := build/.setup-done
COMMANDS := $(wildcard $(BIN)/ulq) $(wildcard $(BIN)/ulq-opt)
$(SETUP): scripts/setup.sh pyproject.toml $(if $(filter 2,$(words $(COMMANDS))),,missing)
	@JOBS=$(JOBS) scripts/setup.sh
	@touch $@

setup: $(SETUP)

build: $(SETUP)
	@ninja -C build --quiet -j $(JOBS)

docs: build
	@ninja -C build --quiet mlir-doc
	@echo "pages are in build/docs"

clean:
	rm -rf build

# --- run ---------------------------------------------------------------------
demo: build
	@$(BIN)/python examples/digits/demo.py

# The peers are large: they live beside ulq in an environment of their own. BENCH has options of the driver, e.g.
# make bench BENCH="--suite e2e --networks resnet18 --bits w2a2 --threads 1".
BENCH ?= --isa host,x86-64-v4,x86-64-v3
BENCH_ENV := build/bench-env
bench: build $(BENCH_ENV)/.done
	@mkdir -p build/bench
	@$(BENCH_ENV)/bin/python test/bench/run.py $(BENCH) \
	  --json build/bench/results.json --markdown build/bench/results.md --chart build/bench/chart.svg

$(BENCH_ENV)/.done: test/bench/requirements.txt pyproject.toml
	@echo "installing the peers in $(BENCH_ENV)"
	@$${PYTHON:-python3} -m venv $(BENCH_ENV)
	@$(BENCH_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable . -r $<
	@touch $@

costs: build
	@$(BIN)/python test/bench/costs.py

# --- what a change must pass -------------------------------------------------
# pytest runs even if lit fails, in a process per core. Each takes neighbouring tests, which share what they compile,
# and what the others have left.
test: build
	@failed=0; \
	$(BIN)/lit -q -j $(JOBS) --param build=build --xunit-xml-output=build/lit.xml test || failed=1; \
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --junit-xml=build/pytest.xml || failed=1; \
	exit $$failed

check: build
	@clang-format-22 --dry-run -Werror $(or $(CODE),$(error found no C++ files: is this a git checkout?))
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(MAKE) --no-print-directory -j $(JOBS) tidy

format: $(SETUP)
	@clang-format-22 -i $(or $(CODE),$(error found no C++ files: is this a git checkout?))
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

# One stamp per file, so that only what changed is looked at again.
HEADERS := $(call sources,'*.h' '*.td')
tidy: $(patsubst %.cpp,build/tidy/%.ok,$(call sources,'dialect/*.cpp' 'lowering/*.cpp'))
build/tidy/%.ok: %.cpp .clang-tidy $(HEADERS)
	@echo "clang-tidy $<"
	@clang-tidy-22 --quiet -p build $< 2> >(grep -v ' generated\.$$' >&2)
	@mkdir -p $(@D) && touch $@
