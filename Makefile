# Each target makes and reuses one .venv; nothing else needs to be installed but Python 3.11+ and make.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3 python,$(shell command -v $(name) 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
# pinned: what constraints.txt names; lowest and newest: the ends of what pyproject.toml allows
DEPS ?= pinned
# what `make prose` reads
PROSE := pipelines benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md Makefile Dockerfile pyproject.toml
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# compiled modules halve the start of every command
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo dist test test-wheel test-unit test-exhaustive browser pgbouncer faketime check bench scale prove dashboard docs test-superset test-dbt test-ducklake test-airflow test-celery redis npm pictures screens prose clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    two runs against an emulator on this machine, and what SQL answers"
	@echo "make test    the tests, over real sockets and real DuckDB files"
	@echo "make test-unit  the quick tests, which need no server"
	@echo "make test-exhaustive  a share of each proof that tries thousands of cases"
	@echo "make check   lint, types, import contracts, generated docs, coverage"
	@echo "make prose   spelling, and the words and phrases that CONTRIBUTING.md forbids"
	@echo "make bench   speed, memory and requests, compared with a plain script"
	@echo "make scale   the tables of docs/explanation/scale.md: a small case measured, large ones simulated"
	@echo "make prove   the exhaustive proofs in full: hours; SEED=N repeats or continues one"
	@echo "make dashboard  the example dashboard, on the data of make demo"
	@echo "make dist    build wheel and sdist, and check what is in them"
	@echo "make test-wheel  use the wheel as a user does: an empty folder, a fresh environment"
	@echo "make docs    write the generated pages, and build the documentation into site/"
	@echo "make test-superset  import them into a separate Superset and compare its numbers with SQL"
	@echo "make test-ducklake   runs into a DuckLake on a Postgres catalogue"
	@echo "make test-dbt  build the dbt package on DuckDB and on Postgres"
	@echo "make test-airflow  run the DAG in a separate Airflow, as docs/how-to/airflow.md says"
	@echo "make test-celery  run it on two Celery workers, one of which is killed"
	@echo "make pictures  take the screenshots of the docs again"
	@echo "make screens   record what a terminal shows into docs/screens/"
	@echo "make clean   remove what the targets made"

demo: $(VENV)/.installed-demo
	@$(BIN)/kore-campaigns demo

test: $(VENV)/.installed-test browser pgbouncer faketime
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m 'not exhaustive' --cov --cov-report=

test-unit: $(VENV)/.installed-test
	@$(BIN)/python -m pytest -q -n auto tests/unit

# a share of each exhaustive proof; `make prove` runs all of it
test-exhaustive: $(VENV)/.installed-test
	@$(BIN)/python -m pytest -q -n auto --maxschedchunk=1 -m exhaustive

