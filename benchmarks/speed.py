"""Every benchmark of speed, one after the other, into one results file and a chart.

    python benchmarks/speed.py [--only volume] [--out results/speed.json]

Each is a program of its own, and wants an otherwise idle machine. What its last line says is kept with its
command; those that were not run keep what the file has of them, and those that failed are left out.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fire
from machine import threads, versions
from matplotlib.figure import Figure

from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file

FOLDER = Path(__file__).parent
COMMANDS = (
    "dense.py --size 512",
    "dense.py --size 512 --runtime openvino",
    "dense.py --size 512 --precision bfloat16",
    "dense.py --size 512 --paper",
    "dense.py --size 512 --stride 4",
    "dense.py --size 512 --stride 4 --runtime openvino",
    "dense.py --stride 4 --refine",
    "air.py",
    "lattice_training.py",
    "lattice_training.py --precision bfloat16",
    "click_speed.py",
    "click_speed.py --precision bfloat16",
    "click_speed.py --slices 30",
    "peers.py --task slice",
    "peers.py --task every_pixel",
    "peers.py --task refined --slices 72",
    "peers.py --task click_slice",
    "peers.py --task click_volume",
    "volume.py --kind ct",
    "volume.py --kind mr",
    "scaling.py",
)
REAL = ("refine", "air.py")  # need real slices, from PATCHSEG_DATA


def main(only: str = "", out: str = "results/speed.json", commands: tuple[str, ...] = COMMANDS) -> None:
    """Run, write the results file, draw the chart beside it.

    Args:
        only: run those whose command contains this.
        out: the file to write; the chart lies beside it, as .png.
        commands: scripts of this folder with their options.
    """
    wanted = [command for command in commands if only in command]
    if not wanted:
        raise InputError(f"only is {only!r}: give a part of one of {', '.join(commands)}.")
    path = Path(out)
    known = json.loads(path.read_text())["benchmarks"] if path.is_file() else []
    figures = {found["command"]: found for found in known}
    failed: list[str] = []
    for command in wanted:
        if any(part in command for part in REAL) and "PATCHSEG_DATA" not in os.environ:
            print(f"{command}: passed over, PATCHSEG_DATA names no folder of real data")
            continue
        print(command, flush=True)
        figures.pop(command, None)
        found = run(command)
        if found is None:
            failed.append(command)
        else:
            figures[command] = found
    results = {
        "about": {"benchmark": "speed", "threads": threads(), "versions": versions()},
        "benchmarks": [figures[command] for command in commands if command in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    draw(results["benchmarks"], path.with_suffix(".png"))
    print(path)
    if failed:
        raise InputError(f"these failed and are left out: {'; '.join(failed)}. Run them by themselves and see.")


def run(command: str) -> dict[str, Any] | None:
    """The JSON object that a benchmark prints last, with its command; None if it failed or printed none."""
    script, *options = command.split()
    done = subprocess.run([sys.executable, FOLDER / script, *options], stdout=subprocess.PIPE, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines or not lines[-1].startswith("{"):
        return None
    print("\n".join(lines[:-1]))
    return {"command": command} | json.loads(lines[-1])


def draw(benchmarks: list[dict[str, Any]], path: Path) -> None:
    """How many times faster than its baseline each is, where a volume's time goes, and how the cost grows."""
    compared = [found for found in benchmarks if found["ratio"]]
    staged = [found for found in benchmarks if "stages" in found]
    grown = next((found["growth"] for found in benchmarks if "growth" in found), {})
    figure = Figure(figsize=(15, 5), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    names = [found["name"].replace("_", " ") for found in compared]
    bars = left.barh(names, [found["ratio"] for found in compared], color="tab:blue")
    left.bar_label(bars, fmt="%.3g", padding=3)
    left.axvline(1, color="black", linewidth=0.8)
    left.set(xscale="log", title="times faster than the baseline of the same run")
    left.invert_yaxis()
    left.margins(x=0.2)
    for found in staged:
        start = 0.0
        total = found["ours_s"]
        for number, (stage, seconds) in enumerate(item for item in found["stages"].items() if item[0] != "start"):
            label = stage if found is staged[0] else None
            middle.barh(
                found["name"].replace("_", " "), seconds / total, left=start, color=f"C{number}", label=label
            )
            start += seconds / total
    middle.set(xlim=(0, 1), title="where the time of a volume goes")
    if staged:
        middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, frameon=False)
    for name, found in grown.items():
        least, first = found["amounts"][0], found["seconds"][0]
        relative = [amount / least for amount in found["amounts"]]
        cost = [seconds / first for seconds in found["seconds"]]
        right.plot(relative, cost, "o-", label=f"{name}: power {found['exponent']:.2f}")
    if grown:
        top = max(right.get_xlim()[1], 2)
        right.plot([1, top], [1, top], "k:", label="linear")
        right.legend(frameon=False)
    right.set(xlabel="amount, times the smallest", ylabel="cost, times the smallest", title="how the cost grows")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
