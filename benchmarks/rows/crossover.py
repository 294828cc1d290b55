"""The rows of Crossover-Net: Tables I to IV and Figures 8 to 10.

The network, its loss and its rivals are told by ids of the bundles' train.json, so each row is a few settings.
"""

from typing import Any

from rows.paper import Order, Paper, Row, Task

CARDIAC, KIDNEY, BREAST, OVERLAYS = (
    "bundles/crossover_cardiac/configs",
    "bundles/crossover_kidney/configs",
    "bundles/crossover_breast/configs",
    "benchmarks/configs",
)
# Epochs of 16 slices: the budget is met to a second or two.
SHORT_EPOCHS = {"train#sampler": "$torch.utils.data.RandomSampler(@train#dataset, num_samples=16)"}
NO_PICTURES = {"handlers#1#_disabled_": True}
CAVITY = "Sunnybrook cine MR, cavity, inside the middle 96x96 pixels"
TASKS = {
    "cardiac": Task(
        "sunnybrook_lv",
        f"{CAVITY}; 10 of 30 patients held out",
        # the region is where the heart lies, as the paper's of kidney tumours is where they grow
        [f"{CARDIAC}/train.json", f"{OVERLAYS}/heart_region.json"],
        [f"{CARDIAC}/evaluate.json", f"{OVERLAYS}/heart_region_evaluate.json"],
        # the set has lost its spacing: a pixel counts as a millimetre
        settings={"spacing": 0, "precision": "bfloat16"},
        train_only={
            "cases": "$patchseg.data.find_cases(@dataset_dir)[::4]",
            "canvas": [96, 96],
            "learning_rate": 0.0005,
            **SHORT_EPOCHS,
        },
        evaluate_only=NO_PICTURES,
    ),
    "kidney": Task(
        "kits19_slices",
        "KiTS19 slices, tumours, whole slices; 10 of 30 patients held out",
        [f"{KIDNEY}/train.json"],
        [f"{KIDNEY}/evaluate.json"],
        settings={"precision": "bfloat16"},
        train_only={"learning_rate": 0.0005, **SHORT_EPOCHS},
        evaluate_only=NO_PICTURES,
        rows=(
            "Crossover-Net",
            "U-Net",
            "V-Net",
            "Crossbar-Net",
            "Cross-entropy only",
            "Without the end term",
            "With a Dice term",
            "With standardised weights",
        ),
    ),
}
# Does the order of the first minute last?
TASKS["cardiac_longer"] = TASKS["cardiac"]._replace(
    about=f"{CAVITY}, trained longer; 10 of 30 patients held out",
    rows=("Crossover-Net", "U-Net", "With a Dice term", "With standardised weights"),
)
# The stand-in for mammograms, from the folder that organs.py writes; half as many pixels a side as acquired.
TASKS["breast"] = Task(
    "breast_ultrasound",
    "Breast lesions in ultrasound (the paper's figure: mammograms, INbreast), 340x68 patches in a box 1.2 times "
    "the lesion's; 40 of 120 images held out",
    [f"{BREAST}/train.json"],
    [f"{BREAST}/evaluate.json"],
    settings={"spacing": 1.25, "precision": "bfloat16"},
    train_only={"learning_rate": 0.0005, "canvas": [160, 160], **SHORT_EPOCHS},
    evaluate_only=NO_PICTURES,
    rows=(
        "Crossover-Net",
        "U-Net",
        "Cross-entropy only",
        "Without the end term",
        "With a Dice term",
        "With standardised weights",
    ),
    published={"Crossover-Net": {"dsc": 0.9126}},  # mammograms, INbreast
    where="Table II",
)
TASKS["breast_longer"] = TASKS["breast"]._replace(
    about=f"{TASKS['breast'].about}; trained longer",
    rows=("Crossover-Net", "U-Net", "With a Dice term", "With standardised weights"),
)
DROPOUT = 0.1  # the bundles' own
IMAGE_NET = {"train": [f"{OVERLAYS}/image_net.json"], "evaluate": [f"{OVERLAYS}/image_net_evaluate.json"]}
ONE_PATCH = {"train": [f"{OVERLAYS}/one_patch.json"]}
TWO_APART = {"train": [f"{OVERLAYS}/two_apart.json"]}
IN_3D = "a 3D network: the data here are single slices, or ten slices of 10 mm"


def _network(target: str, **arguments: Any) -> dict[str, Any]:
    return {"network_def": {"_target_": target, **arguments}}


def _one_patch(side: tuple[int, int], direction: str = "vertical") -> dict[str, Any]:
    return _network("patchseg.rivals.OneBranchNet", patch=[*side], direction=direction, dropout=DROPOUT)


def _layer(number: int) -> Row:
    return Row(f"Constraint on layer {number}", "Fig. 10", settings={"constraint_layer": number})


