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
.PHONY: help demo test kidney-phantom kidney-real kidney-weights click-weights click-organs-weights click-real few-shot click-limits click-mixture cavity-weights cavity-weights-cpu myocardium-weights shipped reproduce cards cost bench tables configs clean

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

demo: $(DEMO)/report.html  ## phantoms, training, evaluation, a mask, one click and a report: about ten minutes on two cores
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
# One process a core, each with one thread; TEST_PROCESSES=0 is a single one, as a debugger wants it.
TEST_PROCESSES ?= 2
test: $(READY)  ## the whole default suite
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup

# The oldest versions that pyproject.toml allows, and a share of the suite: what reads, computes, trains and writes. Not
# part of the suite's own run, which has no time left for a second environment. torch 2.8 brings gigabytes of CUDA where
# no CPU build of it is at hand; OLDEST_TORCH=2.13.0 tests all others beside the pinned one.
OLDEST_BIN := .venv-oldest/bin
OLDEST_READY := .venv-oldest/.ready
OLDEST_TORCH ?= $(shell sed -n 's/^torch==//p' constraints-oldest.txt)
OLDEST_TESTS := tests/geometry/test_network_grid.py tests/geometry/test_clicks.py tests/crossover/test_network.py \
	tests/seqpatch/test_network.py tests/seqpatch/test_inferer.py tests/test_cli.py tests/test_click.py tests/test_weights.py \
	tests/bundles/test_evaluation.py tests/bundles/seqpatch_prostate/test_evaluation.py
.PHONY: test-oldest

$(OLDEST_READY): pyproject.toml constraints-oldest.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 12))' || { echo "error: the oldest versions need Python 3.10 or 3.11; give one with PYTHON=python3.11"; exit 2; }
	@rm -rf .venv-oldest && $(PYTHON) -m venv .venv-oldest
	@echo "installing the oldest versions into .venv-oldest (a few minutes)"
	@sed 's/^torch==.*/torch==$(OLDEST_TORCH)/' constraints-oldest.txt > .venv-oldest/constraints.txt
	@$(OLDEST_BIN)/python -m pip install --quiet --disable-pip-version-check -c .venv-oldest/constraints.txt -e '.[mlflow]' pytest hypothesis
	@touch $@

test-oldest: $(OLDEST_READY)  ## a share of the suite with the oldest versions allowed: make test-oldest [OLDEST_TORCH=2.13.0]
	@$(OLDEST_BIN)/python -m pytest $(OLDEST_TESTS)

# --- supply: what is installed and under which licences; an environment of its own for the tools ---
SUPPLY_BIN := .venv-supply/bin
SUPPLY_READY := .venv-supply/.ready
PIP_SAYS := .venv-supply/install.json
.PHONY: sbom audit

$(SUPPLY_READY): supply/requirements.txt
	@test -x $(SUPPLY_BIN)/python || $(PYTHON) -m venv .venv-supply
	@$(SUPPLY_BIN)/python -m pip install --quiet --disable-pip-version-check -r supply/requirements.txt
	@touch $@

sbom: $(SUPPLY_READY)  ## what is installed, with hashes and licences: sbom.cdx.json (CycloneDX) and supply/LICENCES.md
	@$(SUPPLY_BIN)/python -m pip install --dry-run --ignore-installed --quiet --disable-pip-version-check --report $(PIP_SAYS) -c constraints.txt .
	@$(SUPPLY_BIN)/python supply/sbom.py $(PIP_SAYS)

