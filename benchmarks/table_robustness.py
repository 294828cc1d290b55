"""The table of what was tried on geometry, bad input and faults, from the contents of results/robustness.json."""

from typing import Any

# what was tried, what is counted, and how it ended where nothing failed; in the order of the table
FAULTS = {
    "kill_training_crossover": (
        "kill -9 of a training of Crossover-Net at random moments, then its resume",
        "kills",
        "weights as without a kill, bit for bit; what was there always loaded and agreed",
    ),
    "kill_training_seqpatch": (
        "the same of the click network",
        "kills",
        "weights as without a kill, bit for bit; what was there always loaded and agreed",
    ),
    "kill_masks": (
        "kill -9 of inference, `patchseg segment` and `patchseg click`",
        "kills",
        "each mask there whole or not at all",
    ),
    "kill_worker": (
        "kill -9 of a loading process",
        "kills",
        "a sentence and exit code 2, or the end where it had loaded all; resumed to the same weights",
    ),
    "kill_rank": (
        "kill -9 of one of two training processes",
        "kills",
        "the other ended within a minute and said why; resumed to the same weights",
    ),
    "workers_0_1_2": (
        "the same seed with one and two loading processes, beside none",
        "trainings",
        "the same weights, bit for bit",
    ),
    "label_server": (
        "eight clients of MONAI Label at once: automatic, clicks, bad requests, next samples",
        "requests",
        "each mask that of a single client, each bad request refused, no crash, memory within its bound",
    ),
}


def robustness(results: dict[str, Any]) -> str:
    """A row for the geometry tests, the catalogue of bad inputs, random damage, and each fault that was tried."""
    geometry, bad, fuzz = results["geometry"], results["bad_inputs"], results["fuzz"]
    rows = [
        ("tried", "how many", "outcome"),
        ("---", "---", "---"),
        (
            f"{geometry['orientations']} axis orientations x isotropic, anisotropic and oblique headers x NIfTI, "
            "MHA, NRRD and DICOM",
            f"a sample of {geometry['whole_product']} combinations",
            "masks to half a voxel of the coarser grid, clicks to half a network voxel; volume, centroid and "
            "Hausdorff distance equal",
        ),
        (
            "bad scans, clicks, outputs, options, bundles, reports and runs",
            str(bad["total"]),
            "each one sentence and exit code 2, nothing written",
        ),
        (
            f"random damage to headers, voxels and clicks, seed {fuzz['seed']}",
            f"{fuzz['tries']:,}",
            f"{fuzz['answered']:,} answered, {fuzz['refused']:,} refused with a sentence, "
            f"{fuzz['failed']:,} failed",
        ),
        *(_fault(name, entry) for name in FAULTS if (entry := results.get("faults", {}).get(name))),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _fault(name: str, entry: dict[str, Any]) -> tuple[str, str, str]:
    tried, counted, well = FAULTS[name]
    failed = f"{entry['failed']} of {entry['tried']} failed"
    return f"{tried}, seed {entry['seed']}", f"{entry['tried']} {counted}", failed if entry["failed"] else well