# some tests drive a real Chromium, which no Python package brings
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		{ echo "installing Chromium for the tests in a browser, once"; \
		$(if $(filter-out 0,$(shell id -u)),sudo) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null'; } || \
		{ echo "no Chromium on this machine. Next: install one, then make test"; exit 1; }

# some tests run behind a real connection pooler, or by a clock that is wrong
pgbouncer faketime:
	@PATH="$$PATH:/usr/sbin"; command -v $@ >/dev/null || \
		{ echo "installing $@ for the tests, once"; \
		$(if $(filter-out 0,$(shell id -u)),sudo) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends $@ >/dev/null'; } || \
		{ echo "no $@ on this machine. Next: install it, then make test"; exit 1; }

# what `make test` has just covered is not run a second time
.coverage: $(shell git ls-files pipelines tests pyproject.toml 2>/dev/null) | $(VENV)/.installed-test
	@$(MAKE) --no-print-directory test

check: $(VENV)/.installed-dev $(VENV)/mermaid.min.js .coverage
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python docs/tools/generate.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@$(BIN)/python -m pytest -q -n auto tests/system/site_check.py
	@$(MAKE) --no-print-directory prose
	@$(BIN)/coverage report

prose: $(VENV)/.installed-dev
	@$(BIN)/codespell $(PROSE)
	@$(BIN)/python docs/tools/check_prose.py $(PROSE)

bench: $(VENV)/.installed-test browser $(VENV)-singer/.installed
	@PYTHONPATH=tests $(BIN)/python benchmarks/bench.py

# the peer that needs other packages
$(VENV)-singer/.installed: benchmarks/singer_requirements.txt
	@echo "installing singer_sdk into $(VENV)-singer, once"
	@$(PYTHON) -m venv $(VENV)-singer
	@$(VENV)-singer/bin/python -m pip install --quiet --requirement $<
	@touch $@

scale: $(VENV)/.installed-test
	@PYTHONPATH=tests $(BIN)/python benchmarks/simulate_scale.py --markdown docs/explanation/scale.md

prove: $(VENV)/.installed-test
	@$(BIN)/python tests/exhaustive/prove.py $(if $(SEED),--seed $(SEED)) $(PROOFS)

# its data is played once; KORE_CAMPAIGNS_DATABASE=FILE shows another database
dashboard: $(VENV)/.installed-dashboard $(if $(KORE_CAMPAIGNS_DATABASE),,demo/kore_campaigns.duckdb)
	@$(BIN)/kore-campaigns dashboard --database $(or $(KORE_CAMPAIGNS_DATABASE),demo/kore_campaigns.duckdb)

demo/kore_campaigns.duckdb:
	@$(MAKE) --no-print-directory demo

# pyroma and twine look at what an index shows; check-wheel-contents at the files
dist: $(VENV)/.installed-dev
	@rm -rf dist
	@$(BIN)/uv build --quiet --clear
	@$(BIN)/twine check --strict dist/*
	@$(BIN)/check-wheel-contents dist
	@$(BIN)/pyroma --min 10 dist/*.tar.gz

test-wheel: dist browser
	@$(BIN)/python -m pytest -q -n 0 tests/system/wheel_check.py

docs: $(VENV)/.installed-dev $(VENV)/mermaid.min.js
	@$(BIN)/python docs/tools/generate.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "read it: $(BIN)/python -m http.server --directory site"

# draws the diagrams of the site; the theme would load it from another host when a page is read
MERMAID := 11.17.2
$(VENV)/mermaid.min.js: | $(VENV)/bin/python npm
	@cd $(@D) && npm pack --silent mermaid@$(MERMAID) >/dev/null && \
		tar --extract --touch --strip-components=2 --file mermaid-$(MERMAID).tgz package/dist/$(@F) && \
		rm mermaid-$(MERMAID).tgz

npm:
	@command -v npm >/dev/null || \
		{ echo "installing npm for the diagrams of the documentation, once"; \
		$(if $(filter-out 0,$(shell id -u)),sudo) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends npm >/dev/null'; } || \
		{ echo "no npm on this machine. Next: install it, then make docs"; exit 1; }

# the steps of docs/how-to/bi-tools.md, on DuckDB and on Postgres; Superset needs its own environment
test-superset: $(VENV)/.installed-test browser $(VENV)-superset/.installed
	@SUPERSET_ENVIRONMENT=$(VENV)-superset $(BIN)/python -m pytest -q -n 0 tests/system/superset_check.py

$(VENV)-superset/.installed: pipelines/kore_templates/superset/requirements.txt
	@echo "installing Superset into $(VENV)-superset, once: 700 MB"
	@$(PYTHON) -m venv $(VENV)-superset
	@$(VENV)-superset/bin/python -m pip install --quiet --requirement $<
	@touch $@

# the dbt package, on DuckDB and on Postgres, as docs/how-to/dbt.md says
test-dbt: $(VENV)/.installed-test $(VENV)-dbt/.installed
	@DBT_ENVIRONMENT=$(CURDIR)/$(VENV)-dbt $(BIN)/python -m pytest -q -n 0 tests/system/dbt_check.py

$(VENV)-dbt/.installed: pyproject.toml
	@echo "installing dbt into $(VENV)-dbt, once"
	@$(PYTHON) -m venv $(VENV)-dbt
	@$(VENV)-dbt/bin/python -m pip install --quiet '.[dbt]'
	@touch $@

# the steps of docs/how-to/airflow.md; Airflow brings packages that only it needs
test-airflow: $(VENV)-airflow/.installed
	@AIRFLOW_ENVIRONMENT=$(CURDIR)/$(VENV)-airflow $(BIN)/python -m pytest -q -n 2 tests/system/airflow_check.py

# the same with workers: Redis, Postgres and all parts of Airflow on loopback
test-celery: $(VENV)-celery/.installed redis
	@AIRFLOW_ENVIRONMENT=$(CURDIR)/$(VENV)-celery $(BIN)/python -m pytest -q -n 0 -s tests/system/celery_check.py

$(VENV)-airflow/.installed: dags/requirements.txt | $(VENV)/.installed-dev
$(VENV)-celery/.installed: dags/requirements.txt .ci/celery-requirements.txt | $(VENV)/.installed-dev

# the package is installed as the files are, so that a change is tested at once
$(VENV)-airflow/.installed $(VENV)-celery/.installed:
	@echo "installing Airflow into $(@D), once: 750 MB"
	@$(PYTHON) -m venv $(@D)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(@D)/bin/python $^
	@$(BIN)/uv pip install --quiet --no-deps --python $(@D)/bin/python --editable .
	@touch $@

redis:
	@command -v redis-server >/dev/null || \
		{ echo "installing Redis for the test with workers, once"; \
		$(if $(filter-out 0,$(shell id -u)),sudo) sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --no-install-recommends redis-server >/dev/null'; } || \
		{ echo "no Redis on this machine. Next: install redis-server, then make test-celery"; exit 1; }

# its extensions come as packages, which are made for another DuckDB than constraints.txt names
test-ducklake: $(VENV)/.installed-test $(VENV)-ducklake/.installed
	@DUCKLAKE_PYTHON=$(CURDIR)/$(VENV)-ducklake/bin/python $(BIN)/python -m pytest -q -n 0 tests/system/ducklake_check.py

$(VENV)-ducklake/.installed: tests/ducklake_requirements.txt constraints.txt
	@echo "installing DuckLake into $(VENV)-ducklake, once"
	@$(PYTHON) -m venv $(VENV)-ducklake
	@grep -v '^duckdb==' constraints.txt > $(VENV)-ducklake/constraints.txt
	@$(VENV)-ducklake/bin/python -m pip install --quiet --constraint $(VENV)-ducklake/constraints.txt \
		--requirement $< --editable .
	@touch $@

# what a terminal shows, as text in docs/screens/
screens: $(VENV)/.installed-test
	@PYTHONPATH=tests $(BIN)/python tests/support/screens.py

# the screenshots in docs/img/
pictures: $(VENV)/.installed-test browser $(VENV)-superset/.installed
	@PYTHONPATH=tests $(BIN)/python tests/support/make_pictures.py
	@PICTURES=$(CURDIR)/docs/img $(MAKE) --no-print-directory test-superset

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing kore-campaigns[$*] ($(DEPS) dependencies) into $(VENV), once"
ifeq ($(DEPS),pinned)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
else ifeq ($(DEPS),lowest)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --resolution lowest-direct --editable '.[$*]'
else
	@$(BIN)/python -m pip install --quiet --upgrade --editable '.[$*]'
endif
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-singer $(VENV)-superset $(VENV)-airflow $(VENV)-celery demo build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