# --strict: a package that the service does not know, or no service at all, is no clean bill.
audit: $(SUPPLY_READY)  ## known weaknesses of the pinned versions, asked of a service in the network
	@$(SUPPLY_BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off \
		|| { echo "error: not audited, or not clean: see above; the service that knows has to be reached"; exit 2; }

# --- MONAI Label: an environment of its own, since it needs pydicom 2 (see apps/label/constraints.txt) ---
LABEL_BIN := .venv-label/bin
LABEL_READY := .venv-label/.ready
LABEL_PIP = $(LABEL_BIN)/python -m pip install --quiet --disable-pip-version-check
HOST ?= 127.0.0.1
PORT ?= 8000
.PHONY: label test-label test-label-smoke

$(LABEL_READY): pyproject.toml constraints.txt apps/label/constraints.txt apps/label/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' || { echo "error: MONAI Label needs Python 3.10, 3.11 or 3.12; give one with PYTHON=python3.11"; exit 2; }
	@test -x $(LABEL_BIN)/python || $(PYTHON) -m venv .venv-label
	@echo "installing MONAI Label into .venv-label (once, about three minutes)"
	@$(LABEL_PIP) -c constraints.txt torch
	@$(LABEL_PIP) -c constraints.txt -c apps/label/constraints.txt -e '.[mlflow]' -r apps/label/requirements.txt
	@$(LABEL_PIP) -c apps/label/constraints.txt --no-deps monailabel pydicom-seg
	@echo "$(CURDIR)/apps/label/standins" > "$$($(LABEL_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/patchseg_label.pth"
	@touch $@

label: $(LABEL_READY)  ## MONAI Label's server for 3D Slicer and OHIF: make label STUDIES=folder [PORT=8000]
	@test -n "$(STUDIES)" || { echo "error: give the folder of images: make label STUDIES=folder"; exit 2; }
	@$(LABEL_BIN)/python apps/label/serve.py "$(STUDIES)" --host $(HOST) --port $(PORT) $(LABEL_OPTIONS)

test-label: $(LABEL_READY)  ## requests to the real server, in Label's environment
	@$(LABEL_BIN)/python -m pytest tests/apps/label apps/label/lib/checks.py

test-label-smoke: $(LABEL_READY)  ## one server and one request of each kind
	@$(LABEL_BIN)/python -m pytest tests/apps/label/test_smoke.py

# --- MONAI Deploy: an environment of its own, since it needs other versions (see apps/deploy/constraints.txt) ---
DEPLOY_BIN := .venv-deploy/bin
DEPLOY_READY := .venv-deploy/.ready
DEPLOY_PIP = $(DEPLOY_BIN)/python -m pip install --quiet --disable-pip-version-check -c apps/deploy/constraints.txt
# BUNDLE counts only where it is typed: make deploy BUNDLE=seqpatch_prostate
DEPLOY_OPTIONS = $(if $(findstring command,$(origin BUNDLE)),--bundle "$(BUNDLE)") $(if $(CLICKS),--clicks "$(CLICKS)") \
	$(if $(SERIES),--series "$(SERIES)")
.PHONY: deploy test-deploy test-deploy-smoke

$(DEPLOY_READY): apps/deploy/constraints.txt apps/deploy/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "error: MONAI Deploy needs Python 3.11, 3.12 or 3.13; give one with PYTHON=python3.11"; exit 2; }
	@test -x $(DEPLOY_BIN)/python || $(PYTHON) -m venv .venv-deploy
	@echo "installing MONAI Deploy into .venv-deploy (once, a few minutes)"
	@$(DEPLOY_PIP) torch
	@$(DEPLOY_PIP) -r apps/deploy/requirements.txt pytest
	@$(DEPLOY_PIP) --no-deps -e .
	@touch $@

deploy: $(DEPLOY_READY)  ## a DICOM series to DICOM SEG: make deploy DICOM=folder OUT=folder [BUNDLE=name] [CLICKS=file] [SERIES=uid]
	@test -n "$(DICOM)" -a -n "$(filter-out file,$(origin OUT))" || { echo "error: give two folders: make deploy DICOM=folder OUT=folder"; exit 2; }
	@$(DEPLOY_BIN)/python apps/deploy --input "$(DICOM)" --output "$(OUT)" $(DEPLOY_OPTIONS)

