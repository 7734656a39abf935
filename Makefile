# Everything runs from this folder and installs into it alone. `make` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help install run func parts ask events export view reconcile replay erase drill doctor logs policy test check lint types unit e2e recipes format schema cost sbom audit bench prove clean

python := .venv/bin/python
# The tests' workers and the processes that they start import the same modules hundreds of times:
# what Python compiles is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# make run PORT=7072 -> --port 7072; unset ones keep their defaults
options := $(if $(PORT),--port '$(PORT)') \
	$(if $(EVENT_HUBS_PORT),--event-hubs-port '$(EVENT_HUBS_PORT)') \
	$(if $(EVENT_HUBS_CONTROL_PORT),--event-hubs-control-port '$(EVENT_HUBS_CONTROL_PORT)') \
	$(if $(AZURE_OPENAI_PORT),--azure-openai-port '$(AZURE_OPENAI_PORT)') \
	$(if $(BLOB_PORT),--blob-port '$(BLOB_PORT)') \
	$(if $(QUEUE_PORT),--queue-port '$(QUEUE_PORT)') \
	$(if $(TABLE_PORT),--table-port '$(TABLE_PORT)') \
	$(if $(VIEW_PORT),--view-port '$(VIEW_PORT)') \
	$(if $(FOLDER),--folder '$(FOLDER)') \
	$(if $(DEPLOYMENT),--deployment '$(DEPLOYMENT)') \
	$(if $(filter-out 0,$(NO_DEMO)),--no-demo) \
	$(if $(filter-out 0,$(VERBOSE)),--verbose)

# make run OTLP=http://127.0.0.1:4318 sends spans and metrics there
ifdef OTLP
export OTEL_EXPORTER_OTLP_ENDPOINT := $(OTLP)
endif
# make run TRACE_URL='http://127.0.0.1:6006/redirects/traces/{trace_id}' links each exchange there
ifdef TRACE_URL
export TRACE_URL
endif

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Variables of run, func and parts:'
	@echo '  PORT (7071, the proxy), VIEW_PORT (8090, the page), AZURE_OPENAI_PORT (8081, the stand-in),'
	@echo '  EVENT_HUBS_PORT (5672), EVENT_HUBS_CONTROL_PORT (5673),'
	@echo '  BLOB_PORT, QUEUE_PORT, TABLE_PORT (10000 to 10002),'
	@echo '  FOLDER (.local, for logs and what Azurite stores), DEPLOYMENT (gpt-4o, of the two calls),'
	@echo '  NO_DEMO (1: serve without the two calls), VERBOSE (1: show every line of the parts),'
	@echo '  OTLP (the address of an OpenTelemetry collector, for spans and metrics),'
	@echo '  TRACE_URL (of a trace in its viewer, with {trace_id} in it: the page links to it)'
	@echo 'Variables of ask: DEPLOYMENT, FOLDER. Of events: JSON (1), FOLDER. Of export: TO, FILE, SHAPE, ARGS'
	@echo 'Variables of doctor: FOLDER, DEPLOYMENT, URL (of a deployment;'
	@echo '  keys: .venv/bin/python -m local.doctor --help)'
	@echo 'Variables of drill: STORAGE, EVENT_HUB (seconds without it, 20 each), FOLDER (of the run)'
	@echo 'Variables of reconcile, replay and erase: APP (of a deployment), KEY (its master key, in the'
	@echo '  environment), FOLDER. Of replay: DEPLOYMENT, OUTCOME, IDS. Of erase: CONFIRM (1), REFERENCE'
	@echo 'Variables of cost: FROM, TO (shared reservations)'
	@echo 'Variable of all: PYTHON (the path of a Python 3.13 that is not found by itself)'
	@echo 'Example: make run VIEW_PORT=8091'

install: ## install into .venv and node_modules folders here; the targets below do it if needed
	@PYTHON='$(PYTHON)' local/install
	@local/install_hooks