VNET = {"_target_": "VNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 2}
WINDOWS = {"_target_": "SliceInferer", "roi_size": [32, 32], "spatial_dim": 2, "sw_batch_size": 16, "overlap": 0.5}
APART = _network("patchseg.rivals.TwoApartNet", dropout=DROPOUT)
ROWS = (
    Row(
        "Crossover-Net",
        "Table I",
        {"dsc": 0.937, "hd_mm": 8.627, "or": 0.041, "ur": 0.097},
        note="cross-entropy and bounded constraint on layer 3; cardiac cavity in Table III: DSC 0.941, HD 3.52 mm",
    ),
    Row(
        "Crossbar-Net",
        "Table I",
        {"dsc": 0.917, "hd_mm": 8.853, "or": 0.056, "ur": 0.097},
        APART,
        **TWO_APART,
        train_only={"loss#attention": 4.0},
        note="attends to the other network's errors at every step instead of in rounds; two voters",
    ),
    Row(
        "V-Net",
        "Table I",
        {"dsc": 0.885, "hd_mm": 10.440, "or": 0.065, "ur": 0.152},
        _network("patchseg.rivals.PaddedNet", net=VNET),
        **IMAGE_NET,
        note="MONAI's VNet in 2D, Dice and cross-entropy",
    ),
    Row(
        "U-Net",
        "Table I",
        {"dsc": 0.839, "hd_mm": 13.020, "or": 0.108, "ur": 0.169},
        _network("BasicUNet", spatial_dims=2, in_channels=1, out_channels=2),
        **IMAGE_NET,
        note="MONAI's BasicUNet, Dice and cross-entropy",
    ),
    Row(
        "Patch-based FCN",
        "-",
        {},
        _network(
            "AutoEncoder",
            spatial_dims=2,
            in_channels=1,
            out_channels=2,
            channels=[32, 64, 128],
            strides=[2, 2, 2],
        ),
        **IMAGE_NET,
        train_only={"canvas": [32, 32], "batch_size": 8},
        evaluate_only={"inferer": WINDOWS},
        note="MONAI's AutoEncoder on 32x32 patches that overlap by half; not in the paper's tables",
    ),
    Row(
        "SegCaps",
        "Table I",
        {"dsc": 0.875, "hd_mm": 10.500, "or": 0.072, "ur": 0.159},
        _network("patchseg.rivals.PaddedNet", net={"_target_": "patchseg.rivals.SegCaps"}, multiple=8),
        **IMAGE_NET,
        note="without the part that rebuilds the image; the paper trained it for 27 hours (Table IV)",
    ),
    Row(
        "2PG-CNN",
        "Table I",
        {"dsc": 0.882, "hd_mm": 11.320, "or": 0.080, "ur": 0.128},
        not_run="two pathways of convolutions over a group of rotations: not short, and the paper gives no layers",
    ),
    Row("3D-CNN", "Table I", {"dsc": 0.813, "hd_mm": 14.230, "or": 0.179, "ur": 0.134}, not_run=IN_3D),
    Row("3D-FCN-PPM", "Table I", {"dsc": 0.833, "hd_mm": 12.474, "or": 0.121, "ur": 0.171}, not_run=IN_3D),
    Row("Vertical only", "Fig. 8", {}, _one_patch((100, 20)), **ONE_PATCH),
    Row("Horizontal only", "Fig. 8", {}, _one_patch((100, 20), "horizontal"), **ONE_PATCH),
    Row("Both trained apart and combined", "Fig. 8", {}, APART, **TWO_APART, note="mean of their probabilities"),
    Row("Square 28x28", "Fig. 8", {}, _one_patch((28, 28)), **ONE_PATCH),
    Row("Square 56x56", "Fig. 8", {}, _one_patch((56, 56)), **ONE_PATCH),
    Row("Square 100x100", "Fig. 8", {}, _one_patch((100, 100)), **ONE_PATCH),
    Row("Cross-entropy only", "Fig. 8", train_only={"loss#constraint": "none"}),
    Row("MSE only", "Fig. 8", train_only={"loss#constraint": "none", "loss#prediction": "mse"}),
    Row("Without the end term", "Fig. 9", train_only={"loss#end_term": False}),
    Row(
        "With a Dice term",
        "-",
        train_only={"dice_weight": 1.0},
        note="of each slice, beside the full loss, as the U-Net's; not in the paper",
    ),
    Row(
        "With standardised weights",
        "-",
        train_only={"standardise": True},
        note="kernels of mean 0 while training, in place of a normalisation; not in the paper",
    ),
    Row(
        "U-Net without normalisation",
        "-",
        {},
        _network("BasicUNet", spatial_dims=2, in_channels=1, out_channels=2, norm=None),
        **IMAGE_NET,
        note="MONAI's BasicUNet, Dice and cross-entropy, its instance normalisation left out",
    ),
    Row(
        "Constraint as printed",
        "Eq. 3",
        train_only={"loss#constraint": "printed", "loss#weight": 1.0},
        note="unbounded below; weight 1, as in Eq. 1",
    ),
    _layer(1),
    _layer(2),
    _layer(4),
    Row(
        "Branches with weights of their own",
        "Table IV",
        {},
        _network("patchseg.crossover.CrossoverNet", dropout=DROPOUT, shared=False),
        note="728,916 instead of 364,458 parameters; Table IV's 1,427 KB are those of one branch",
    ),
)

PAPER = Paper(
    title="Crossover-Net",
    ours="Crossover-Net",
    rows=ROWS,
    tasks=TASKS,
    orders=(
        Order("Table I", ("Crossover-Net", "Crossbar-Net", "V-Net", "SegCaps", "U-Net")),
        Order("Fig. 8", ("Crossover-Net", "Cross-entropy only", "MSE only")),
        Order("Fig. 8", ("Cross-entropy only", "Both trained apart and combined")),
        Order("Fig. 8", ("Cross-entropy only", "Vertical only", "Horizontal only")),
        Order("Fig. 8", ("MSE only", "Vertical only")),
        *(
            Order("Fig. 8", ("Horizontal only", square))
            for square in ("Square 28x28", "Square 56x56", "Square 100x100")
        ),
        Order("Fig. 9", ("Crossover-Net", "Without the end term")),
        *(Order("Fig. 10", ("Crossover-Net", f"Constraint on layer {number}")) for number in (1, 2, 4)),
    ),
)
