"""The rows of Sequential patches: Tables 1 and 2, Figure 8 and the supplement's Table 1.

Whatever reads rays is `SeqPatchNet` with other arguments; a row "without click" never learns where the object is.
Left ventricles are the task on which rows differ after minutes: every slice shows one, so a rival without a click
has a chance; the right ventricle beside it is as bright, so a patch by itself does not tell which of them it sees.
"""

from collections.abc import Sequence
from typing import Any

from rows.paper import Order, Paper, Row, Task

CLICK = "bundles/seqpatch_prostate/configs"
MEASURED = "benchmarks/configs/click_measures.json"
CAVITY = "Sunnybrook cine MR, cavity, every 4th slice"
TASKS = {
    "cavity": Task(
        "sunnybrook_lv",
        f"{CAVITY}; 10 of 30 patients held out",
        [f"{CLICK}/train.json"],
        [f"{CLICK}/evaluate.json", MEASURED],
        # the set has lost its spacing: a pixel counts as a millimetre, and stays as acquired
        settings={"spacing": 1.0, "precision": "bfloat16"},
        train_only={
            "cases": "$patchseg.data.find_cases(@dataset_dir)[::4]",
            "slices_per_epoch": 40,
            "batch_size": 4,
            "rays": 2,
            "click_error": 0.5,
            "radius": [10, 30],
            # one organ of one kind of scan, as in the paper: no synthetic slices, no tones turned round
            "synthetic_share": 0.0,
            "augmentation#2#prob": 0.0,
            "augmentation#4#prob": 0.0,
        },
    ),
}

# Does the order of the first minute last?
TASKS["cavity_longer"] = TASKS["cavity"]._replace(
    about=f"{CAVITY}, trained longer; 10 of 30 patients held out",
    rows=("Seq-FCN", "Sequential patches"),
)

HALF_WIDTH = [16, 32, 64]
FULL, BEFORE_TOP, BOTTOM = ("bottom", "middle", "top"), ("bottom", "middle"), ("bottom",)


def _rays(recurrence: Sequence[str] = FULL, **others: Any) -> dict[str, Any]:
    """Settings of a network that reads rays; `skips` and `channels` are told to the network alone."""
    network = {"channels": HALF_WIDTH} | {key: others.pop(key) for key in ("skips",) if key in others}
    about = {f"network_def#{key}": value for key, value in network.items()}
    return {"recurrence": [*recurrence], **others, **about}


def _configs(name: str) -> dict[str, Any]:
    return {
        "train": [f"benchmarks/configs/{name}.json"],
        "evaluate": [f"benchmarks/configs/{name}_evaluate.json"],
    }


SHORT_EPOCHS = {"slices_per_epoch": 16}  # a U-Net's slice takes longer than two rays
ALONE = "each patch judged alone"
SUPPLEMENT = "Supplement, Table 1"
OURS, UNET, CLICK_UNET = "Sequential patches", "U-Net", "U-Net with the click as a channel"

ROWS = (
    Row(
        "Patch-based FCN",
        "Table 1",
        {"dsc": 0.3445},
        _rays((), skips=False),
        **_configs("whole_patch_fcn"),
        note="no click; patches all over the slice",
    ),
    Row(
        UNET,
        "Tables 1, 2",
        {"dsc": 0.8652, "cd_x_mm": 0.71, "cd_y_mm": 0.59},
        **_configs("whole_unet"),
        train_only=SHORT_EPOCHS,
        note="no click; MONAI's BasicUNet",
    ),
    Row(CLICK_UNET, "-", **_configs("click_unet"), train_only=SHORT_EPOCHS, note="not in the paper"),
    Row(
        "Patch-based FCN on rays",
        SUPPLEMENT,
        {"dsc": 0.6973, "cd_x_mm": 10.12, "cd_y_mm": 9.97},
        _rays((), skips=False),
        note=ALONE,
    ),
    Row(
        "Patch-based U-Net on rays",
        SUPPLEMENT,
        {"dsc": 0.7555, "cd_x_mm": 9.07, "cd_y_mm": 15.19},
        _rays(()),
        note=ALONE,
    ),
    Row("Seq-FCN", "Table 2", {"dsc": 0.9042}, _rays(BOTTOM, skips=False)),
    Row("ConvRNN at the bottom", "Table 2", {"dsc": 0.9128}, _rays(BOTTOM)),
    Row("ConvLSTM", "Table 2", {"dsc": 0.9151}, _rays(cell="lstm")),
    Row("ConvGRU", "Table 2, text", {}, _rays(cell="gru"), note='in the paper "hard to train", without a figure'),
    Row("One direction", "Table 2", {"dsc": 0.9231}, _rays(bidirectional=False)),
    Row("ConvRNN at bottom and middle", "Table 2", {"dsc": 0.9234}, _rays(BEFORE_TOP)),
    Row(OURS, "Tables 1, 2", {"dsc": 0.9324, "cd_x_mm": 0.57, "cd_y_mm": 0.33}, _rays()),
    *(
        Row(
            f"{OURS} (click {offset} px off)",
            "Fig. 8",
            {},
            _rays(),
            weights_of=OURS,
            evaluate_only={"click_offset": offset},
        )
        for offset in (5, 10)
    ),
    *(
        Row(
            f"{CLICK_UNET} (click {offset} px off)",
            "Fig. 8",
            {},
            evaluate=_configs("click_unet")["evaluate"],
            weights_of=CLICK_UNET,
            evaluate_only={"click_offset": offset},
        )
        for offset in (5, 10)
    ),
)

PAPER = Paper(
    title="Sequential patches",
    ours=OURS,
    rows=ROWS,
    tasks=TASKS,
    orders=(
        Order("Table 1", (OURS, UNET, "Patch-based FCN")),
        Order(
            "Table 2",
            (
                OURS,
                "ConvRNN at bottom and middle",
                "One direction",
                "ConvLSTM",
                "ConvRNN at the bottom",
                "Seq-FCN",
                UNET,
            ),
        ),
        Order(SUPPLEMENT, (OURS, "Patch-based U-Net on rays", "Patch-based FCN on rays")),
    ),
    measures=("dsc", "cd_x_mm", "cd_y_mm"),
)
