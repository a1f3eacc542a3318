# The one door to everything a developer or CI does; `make` lists it. Python 3.11 or newer and make are all it needs.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
READY := $(VENV)/.ready
INSTALLED := $(VENV)/requirements.installed
LOCK := requirements-dev.lock
# What the CI job that `brownout init` writes installs; it is part of the package.
JOB_LOCK := controller/brownout_catalogue/generate/job-requirements.lock
PROTOS := proxy/brownout_core/v1/proxy.proto controller/brownout_controller/v1/controller.proto
TYPED := proxy controller tests bench tools deploy/demo
# The pages of docs/ that tools/docs computes.
PAGES := experiments faults findings limits lint

# The oldest version that we support comes first: what runs on it runs on the newer ones, and every
# package of the lock has a wheel for it.
PYTHON ?= $(shell for python in python3.11 python3.12 python3 python3.13 python3.14; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

# One for each core. With more, experiments that run for real find the machine too slow for their baselines to hold.
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

# Images for containers set it, and every process of a test would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup check test test-kube kubetest fuzz mutants bench bench-guard gen demo margins tour lock clean

help:  ## this list
	@awk -F ':.*##' '/^[a-z-]+:.*##/ { printf "%-13s%s\n", $$1, $$2 }' Makefile

setup: $(READY)  ## make .venv as the lock says; does nothing when it is up to date

# With uv, taken from the lock like the rest, a set-up took 19 s, with pip alone 61 s; but uv does not read a
# company's pip.conf, so pip has the last word. requirements.installed is written at the
# end: a set-up that was interrupted, or that was not ours, starts anew. A change of pyproject.toml alone only
# installs the project again.
$(READY): $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer with the venv module is on PATH;" \
		"install one (Debian: python3 and python3-venv) or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@if ! cmp -s $(LOCK) $(INSTALLED) || ! $(PY) -c '' 2>/dev/null; then \
		echo "setting up $(VENV) with $(PYTHON) ..." && \
		$(PYTHON) -m venv --clear $(VENV) && \
		awk '/^[^ #]/ { uv = /^uv==/ } uv' $(LOCK) > $(VENV)/uv.lock && \
		$(PIP) --require-hashes -r $(VENV)/uv.lock && \
		{ $(PY) -m uv pip install --quiet --python $(PY) --compile-bytecode --require-hashes -r $(LOCK) || \
			$(PIP) --require-hashes -r $(LOCK); } && \
		cp $(LOCK) $(INSTALLED); \
	fi
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

check: setup  ## lint, formatting, types, floors, generated files
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(TYPED)
	$(VENV)/bin/lint-imports --no-logo
	@for page in $(PAGES); do $(PY) -m tools.docs.$$page | diff -u docs/$$page.md - \
		|| { echo "docs/$$page.md is not what the code declares: run 'make gen'" >&2; exit 1; }; done
	@rm -rf $(VENV)/protos && mkdir $(VENV)/protos && $(call protoc,$(VENV)/protos)
	@for place in proxy/brownout_core controller/brownout_controller; do \
		root=$${place%%/*} && for file in $$(cd $(VENV)/protos && find $${place#*/} -name '*_pb2*'); do \
		diff -u $$root/$$file $(VENV)/protos/$$file \
		|| { echo "$$root/$$file is not what its .proto says: run 'make gen'" >&2; exit 1; }; done; done

test: setup  ## all tests, and coverage of the pure parts; ARGS="-k half_close" for some, WORKERS=0 for one process
	@$(PY) -m pytest -n $(WORKERS) --dist=loadscope $(or $(ARGS),--cov)

kubetest:  ## build kube-apiserver and etcd (Go 1.26; once, 5 minutes of processor time) and print their folder
	@tools/kubetest/build.sh

test-kube: setup  ## the tests of clusters on a real kube-apiserver, which it builds if need be
	@assets="$${KUBEBUILDER_ASSETS:-$$(tools/kubetest/build.sh)}" && KUBEBUILDER_ASSETS="$$assets" BROWNOUT_REQUIRE_KUBE=1 \
		$(PY) -m pytest tests/contract/test_cluster_lock.py tests/e2e/test_cluster_lock.py $(ARGS)

fuzz: setup  ## foreign bytes for parsers, JOBS=2 at once, and requests for servers; SECONDS=30 for each of 13
	@$(PY) -m tests.fuzz --seconds $(or $(SECONDS),30) --jobs $(or $(JOBS),2) $(ARGS)

mutants: setup  ## make thirty chosen mistakes, one at a time, and see the tests notice each; 10 minutes
	@$(PY) -m tools.mutants $(ARGS)

bench: setup  ## measure everything that is on this machine side by side; results in bench/results/
	@$(PY) -m bench $(ARGS)

bench-guard: setup  ## fail when the proxy costs too much more than a bare relay
	@$(PY) -m pytest bench $(ARGS)

gen: setup  ## write the generated files anew
	@set -e; for page in $(PAGES); do \
		$(PY) -m tools.docs.$$page > docs/.$$page.md && mv docs/.$$page.md docs/$$page.md; done
	@rm -rf $(VENV)/protos && mkdir $(VENV)/protos && $(call protoc,$(VENV)/protos)
	cp -R $(VENV)/protos/brownout_core proxy/
	cp -R $(VENV)/protos/brownout_controller controller/

# Into the folder $(1), which gets both packages.
protoc = $(PY) -m grpc_tools.protoc -I proxy -I controller --python_out=$(1) --pyi_out=$(1) --grpc_python_out=$(1) \
	$(PROTOS)

demo: setup  ## the payment shop: one experiment, three versions of a service, three verdicts
	@$(PY) -m deploy.demo.story $(ARGS)

margins: setup  ## how far the shop is from breaking: the timeouts of its code, found by bisection; 4 minutes
	@$(PY) -m deploy.demo.margins $(ARGS)

tour: setup  ## every fault on and off, before real PostgreSQL and Redis
	@$(PY) -m deploy.demo $(ARGS)

lock: setup  ## resolve the dependencies of pyproject.toml; UPGRADE=--upgrade takes newer versions
	$(PY) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --quiet $(UPGRADE) --output-file $(LOCK)
	$(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --quiet $(UPGRADE) --output-file requirements.lock
	$(PY) -m uv pip compile pyproject.toml --extra controller --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --quiet $(UPGRADE) --no-annotate --output-file $(JOB_LOCK)

clean:  ## remove everything that make made, .venv too
	rm -rf $(VENV) build dist .fuzz .benchmarks .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
