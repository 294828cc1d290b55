# Every target sets itself up: Python 3.10 or newer and make are all it takes.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BUNDLE := bundles/crossover_kidney/configs
CLICK := bundles/seqpatch_prostate/configs
RUN = $(BIN)/python -m monai.bundle run
# Threads that wait without spinning: a busy machine does not slow down tenfold.
export OMP_WAIT_POLICY = passive
export PYTHONWARNINGS = ignore
export MPLBACKEND = Agg
# Nothing leaves the machine.
export MLFLOW_DISABLE_TELEMETRY = true

.DEFAULT_GOAL := help
.PHONY: help demo test kidney-phantom kidney-real click-weights click-real bench tables clean

help:  ## what there is to make
	@grep -hE '^[a-z_-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: Python 3.10 or newer is needed; give one with PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing pinned dependencies into .venv (once, about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# --- demo: train, evaluate and apply crossover_kidney on built-in phantoms; one click with seqpatch_prostate ---
DEMO := demo
# A phantom fits a smaller training field than a patient and needs no dropout; half of its slices show no tumour.
DEMO_TRAINING = --max_epochs 44 --val_interval 44 --folds 12 --dropout 0.0 --canvas "[96,136]" --tumour_share 0.5 \
	--batch_size 2 --slices_per_case 2 --constraint_weight 0.01 --num_workers 1
# bfloat16 where the processor is made for it: two to four times as fast. Another processor's figures differ a little.
PRECISION = --precision $(shell $(BIN)/python -m patchseg.precision)
STEP = $(BIN)/python -m patchseg.timed $(DEMO)/run/timings.json

demo: $(DEMO)/report.html  ## phantoms, training, evaluation, a mask, one click and a report: about nine minutes on two cores
	@$(BIN)/python benchmarks/kidney_phantom.py --run $(DEMO)/run --data $(DEMO)/held_out --out $(DEMO)/kidney_phantom.json
	@echo "masks:  $$(find $(DEMO)/masks -name "*.nii.gz")"
	@echo "report: $(CURDIR)/$(DEMO)/report.html"

$(DEMO)/data/.ready: $(READY)
	@$(STEP) phantoms $(BIN)/python -m patchseg.data.phantom_ct --folder $(DEMO)/data --cases 72 --seed 0 --workers 2
	@$(STEP) held_out_phantoms $(BIN)/python -m patchseg.data.phantom_ct --folder $(DEMO)/held_out --cases 6 --seed 1000 --workers 2
	@touch $@

$(DEMO)/run/model.pt: $(DEMO)/data/.ready
	@$(STEP) training $(RUN) training --config_file $(BUNDLE)/train.json --dataset_dir $(DEMO)/data --output_dir $(DEMO)/run $(DEMO_TRAINING) $(PRECISION)

$(DEMO)/run/evaluation/results.json: $(DEMO)/run/model.pt
	@$(STEP) evaluation $(RUN) evaluating --config_file $(BUNDLE)/evaluate.json --dataset_dir $(DEMO)/held_out --checkpoint $(DEMO)/run/model.pt --output_dir $(DEMO)/run/evaluation $(PRECISION)

$(DEMO)/masks/.ready: $(DEMO)/run/model.pt
	@$(STEP) inference $(RUN) inference --config_file $(BUNDLE)/inference.json --dataset_dir $(DEMO)/held_out/case_00000 --checkpoint $(DEMO)/run/model.pt --output_dir $(DEMO)/masks $(PRECISION)
	@touch $@

# One click in the middle of a phantom prostate, with the shipped weights, which never saw a phantom.
$(DEMO)/click/results.json: $(READY)
	@$(STEP) prostate_phantom $(BIN)/python -m patchseg.data.phantom_mr --folder $(DEMO)/prostate --cases 1 --seed 7
	@$(STEP) one_click $(RUN) evaluating --config_file $(CLICK)/evaluate.json --dataset_dir $(DEMO)/prostate --output_dir $(DEMO)/click $(PRECISION)

$(DEMO)/report.html: $(DEMO)/run/evaluation/results.json $(DEMO)/masks/.ready $(DEMO)/click/results.json
	@$(BIN)/python -m patchseg.report --folder $(DEMO)/run/evaluation --training $(DEMO)/run --click $(DEMO)/click --path $(CURDIR)/$@

# --- checks ---
test: $(READY)  ## the whole default suite
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pytest

# --- figures: each writes results/, from which the tables in the READMEs and metadata are made ---
kidney-phantom: demo  ## the demo's figures into results/
	@$(BIN)/python benchmarks/kidney_phantom.py --run $(DEMO)/run --data $(DEMO)/held_out --out results/kidney_phantom.json
	@$(BIN)/python benchmarks/tables.py

kidney-real: $(READY)  ## cross-validation on real CT beside BasicUNet, about half an hour: make kidney-real DATA=folder
	@$(BIN)/python benchmarks/kidney_real.py --dataset_dir $(DATA) --epochs "{'crossover': 25, 'basic_unet': 42}"
	@$(BIN)/python benchmarks/tables.py

# One thread each: two trainings side by side then get along on two cores, and figures do not depend on the machine's.
ORGANS := runs/organs
CLICK_TRAINING = OMP_NUM_THREADS=1 $(RUN) training --dataset_dir $(ORGANS)/train --folds 10 --val_interval 1000 --precision bfloat16 --spacing 0.625
CLICK_UNET = "['$(CLICK)/train.json','benchmarks/configs/click_unet.json']"

$(ORGANS)/breast_ultrasound/index.csv: $(READY)
	@$(BIN)/python benchmarks/organs.py --data $(DATA) --out $(ORGANS)

click-weights: $(ORGANS)/breast_ultrasound/index.csv  ## train the shipped click weights, about 45 minutes: make click-weights DATA=folder
	@$(CLICK_TRAINING) --config_file $(CLICK)/train.json --output_dir runs/click_stage1 --max_epochs 50 --train#trainer#max_epochs 18
	@$(CLICK_TRAINING) --config_file $(CLICK)/train.json --output_dir runs/click_stage2 --max_epochs 15 --seed 1 --learning_rate 0.0008 --initial_weights runs/click_stage1/model.pt

click-real: click-weights  ## one click on real organs beside a U-Net, about two hours: make click-real DATA=folder
	@$(CLICK_TRAINING) --config_file $(CLICK_UNET) --output_dir runs/click_unet --max_epochs 100
	@$(BIN)/python benchmarks/one_click.py --checkpoints "{'Sequential patches': 'runs/click_stage2/model.pt', 'U-Net with click': 'runs/click_unet/model.pt'}" --slices 60 --precision bfloat16
	@$(BIN)/python benchmarks/click_volumes.py --data $(DATA) --checkpoint runs/click_stage2/model.pt --atria 1 --clicks 3 --precision bfloat16
	@$(BIN)/python benchmarks/tables.py

bench: $(READY)  ## speed of the dense network beside patch pairs, in the same run
	@$(BIN)/python benchmarks/dense.py --size 512
	@$(BIN)/python benchmarks/dense.py --size 512 --stride 4

tables: $(READY)  ## write the tables in READMEs and metadata from results/
	@$(BIN)/python benchmarks/tables.py

clean:  ## remove what make demo wrote (the environment stays)
	rm -rf $(DEMO)
