"""Starts the demo, as `python -m deploy.demo` from the root of the project or as `python deploy/demo` from anywhere."""

import signal
import sys
from pathlib import Path

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the libraries load needs no traceback

if not __package__:  # then Python looked for modules in this folder
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from deploy.demo.play import run

if __name__ == "__main__":
    sys.exit(run())