run: install ## start everything here, make two calls, show their events, serve until Ctrl-C
	@$(python) -m local.run --functions-host embedded $(options)

func: install ## the same on the real Functions host (Azure Functions Core Tools on PATH)
	@$(python) -m local.run --functions-host func $(options)

parts: install ## everything but the Functions host, for a `func start` of your own
	@$(python) -m local.run --functions-host none $(options)

doctor: install ## find what is wrong with this machine, a running `make run`, or the app at URL
	@$(python) -m local.doctor $(if $(FOLDER),--folder '$(FOLDER)') $(if $(URL),--url '$(URL)') \
		$(if $(DEPLOYMENT),--deployment '$(DEPLOYMENT)')

policy: install ## check a content policy before you upload it: make policy FILE=content.json
	@$(python) -m local.content_policy '$(FILE)'

ask: install ## ask the running proxy, and see the event: make ask PROMPT="…"
	@PROMPT="$${PROMPT:-In one sentence: what does a proxy do?}" && $(python) -m local.ask "$$PROMPT" \
		$(if $(DEPLOYMENT),--deployment '$(DEPLOYMENT)') $(if $(FOLDER),--folder '$(FOLDER)')

events: install ## print events as they arrive: make events FILTER='outcome:!completed'
	@$(python) -m local.events $(if $(JSON),--json) $(if $(FOLDER),--folder '$(FOLDER)') -- "$$FILTER"

export: install ## write exchanges as an evaluation data set: make export FROM=… FILTER='…'
	@$(python) -m local.export $(if $(FROM),--from '$(FROM)') $(if $(TO),--to '$(TO)') \
		$(if $(FILE),--output '$(FILE)') $(if $(SHAPE),--shape '$(SHAPE)') \
		$(if $(FOLDER),--folder '$(FOLDER)') $(ARGS) -- "$$FILTER"

view: install ## the page for a real deployment; make view ARGS=--help says what it needs
	@$(python) -m view $(ARGS)

# The app of these three: that of FOLDER, or APP, whose operator's KEY is in the environment.
operated := $(if $(APP),--app '$(APP)') $(if $(FOLDER),--folder '$(FOLDER)')
ranged := $(if $(FROM),--from '$(FROM)') $(if $(TO),--to '$(TO)') $(if $(IDS),--ids '$(IDS)')

reconcile: install ## deliver what is missing on the Event Hub, and show the progress
	@$(python) -m local.operate reconcile $(operated)

replay: install ## deliver a time range again: make replay FROM=… TO=…
	@$(python) -m local.operate replay $(operated) $(ranged) \
		$(if $(DEPLOYMENT),--deployment '$(DEPLOYMENT)') $(if $(OUTCOME),--outcome '$(OUTCOME)')

erase: install ## count a person's exchanges, ask, and erase them: make erase WHO=… FROM=… TO=…
	@$(python) -m local.operate erase $(operated) $(ranged) $(if $(WHO),--user '$(WHO)') \
		$(if $(SUBSCRIPTION),--subscription '$(SUBSCRIPTION)') \
		$(if $(REFERENCE),--reference '$(REFERENCE)') $(if $(filter-out 0,$(CONFIRM)),--confirm)

drill: install ## take storage and the Event Hub away from a running `make run`: is anything lost?
	@$(python) -m local.drill $(if $(FOLDER),--folder '$(FOLDER)') \
		$(if $(STORAGE),--storage '$(STORAGE)') $(if $(EVENT_HUB),--event-hub '$(EVENT_HUB)')

