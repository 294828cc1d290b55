"""Figures that others published, to stand beside ours; they are never measured here."""

CROSSOVER_TABLE_1 = {
    "source": "Crossover-Net, Table I: the paper's own CT data, 74 patients; it states no unit for HD",
    "methods": {
        "Crossover-Net": {"dsc": 0.937, "hd": 8.627, "or": 0.041, "ur": 0.097},
        "U-Net": {"dsc": 0.839, "hd": 13.02, "or": 0.108, "ur": 0.169},
    },
}
