"""The rows of Crossover-Net: Tables I to IV and Figures 8 to 10.

The network, its loss and its rivals are told by the ids of the bundles' train.json, so each row is a few settings.
"""

from rows.paper import Order, Paper, Row, Task

CARDIAC, KIDNEY = "bundles/crossover_cardiac/configs", "bundles/crossover_kidney/configs"
# Epochs of 32 slices: the budget is met to a few seconds.
SHORT_EPOCHS = {"train#sampler": "$torch.utils.data.RandomSampler(@train#dataset, num_samples=32)"}
TASKS = {
    "cardiac": Task(
        "sunnybrook_lv",
        "Sunnybrook cine MR, cavity, every 2nd pixel of every 4th slice; 10 of 30 patients held out",
        [f"{CARDIAC}/train.json"],
        [f"{CARDIAC}/evaluate.json"],
        # the set has lost its spacing: a pixel counts as a millimetre
        settings={"spacing": 2.0},
        train_only={
            "cases": "$patchseg.data.find_cases(@dataset_dir)[::4]",
            "canvas": [80, 80],
            "turn": 3.14,
            **SHORT_EPOCHS,
        },
    ),
    "kidney": Task(
        "kits19_slices",
        "KiTS19 slices, tumours, whole slices; 10 of 30 patients held out",
        [f"{KIDNEY}/train.json"],
        [f"{KIDNEY}/evaluate.json"],
        train_only=SHORT_EPOCHS,
    ),
}

BASIC_UNET = {
    "train": ["benchmarks/configs/basic_unet.json"],
    "evaluate": ["benchmarks/configs/basic_unet_evaluate.json"],
}
ROWS = (
    Row("Crossover-Net", "Table I", {"dsc": 0.937, "hd_mm": 8.627, "or": 0.041, "ur": 0.097}),
    Row("U-Net", "Table I", {"dsc": 0.839, "hd_mm": 13.020, "or": 0.108, "ur": 0.169}, **BASIC_UNET),
    Row("Cross-entropy only", "Fig. 8", settings={"constraint": "none"}),
)

PAPER = Paper(
    title="Crossover-Net",
    ours="Crossover-Net",
    rows=ROWS,
    tasks=TASKS,
    orders=(
        Order("Table I", ("Crossover-Net", "U-Net")),
        Order("Fig. 8", ("Crossover-Net", "Cross-entropy only")),
    ),
)
