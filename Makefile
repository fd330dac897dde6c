# What a developer types. `make demo` needs Debian with Python 3.11 (and its venv and dev packages), make and a C compiler.

PYTHON ?= python3.11
VENV ?= .venv
SEED ?= 2026
TEST_WORKERS ?= 2
DATA ?= ../shared/data
SEMIREAL_OUT ?= work/semireal
MODEL_WORK ?= work/default-model
NPROCS ?= 2
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
PIP = $(BIN)/python -m pip --disable-pip-version-check
LOCK = -c requirements.lock

.PHONY: install .venv demo test test-long lint lock descriptor image image-test bench bench-full bench-page default-model \
  robustness-page simulation-report semireal-study experiment clean

install .venv: $(STAMP)

# The order matters. torch and setuptools first; then numpy, against which pyradiomics (no wheel for this Python) is
# built: without isolation, so that it sees that numpy, and without cache, whose key does not know numpy's version.
$(STAMP): requirements.lock requirements-dev.lock pyproject.toml version
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "qsmrim's lock file is for Python 3.11; set PYTHON to one"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q $(LOCK) torch setuptools
	$(PIP) install -q $(LOCK) numpy scipy
	$(PIP) install -q $(LOCK) --no-build-isolation --no-cache-dir --use-pep517 pyradiomics
	$(PIP) install -q -r requirements.lock -r requirements-dev.lock
	$(PIP) install -q --no-build-isolation --no-deps -e .
	$(PIP) check
	touch $@

# A simulated participant, analysed; the last lines are the table of its lesions and the path of the report.
demo: $(STAMP)
	rm -rf demo
	$(BIN)/qsmrim-simulate demo/bids --participants 1 --seed $(SEED) --guarantee-rim
	$(BIN)/qsmrim demo/bids demo/out participant --nprocs 2

test: $(STAMP)
	$(BIN)/python -m pytest -q -n $(TEST_WORKERS) --dist loadgroup $(PYTEST_ARGS)

# What takes minutes, 13 to 25 of them on 2 cores: 2,000 lesions by both feature engines, 30 kills each of a run and a training, fuzzing, whole runs.
test-long: $(STAMP)
	QSMRIM_LONG_TESTS=1 $(BIN)/python -m pytest -q -n $(TEST_WORKERS) --dist loadgroup -m long $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

lock:
	$(BIN)/python .ci/lock.py

# What `qsmrim --bids-exec-spec` prints.
descriptor: $(STAMP)
	$(BIN)/qsmrim --bids-exec-spec > boutiques/descriptor.json

# TORCH_VARIANT: cuda (PyPI's torch) or cpu; PIP_ARGS: where else pip looks, such as the index of torch for cpu.
ENGINE ?= docker
TORCH_VARIANT ?= cuda
image:
	$(ENGINE) build --build-arg TORCH_VARIANT=$(TORCH_VARIANT) --build-arg PIP_ARGS="$(PIP_ARGS)" \
	  --build-arg VERSION=$$(cat version) --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg CREATED=$$(date -u +%Y-%m-%dT%H:%M:%SZ) -t qsmrim -t qsmrim:$$(cat version) .

# The image under Podman, Docker, Apptainer and Slurm; for root on a plain Debian 12 machine.
image-test:
	tests/container/run

