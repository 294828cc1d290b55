"""The table of what was tried on geometry and bad input, from the contents of results/robustness.json."""

from typing import Any


def robustness(results: dict[str, Any]) -> str:
    """One row for the geometry tests, one for the catalogue of bad inputs, one for random damage."""
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
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
