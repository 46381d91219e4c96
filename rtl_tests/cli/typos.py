"""Mistyped command lines, run one after the other in this process; what each took, as JSON."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from maccord.cli.main import main

__all__ = ["tried"]


def tried(arguments: list[str]) -> dict[str, object]:
    """Run a command line to its end."""
    sys.argv = ["maccord", *arguments]
    out, err = io.StringIO(), io.StringIO()
    begin = time.process_time()
    code: object = None
    with redirect_stdout(out), redirect_stderr(err), patch.dict(os.environ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return {
        "code": code,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "seconds": time.process_time() - begin,
        "heavy": [name for name in ("torch", "amaranth", "sklearn") if name in sys.modules],
    }


if __name__ == "__main__":
    found = [tried(arguments) for arguments in json.load(sys.stdin)]
    json.dump(found, sys.stdout)