# How fast, against what: docs/benchmarks.md, its plots and benchmarks/results. PARTS: some of its parts (make bench PARTS="radiomics query").
# `make bench` takes some 25 minutes on 2 cores; `make bench-full` as long as it takes; `make bench-page` makes the page anew.
# What it compares with comes into an environment of its own, which sees the packages of the program's.
BENCH_VENV = $(VENV)-bench
$(BENCH_VENV)/.installed: $(STAMP) benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	  $$($(BENCH_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/qsmrim.pth
	$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check install -q $(LOCK) -r benchmarks/requirements.txt
	touch $@

BENCH = PYTHONPATH=$(CURDIR) $(BENCH_VENV)/bin/python -m benchmarks $(PARTS) --data $(DATA)
bench: $(BENCH_VENV)/.installed
	$(BENCH)

bench-full: $(BENCH_VENV)/.installed
	$(BENCH) --size full

bench-page: $(BENCH_VENV)/.installed
	$(BENCH) --page-only

# The default model, from nothing: a cohort with about as many lesions as the paper's, two smaller ones with many rims that
# only train, the image branch on those two, every fit, and the result put where the program looks for it. An interrupted
# run goes on where it stopped. Some two hours on 2 cores, 9 GB of disk.
SIMULATE = $(BIN)/qsmrim-simulate --protocol varied --nprocs $(NPROCS)
DEFAULT_MODEL = qsmrim_app/data/models/qsmrim-net-simulated
default-model: $(STAMP)
	$(SIMULATE) $(MODEL_WORK)/cohort --participants 140 --seed 4205 --flair-masks merged \
	  --samples-dir $(MODEL_WORK)/samples
	$(SIMULATE) $(MODEL_WORK)/extra --participants 60 --seed 4164 --rim-prevalence 0.35 --flair-masks split \
	  --samples-dir $(MODEL_WORK)/extra-samples
	$(SIMULATE) $(MODEL_WORK)/rims --participants 48 --seed 4168 --rim-prevalence 1 --flair-masks split \
	  --samples-dir $(MODEL_WORK)/rims-samples
	$(BIN)/qsmrim $(MODEL_WORK)/rims $(MODEL_WORK)/image group --train ablation-image \
	  --site extra=$(MODEL_WORK)/extra-samples/faithful rims=$(MODEL_WORK)/rims-samples/faithful \
	  --mask-variant extra:flair=$(MODEL_WORK)/extra-samples/flair rims:flair=$(MODEL_WORK)/rims-samples/flair \
	  --folds 2 --seeds 0 --config-file studies/image_branch.toml --nprocs $(NPROCS)
	$(BIN)/qsmrim $(MODEL_WORK)/cohort $(MODEL_WORK)/group group --train qsmrim-net aprl-rf \
	  --site cohort=$(MODEL_WORK)/samples/faithful --mask-variant flair=$(MODEL_WORK)/samples/flair \
	  --train-only extra=$(MODEL_WORK)/extra-samples/faithful extraflair=$(MODEL_WORK)/extra-samples/flair \
	    rims=$(MODEL_WORK)/rims-samples/faithful rimsflair=$(MODEL_WORK)/rims-samples/flair \
	  --pretrained $(MODEL_WORK)/image/models/ablation-image \
	  --folds 5 --seeds 0 1 2 --config-file studies/default_model.toml --nprocs $(NPROCS)
	rm -rf $(DEFAULT_MODEL)
	cp -r $(MODEL_WORK)/group/models/qsmrim-net $(DEFAULT_MODEL)
	cp $(MODEL_WORK)/group/models/comparison.* studies/cohort.json $(DEFAULT_MODEL)
	cp $(MODEL_WORK)/group/models/aprl-rf/evaluation.json $(DEFAULT_MODEL)/aprl-rf_evaluation.json
	cat studies/default_model_notes.md >> $(DEFAULT_MODEL)/README.md

# What goes wrong and what happens then: docs/robustness.md, from the rows beside the tests.
robustness-page: $(STAMP)
	$(BIN)/python -m tests.robustness.page > docs/robustness.md.new
	mv docs/robustness.md.new docs/robustness.md

# What a simulated cohort looks like in numbers and pictures: docs/simulation.md. COHORT: a folder of qsmrim-simulate.
simulation-report: $(STAMP)
	@test -n "$(COHORT)" || { echo "say which cohort: make simulation-report COHORT=folder"; exit 1; }
	$(BIN)/python studies/simulation_report.py $(COHORT) --semireal $(DATA) --out docs

# The model on two participants with real FLAIR and lesion masks: docs/semireal.md. MODEL: a model folder, else the default.
semireal-study: $(STAMP)
	$(BIN)/python studies/semireal.py $(DATA) $(SEMIREAL_OUT) --out docs $(if $(MODEL),--model $(MODEL))

# The experiment of the paper on a simulated cohort, all methods: docs/experiment.md. SAMPLES: a folder with lesion tables and
# samples. Every fit leaves a table in studies/EXPERIMENT; those that are there are not made again. Some two hours of CPU; with
# EXPERIMENT=experiment-paper-size EXPERIMENT_ARGS="--device cuda" the networks have the paper's size, which asks for a GPU.
EXPERIMENT ?= experiment
experiment: $(STAMP)
	@test -n "$(SAMPLES)" || { echo "say which samples: make experiment SAMPLES=folder"; exit 1; }
	$(BIN)/python studies/experiment.py $(SAMPLES) --name $(EXPERIMENT) --nprocs $(NPROCS) --out docs $(EXPERIMENT_ARGS)

clean:
	rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