logs: ## follow the logs of all parts of a `make run` in another terminal
	@tail -n 20 -F $(or $(FOLDER),.local)/logs/*

.PHONY: hostile planted fuzz
hostile: install ## attack both hosts: docs/explanation/hostile-input.md
	$(python) -m prove --only hostile-embedded --only hostile-func

planted: install ## plant secrets and look for them: docs/explanation/planted-secrets.md
	$(python) -m prove --only planted-embedded --only planted-func

fuzz: install ## feed new inputs to all parsers: make fuzz SECONDS=60 (Linux)
	@.venv/bin/uv pip install --quiet --python $(python) atheris==3.1.0
	@$(python) -m tests.fuzz '$(or $(SECONDS),60)'

lint: install ## linters of Python (ruff, import-linter) and JavaScript (Biome, oxlint)
	$(python) -m ruff check
	$(python) -m ruff format --check
	.venv/bin/lint-imports --no-logo
	.ci/javascript lint

types: install ## types of Python (mypy) and JavaScript (TypeScript)
	$(python) -m mypy
	.ci/javascript types

check: lint types ## linters and types

# Tests wait more than they compute, so six workers keep two cores busy.
parallel := -n 6 --dist loadscope --no-loadscope-reorder

test: check ## linters and tests with coverage, on free ports (THOROUGH=1: the longest too)
	$(python) -m pytest $(parallel) --cov --cov-report=term \
		$(if $(filter-out 0,$(THOROUGH)),-m 'not slow and not registry' --hypothesis-profile thorough)
	@$(python) -m tests.branch_coverage
	@echo "Coverage of blueprints and view, which mostly run in processes of their own:" \
		"$$($(python) -m coverage report --include='blueprints/*,view/*' --fail-under=0 --format=total) %"

unit: install ## unit tests and the golden set, without a stack
	$(python) -m pytest -n auto tests/unit tests/golden

e2e: install ## all end-to-end tests (POOL=1: the embedded host's, behind a pool of accounts)
	$(python) -m pytest $(parallel) tests/e2e -m 'not slow and not registry' \
		$(if $(filter-out 0,$(POOL)),--through-pool -k embedded)

recipes: install ## run the recipes of docs/how-to/clients, each in the version it names
	$(python) -m pytest -m registry tests/e2e/test_recipes.py

format: install ## format Python and JavaScript, and fix what ruff can fix
	$(python) -m ruff format
	$(python) -m ruff check --fix
	.ci/javascript format

schema: install ## write docs/event.schema.json from the event's types
	@$(python) -m local.event_schema

cost: install ## what fnsse costs (CALLS=1e6), or exchanges (EVENT='.local/events/*')
	@$(python) -m local.cost $(if $(CALLS),--calls '$(CALLS)') $(if $(FROM),--from '$(FROM)') \
		$(if $(TO),--to '$(TO)') $(EVENT)

sbom: install ## write sbom.json (CycloneDX): deployed packages, versions and licences
	@.venv/bin/uv venv --quiet --clear .local/sbom-venv
	@.venv/bin/uv pip install --quiet --python .local/sbom-venv/bin/python --require-hashes -r requirements.txt
	@.venv/bin/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment \
		--pyproject pyproject.toml --mc-type application --output-reproducible --output-format JSON \
		--output-file sbom.json .local/sbom-venv/bin/python
	@echo sbom.json

audit: install ## ask the advisory services of PyPI and npm about all pinned packages
	.venv/bin/uv tool run --quiet --from pip-audit==2.10.1 pip-audit --disable-pip --require-hashes -r requirements.txt
	for folder in emulators/azurite emulators/event_hubs view/page; do npm audit --prefix $$folder --omit=dev || exit 1; done

bench: install ## CPU per chunk and call, time to first byte, lag of events, growth with size
	$(python) -m bench
	$(python) -m bench.lag
	$(python) -m bench.piece_cost
	$(python) -m bench.scaling

prove: install ## break everything under load, and compare: docs/explanation/proof.md
	$(python) -m pytest -m 'slow or thorough'
	$(python) -m prove

clean: ## remove everything that make installed or stored here (but a FOLDER of your own)
	@local/uninstall_hooks
	rm -rf .venv .local emulators/*/node_modules tests/npm/node_modules view/page/node_modules view/page/vendor .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
