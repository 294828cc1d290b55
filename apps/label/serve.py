"""Start MONAI Label's server with every bundle of the collection.

    python apps/label/serve.py STUDIES [--port 8000] [--host 127.0.0.1] [options of monailabel start_server]

STUDIES is a folder of images (NIfTI, NRRD, MHA) or the address of a DICOMweb server. The server answers this
machine alone unless --host says otherwise; see README.md before it answers others. Nothing comes from the network.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

APP = Path(__file__).resolve().parent
LOCAL = ("127.0.0.1", "localhost", "::1")
SETTINGS = {
    # scoring runs the network ten times per study: when asked for, not at every start and every next sample
    "MONAI_LABEL_AUTO_UPDATE_SCORING": "false",
    "MONAI_LABEL_DATASTORE_FILE_EXT": json.dumps(["*.nii.gz", "*.nii", "*.nrrd", "*.mha"]),
    "MONAI_LABEL_TRACKING_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLBACKEND": "Agg",
}


def main() -> None:
    """Check the arguments, say what to type into 3D Slicer, and serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", help="folder of images, or address of a DICOMweb server")
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 (the default) is this machine alone")
    parser.add_argument("--port", type=int, default=8000)
    given, label_options = parser.parse_known_args()
    remote = given.studies.startswith(("http://", "https://"))
    studies = given.studies if remote else str(Path(given.studies).expanduser().resolve())
    if not remote and not Path(studies).is_dir():
        stop(f"{studies} is no folder: give the folder that holds the images to be labelled.")
    if not port_is_free(given.host, given.port):
        stop(f"port {given.port} of {given.host} is taken: choose another (make label PORT=8001 ...).")

    # uploads and sessions go where no request can name them, and end with the server
    received = tempfile.mkdtemp(prefix="patchseg-label-")
    origin = f"{'https' if '--ssl_certfile' in label_options else 'http'}://{given.host}:{given.port}"
    os.environ["TMPDIR"] = tempfile.tempdir = received
    for name, value in {**SETTINGS, "MONAI_LABEL_SESSION_PATH": received}.items():
        os.environ.setdefault(name, value)
    sys.path.insert(0, str(APP))  # server.py and lib/, also for uvicorn
    from monailabel.main import Main  # late: it takes seconds, and reads the settings

    label = Main()
    options = ["--app", str(APP), "--studies", studies, "--host", given.host, "--port", str(given.port)]
    options = [*options, "--uvicorn_app", "server:app", *label_options]
    arguments = label.args_parser().parse_args(["start_server", *options])
    print(how_to_connect(origin, given.host, studies), flush=True)
    os.chdir(tempfile.mkdtemp())  # Label takes an image id for a path if such a file lies in the working directory
    # the web server ends by sending itself the signal again, which would end Python before `finally`
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        label.action_start_server(arguments)
    except KeyboardInterrupt:
        print("ended")
    finally:
        shutil.rmtree(received, ignore_errors=True)


def how_to_connect(origin: str, host: str, studies: str) -> str:
    """What to type into 3D Slicer and OHIF."""
    from lib.bundle import label_type, served_and_untrained

    served, untrained = served_and_untrained()
    places = {"segmentation": "Auto Segmentation", "deepgrow": "SmartEdit"}
    lines = [
        "",
        f"  studies       {studies}",
        f"  3D Slicer     module MONAI Label, field MONAI Label server:  {origin}",
        *(f"                {places[label_type(root)]}: {name}" for name, root in served.items()),
        f"  requests      {origin}/ lists them",
        "  end           Ctrl-C",
    ]
    if untrained:
        lines.append(f"  left out      {', '.join(untrained)}: no weights yet, see docs/README.md in its folder")
    if host not in LOCAL:
        lines.append(
            f"  WARNING       {host} is open to other machines: see Shared servers in apps/label/README.md"
        )
    return "\n".join([*lines, ""])


def port_is_free(host: str, port: int) -> bool:
    """Whether a server can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def stop(sentence: str) -> None:
    """End with a sentence and code 2, as `patchseg` does."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
