"""What imports cost that are put off until something needs them: milliseconds of the processor.

    python benchmarks/late_imports.py [--rounds 7]

Each in a fresh process that holds what is there by then, files in the system's cache; medians. Why
code imports late has a comment at its import.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from typing import Final

THERE: Final = "from albertkit import TextEmbedder"
LATE: Final = {  # module → what is there when it is imported
    "tokenizers": THERE,
    "concurrent.futures.thread": "import numpy",
    "openvino": THERE,
    "albertkit.sources.hubs": "import albertkit.sources",
    "urllib.request": "import albertkit.sources",
    "torch": THERE,
}
CHILD: Final = """
import time
{there}
begun = time.process_time()
import {module}
print(1000 * (time.process_time() - begun))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    values: dict[str, list[float]] = {module: [] for module in LATE}
    for _ in range(1 + rounds):  # the first, not counted, fills the system's cache
        for module, there in LATE.items():
            command = [sys.executable, "-c", CHILD.format(there=there, module=module)]
            output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            values[module].append(float(output))
    for module, spent in values.items():
        print(f"{module:32}{statistics.median(spent[1:]):8.1f} ms")


if __name__ == "__main__":
    main()
