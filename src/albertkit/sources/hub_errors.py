"""What is said when a hub does not answer: why, in the network's own words, and what to do.

All hubs are asked through different libraries; a person meets the same line.
"""

from __future__ import annotations

import os
from pathlib import Path

from albertkit.errors import ResourceError

# Hugging Face's variables; they stop us from asking any other hub too. Source: huggingface_hub,
# constants.py.
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
YES = ("1", "ON", "YES", "TRUE")
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
LONGEST_REASON = 160  # characters of what a network library says


def offline_because(local_files_only: bool) -> str | None:
    """What forbids to ask a hub, as the user wrote it; None where nothing does.

    The environment is read at each call: in a notebook it is often set after the first import.
    """
    if local_files_only:
        return "local_files_only=True"
    set_ones = (name for name in OFFLINE if os.environ.get(name, "").upper() in YES)
    return next((f"{name}={os.environ[name]}" for name in set_ones), None)


def not_asked(name: str, host: str, forbidden_by: str, cache: Path) -> ResourceError:
    """The error for a model that is neither here nor in the cache, where asking is forbidden."""
    return ResourceError(
        "hub-unreachable",
        f"{name!r} is not in the cache {str(cache)!r}",
        why=f"{forbidden_by} forbids to ask {host}",
        fix="Fetch it once without that, or give a model's directory",
    )


def not_reached(name: str, host: str, error: BaseException, cache: Path) -> ResourceError:
    """The error for a model that is neither here nor in the cache, where the network fails."""
    reason, remedy = _reason(error)
    return ResourceError(
        "hub-unreachable",
        f"{name!r} is no directory here, and {host} cannot be reached ({reason})",
        why=f"no whole copy of it is in the cache {str(cache)!r}",
        fix=f"{remedy}To work offline, give a model's directory, or fetch it once where there is a "
        "network and bring the cache along",
    )


def reason_of(error: BaseException) -> str:
    """What the network library said, on one line."""
    innermost = error
    while (deeper := innermost.__cause__ or innermost.__context__) is not None:
        innermost = deeper
    said = str(innermost) or str(error) or type(innermost).__name__
    line = " ".join(said.split()).rstrip(".")
    return line if len(line) <= LONGEST_REASON else line[:LONGEST_REASON] + "…"


def _reason(error: BaseException) -> tuple[str, str]:
    """Why, and what to do about it before all else."""
    reason = reason_of(error)
    if "CERTIFICATE_VERIFY_FAILED" in f"{error} {reason}":
        return (
            "its certificate cannot be verified",
            "Where a company's proxy signs certificates, name their file in SSL_CERT_FILE. ",
        )
    proxies = [name for name in PROXIES if os.environ.get(name)]
    if proxies:
        return reason, f"It was asked through {' and '.join(proxies)}: check that. "
    return reason, ""
