"""Count the functions and files that one text passes through, and the modules of a start.

Run it on any source tree: `PYTHONPATH=/path/to/src python benchmarks/walk.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import albertkit

SOURCE = str(Path(albertkit.__file__).parent)
# A child process runs the command and prints the names of our modules that it imported.
COMMAND = """
import sys, os
sys.argv = ["albertkit", "embed", "x", "--format", "jsonl"]
out, sys.stdout = sys.stdout, open(os.devnull, "w")
from albertkit.cli.start import main
try:
    main()
except SystemExit:
    pass
print(*sorted(n for n in sys.modules if n.split(".")[0] == "albertkit"), file=out)
"""


def count_encode() -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Calls per file, and per function, of the second `encode(["a"])`; the first one imports."""
    embedder = albertkit.TextEmbedder()
    embedder.encode(["a"])
    files: Counter[str] = Counter()
    functions: Counter[tuple[str, str]] = Counter()

    def profile(frame: FrameType, event: str, _: object) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(SOURCE):
            files[path.removeprefix(SOURCE + "/")] += 1
            functions[path.removeprefix(SOURCE + "/"), frame.f_code.co_qualname] += 1

    sys.setprofile(profile)
    try:
        embedder.encode(["a"])
    finally:
        sys.setprofile(None)
    return files, functions


def list_imported_modules() -> list[str]:
    """Modules of ours that `albertkit embed "x"` imports."""
    output = subprocess.run(
        [sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True
    ).stdout
    return output.split()


if __name__ == "__main__":
    files, functions = count_encode()
    modules = list_imported_modules()
    if "--details" in sys.argv:
        for file, count in files.most_common():
            print(f"{count:5}  {file}")
        for (file, function), count in functions.most_common(40):
            print(f"{count:5}  {file} {function}")
        print("\n".join(modules))
    print(
        json.dumps(
            {
                "calls": files.total(),
                "functions": len(functions),
                "files": len(files),
                "modules": len(modules),
            }
        )
    )
