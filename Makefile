# Makefile: the front door. Each target is one line of scripts/ or CMake; CMakePresets.json holds the configurations.
PYTHON  ?= /usr/bin/python3
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
export PYTHON DESTDIR JOBS

PRODUCTS := softjac_static softjac_shared softjac_command softjac_made_pages

.DEFAULT_GOAL := all
.PHONY: all test demo bench test-frameworks install sanitize lint valgrind clean help

all: ## build the libraries and build/softjac
	@scripts/configure release
	@cmake --build build --parallel $(JOBS) --target $(PRODUCTS)

test: ## install what is missing, build, run every test; says by name what could not run
	@scripts/setup test
	@scripts/test release

demo: ## install what is missing, build, check every derivative form on real input
	@scripts/setup demo
	@scripts/demo

bench: ## install what is missing, time softjac beside its peers; results in build/bench/
	@scripts/setup bench
	@scripts/configure release -DSOFTJAC_BENCH=ON >/dev/null
	@scripts/bench

test-frameworks: ## compare with the newest autograd and SciPy from PyPI; test the Python package installed by pip
	@scripts/setup frameworks
	@$(MAKE) --no-print-directory all
	@scripts/test-frameworks

install: all ## install under PREFIX (/usr/local), staged in DESTDIR
	@cmake --install build --prefix "$(PREFIX)"

sanitize: ## the same tests under ASan with UBSan, then those of the library under TSan
	@scripts/setup sanitize
	@scripts/test asan
	@scripts/test tsan

lint: ## warnings as errors (gcc, clang), clang-tidy, cppcheck, clang-format, shellcheck
	@scripts/setup lint
	@scripts/lint

valgrind: ## the unit tests under valgrind
	@scripts/setup valgrind
	@scripts/test valgrind

clean: ## remove the build folders
	rm -rf build build-*

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) JOBS=$(JOBS)"
