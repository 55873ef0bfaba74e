# The two commands of the README (`make run`, `make test`) do all the set-up.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

export OMP_WAIT_POLICY := passive

.PHONY: run test bench fuzz kills soak lint install clean

run: $(STAMP)            ## open the studio; without a display run the headless demo
	@$(BIN)/xgen

test: $(VENV)/.dev       ## lint, types and all tests
	$(BIN)/ruff check xgen_studio tests tools
	$(BIN)/ruff format --check xgen_studio tests tools
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(VENV)/.dev      ## speed and memory, measured
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_studio
	$(BIN)/python -m tests.bench_spine

kills: $(VENV)/.dev      ## kill -9 at random moments: what is left is whole (N=100)
	$(BIN)/python -m tests.kills --n $(or $(N),100)

soak: $(VENV)/.dev       ## the window at work for 20 minutes: it must not grow
	$(BIN)/python -m tests.soak

fuzz: $(VENV)/.dev       ## damaged files of every kind that is read (COUNT=10000 a reader)
	$(BIN)/python -m tests.fuzz --count $(or $(COUNT),10000)

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt packaging/setup.sh
	@sh packaging/setup.sh "$(PYTHON)" "$(VENV)" ".[studio]"
	@touch $@

$(VENV)/.dev: $(STAMP)
	@sh packaging/setup.sh "$(PYTHON)" "$(VENV)" ".[studio,dev]"
	@touch $@

clean:
	rm -rf $(VENV) demo runs