test-deploy: $(READY) $(DEPLOY_READY)  ## DICOM series through the real SDK, beside the masks of patchseg
	@$(DEPLOY_BIN)/python -m pytest tests/apps/deploy apps/deploy

test-deploy-smoke: $(READY) $(DEPLOY_READY)  ## one CT series through the real SDK
	@$(DEPLOY_BIN)/python -m pytest tests/apps/deploy/test_smoke.py

# --- what other programs take: networks, bundles of one file each, the wheel ---
OUT ?= exports
.PHONY: export pack test-wheel

export: $(READY)  ## every network as TorchScript, torch.export and ONNX, checked, with contracts: make export [OUT=folder]
	@echo "writing each network in three formats and comparing it with the weights: about twenty seconds a bundle"
	@$(BIN)/python -m patchseg.export -o "$(OUT)" --overwrite
	@echo "beside each: .json, what to do before and after the network and how it was checked; .sha256"

pack: $(READY)  ## every bundle as one zip with all it needs: make pack [OUT=folder]
	@$(BIN)/patchseg pack -o "$(OUT)" --overwrite
	@echo "unzip one anywhere: its docs/README.md says how to run it; monai.bundle, MONAI Label and MONAI Deploy take the folder"

test-wheel: $(READY)  ## the wheel in an empty environment, its dependencies fetched anew
	@echo "building the wheel and installing it into .venv-wheel (about three minutes)"
	@rm -rf .venv-wheel build && $(PYTHON) -m venv .venv-wheel
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w .venv-wheel . && rm -rf build
	@.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt .venv-wheel/*.whl
	@cd .venv-wheel && bin/patchseg --help && bin/python -m patchseg.data.phantom_ct --folder scans --cases 1
	@cd .venv-wheel && bin/patchseg segment scans/case_00000/imaging.nii.gz -o mask.nii.gz --overwrite
	@echo "the wheel works by itself: $$(ls .venv-wheel/*.whl)"

# --- robustness ---
.PHONY: test-geometry robustness faults faults-label

test-geometry: $(READY)  ## masks and clicks in every orientation, header and form, the whole product: about ten minutes
	@PATCHSEG_GEOMETRY=full $(BIN)/pytest tests/geometry/test_never_mirrored.py

robustness: $(READY)  ## random damage to headers and clicks for ten minutes, counted in results/: make robustness [SECONDS=n]
	@$(BIN)/python benchmarks/robustness.py --seconds $(or $(SECONDS),600)

faults: $(READY)  ## kill -9 of trainings, masks, loaders, one process of two; counted in results/: make faults [KILLS=n]
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/faults.py --kills $(or $(KILLS),20)
	@$(BIN)/python benchmarks/tables.py

faults-label: $(READY) $(LABEL_READY)  ## 500 requests of eight clients to the real server, counted in results/
	@$(LABEL_BIN)/python benchmarks/faults_label.py
	@$(BIN)/python benchmarks/tables.py

# --- figures: each writes results/, from which the tables in the READMEs and metadata are made ---
kidney-phantom: demo  ## the demo's figures into results/
	@$(BIN)/python benchmarks/kidney_phantom.py --run $(DEMO)/run --data $(DEMO)/held_out --out results/kidney_phantom.json
	@$(BIN)/python benchmarks/tables.py

kidney-real: $(READY)  ## cross-validation on real CT beside BasicUNet, about half an hour: make kidney-real DATA=folder
	@$(BIN)/python benchmarks/kidney_real.py --dataset_dir $(DATA) --epochs "{'crossover': 25, 'basic_unet': 42}"
	@$(BIN)/python benchmarks/tables.py

KIDNEY = $(RUN) training --config_file $(BUNDLE)/train.json --dataset_dir $(DATA)/kits19_slices --folds 3 --fold 0 --constraint none
kidney-weights: $(READY)  ## train crossover_kidney's weights, an hour with a GPU: make kidney-weights DATA=folder
	@$(KIDNEY) --output_dir runs/kidney --max_epochs 40
	@OMP_NUM_THREADS=1 $(KIDNEY) --output_dir runs/kidney2 --initial_weights runs/kidney/model.pt --max_epochs 180 --val_interval 1000 --precision bfloat16 --augmentation\#2\#scale_range 0.3 --augmentation\#4\#factors 0.4
	@OMP_NUM_THREADS=1 $(KIDNEY) --output_dir runs/kidney3 --initial_weights runs/kidney2/model.pt --max_epochs 220 --val_interval 1000 --precision bfloat16 --augmentation\#2\#scale_range 0.3 --augmentation\#2\#rotate_range 0.5 --augmentation\#4\#factors 0.4 --batch_size 2 --slices_per_case 8 --num_workers 1

# One thread each: two trainings side by side then get along on two cores, and figures do not depend on the machine's.
ORGANS := runs/organs
CLICK_TRAINING = OMP_NUM_THREADS=1 $(RUN) training --folds 10 --val_interval 1000 --precision bfloat16 --spacing 0.625
CLICK_UNET = "['$(CLICK)/train.json','benchmarks/configs/click_unet.json']"
ONE_CLICK = OMP_NUM_THREADS=1 $(BIN)/python benchmarks/one_click.py --precision bfloat16

$(ORGANS)/breast_ultrasound/index.csv: $(READY)
	@$(BIN)/python benchmarks/organs.py --data $(DATA) --out $(ORGANS)

# Many slices, all rays of each: an NVIDIA GPU, and the cores that draw the slices for it, or days.
WORKERS ?= 4
MANY_RAYS = --batch_size 16 --rays 16 --slices_per_epoch 4800 --click_error 0.8 --num_workers $(WORKERS) --train\#trainer\#decollate False
click-weights: $(ORGANS)/breast_ultrasound/index.csv  ## train seqpatch_prostate's weights, a quarter of an hour with a GPU: make click-weights DATA=folder
	@$(CLICK_TRAINING) --dataset_dir $(ORGANS)/train_public --config_file $(CLICK)/train.json --output_dir runs/click_open $(MANY_RAYS) --max_epochs 20 --synthetic_share 0.9

click-organs-weights: $(ORGANS)/breast_ultrasound/index.csv  ## train seqpatch_kidney's weights, a quarter of an hour with a GPU: make click-organs-weights DATA=folder
	@$(CLICK_TRAINING) --dataset_dir $(ORGANS)/train --config_file $(CLICK)/train.json --output_dir runs/click_organs $(MANY_RAYS) --max_epochs 24

SHAPES = 'Sequential patches, synthetic and Sunnybrook': 'runs/click_open/model.pt'
ALL_ORGANS = 'Sequential patches, organs and synthetic': 'runs/click_organs/model.pt'
U_NET = 'U-Net with click, organs and synthetic': 'runs/click_unet/model.pt'
click-real: click-weights click-organs-weights  ## one click on real organs beside a U-Net, about two hours with a GPU: make click-real DATA=folder
	@$(CLICK_TRAINING) --dataset_dir $(ORGANS)/train --config_file $(CLICK_UNET) --output_dir runs/click_unet $(MANY_RAYS) --max_epochs 24
	@$(ONE_CLICK) --slices 60 --checkpoints "{$(SHAPES), $(ALL_ORGANS), $(U_NET)}"
	@$(ONE_CLICK) --slices 60 --checkpoints "{$(ALL_ORGANS), $(SHAPES)}" --sets kits19 --steps 15 --results results/one_click_kidney.json
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/click_volumes.py --data $(DATA) --checkpoint runs/click_open/model.pt --precision bfloat16
	@$(BIN)/python benchmarks/tables.py

FEW_SHOT = OMP_NUM_THREADS=1 $(BIN)/python benchmarks/few_shot.py --precision bfloat16
few-shot: $(ORGANS)/breast_ultrasound/index.csv  ## prostates after learning from the other patients', about half an hour: make few-shot DATA=folder
	@$(FEW_SHOT) --method seqpatch --initial_weights bundles/seqpatch_prostate/models/model.pt
	@if test -f runs/click_unet/model.pt; then $(FEW_SHOT) --method click_unet --initial_weights runs/click_unet/model.pt; \
		else echo "the U-Net's row stays as it is: make click-real trains runs/click_unet first"; fi
	@$(BIN)/python benchmarks/tables.py

click-limits: $(ORGANS)/breast_ultrasound/index.csv  ## other ways to ask the click network, half an hour: make click-limits DATA=folder
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/click_limits.py --slices 30
	@$(BIN)/python benchmarks/tables.py

# What the network should learn from: six epochs each, everything else the same.
MATERIALS := organs_and_shapes=train:0.6 shapes_only=train:1 organs_only=train:0 public_and_shapes=train_public:0.6 public_only=train_public:0
click-mixture: $(ORGANS)/breast_ultrasound/index.csv  ## one click after training on other mixtures, about forty minutes: make click-mixture DATA=folder
	@for m in $(MATERIALS); do name=$${m%%=*}; from=$${m#*=}; \
		$(CLICK_TRAINING) --dataset_dir $(ORGANS)/$${from%%:*} --config_file $(CLICK)/train.json --output_dir runs/mixture/$$name --max_epochs 6 --synthetic_share $${from#*:} || exit $$?; done
	@$(ONE_CLICK) --offsets "[0]" --slices 30 --results results/mixture.json --checkpoints "{'real organs, 60 % synthetic': 'runs/mixture/organs_and_shapes/model.pt', 'synthetic only': 'runs/mixture/shapes_only/model.pt', 'real organs only': 'runs/mixture/organs_only/model.pt', 'Sunnybrook, 60 % synthetic': 'runs/mixture/public_and_shapes/model.pt', 'Sunnybrook only': 'runs/mixture/public_only/model.pt'}"
	@$(BIN)/python benchmarks/tables.py

MORE_VARIED = --augmentation\#2\#scale_range 0.4 --augmentation\#4\#factors 0.5 --augmentation\#5\#prob 0.8 --augmentation\#5\#gamma "[0.5,2.0]"
CAVITY = OMP_NUM_THREADS=1 $(RUN) training --config_file bundles/crossover_cardiac/configs/train.json --dataset_dir $(ORGANS)/train_public --spacing 0 --turn 3.14 --val_interval 100 --folds 22 --labels "{'cavity':[1]}" --label_values "[0,1]" --precision bfloat16
cavity-weights: $(ORGANS)/breast_ultrasound/index.csv  ## train crossover_cardiac's weights, an hour with a GPU: make cavity-weights DATA=folder
	@$(CAVITY) --output_dir runs/cavity --max_epochs 30
	@$(CAVITY) --output_dir runs/cavity2 --initial_weights runs/cavity/model.pt --max_epochs 44 --batch_size 4 --slices_per_case 4 --num_workers 1 $(MORE_VARIED)

cavity-weights-cpu: $(ORGANS)/breast_ultrasound/index.csv  ## the same DSC from one core of a CPU, an hour and a half: make cavity-weights-cpu DATA=folder
	@$(CAVITY) --output_dir runs/cavity_cpu --standardise True --learning_rate 0.002 --max_epochs 110 --batch_size 4 $(MORE_VARIED)
	@$(BIN)/python benchmarks/shipped.py --data $(DATA) --only crossover_cardiac --checkpoint runs/cavity_cpu/model.pt --results results/retrained.json
	@$(BIN)/python benchmarks/tables.py

MYOCARDIUM = OMP_NUM_THREADS=1 $(RUN) training --config_file bundles/crossover_myocardium/configs/train.json --dataset_dir $(DATA)/acdc --spacing 0 --turn 3.14 --val_interval 100 --precision bfloat16
myocardium-weights: $(READY)  ## train crossover_myocardium's weights, three hours with a GPU for the last stage: make myocardium-weights DATA=folder
	@$(MYOCARDIUM) --output_dir runs/myocardium --max_epochs 40
	@$(MYOCARDIUM) --output_dir runs/myocardium2 --initial_weights runs/myocardium/model.pt --max_epochs 18 --learning_rate 0.0007 $(MORE_VARIED)
	@$(MYOCARDIUM) --output_dir runs/myocardium3 --initial_weights runs/myocardium2/model.pt --max_epochs 80 $(MORE_VARIED)
	@$(MYOCARDIUM) --output_dir runs/myocardium4 --initial_weights runs/myocardium3/model.pt --max_epochs 150 --batch_size 2 --slices_per_case 8 --num_workers 2 $(MORE_VARIED)

shipped: $(ORGANS)/breast_ultrasound/index.csv  ## what the automatic bundles' weights reach on other patients: make shipped DATA=folder
	@$(BIN)/python benchmarks/shipped.py --data $(DATA)
	@$(BIN)/python benchmarks/tables.py

# All rows on the same patients, splits, minutes and measures; what is done is not repeated.
PAPER ?= crossover sequential
reproduce: $(READY)  ## the papers' tables row by row, resumable: make reproduce DATA=folder [PAPER=crossover] [TASK=name] [ROWS="a,b"] [MINUTES=n]
	@test -n "$(DATA)" || { echo "error: give the folder of the data sets: make reproduce DATA=folder"; exit 2; }
	@for paper in $(PAPER); do OMP_NUM_THREADS=1 $(BIN)/python benchmarks/reproduce.py --data "$(DATA)" --paper $$paper --task "$(TASK)" --rows "$(ROWS)" --minutes $(or $(MINUTES),10) || exit $$?; done
	@$(BIN)/python benchmarks/tables.py

cards: $(ORGANS)/breast_ultrasound/index.csv  ## the pictures of the model cards, and what the weights reach on them: make cards DATA=folder
	@$(BIN)/python benchmarks/cards.py
	@$(BIN)/python benchmarks/tables.py

cost: $(READY)  ## seconds and memory of a scan with each bundle, on an idle machine: a few minutes
	@$(BIN)/python benchmarks/cost.py
	@$(BIN)/python benchmarks/tables.py

bench: $(READY)  ## every benchmark of speed into results/, on an idle machine: make bench [DATA=folder]
	@$(if $(DATA),PATCHSEG_DATA=$(DATA)) $(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/tables.py

.PHONY: gpu-bench runtimes click-precision
gpu-bench: $(READY)  ## dense logits, clicks, training steps and epochs on an NVIDIA GPU into results/, some minutes
	@$(BIN)/python benchmarks/gpu.py --results results/gpu.json
	@$(BIN)/python benchmarks/gpu_epoch.py --results results/gpu.json
	@$(BIN)/python benchmarks/tables.py

runtimes: $(READY)  ## torch.compile, ONNX Runtime and OpenVINO beside torch, a few minutes on an idle machine
	@$(BIN)/python benchmarks/runtimes.py
	@$(BIN)/python benchmarks/tables.py

click-precision: $(ORGANS)/breast_ultrasound/index.csv  ## what bfloat16 and int8 cost one click: make click-precision DATA=folder
	@$(BIN)/python benchmarks/click_precision.py
	@$(BIN)/python benchmarks/tables.py

configs: $(READY)  ## write the bundles' configs from their common source, configs/
	@$(BIN)/python configs/write.py

tables: $(READY)  ## write the tables in READMEs and metadata from results/
	@$(BIN)/python benchmarks/tables.py

clean:  ## remove what make demo wrote (the environment stays)
	rm -rf $(DEMO)
