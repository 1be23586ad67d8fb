"""The errors for a hub that cannot be asked: the same text for every hub."""

from __future__ import annotations

import os
from pathlib import Path

from albertkit.errors import ResourceError

# Hugging Face's variables; they apply to the other hubs too. Source: huggingface_hub, constants.py.
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
TRUE_VALUES = ("1", "ON", "YES", "TRUE")
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
LONGEST_REASON = 160  # characters of a network library's message


def find_offline_reason(local_files_only: bool) -> str | None:
    """Find the setting that forbids network requests.

    The environment is read at each call: in a notebook it is often set after the first import.

    Args:
        local_files_only: The caller's option.

    Returns:
        The setting as the user wrote it; None if requests are allowed.
    """
    if local_files_only:
        return "local_files_only=True"
    names = (n for n in OFFLINE_VARIABLES if os.environ.get(n, "").upper() in TRUE_VALUES)
    return next((f"{name}={os.environ[name]}" for name in names), None)


def not_cached_error(name: str, host: str, setting: str, cache: Path) -> ResourceError:
    """Make the error for a model that is not in the cache while requests are forbidden."""
    return ResourceError(
        "hub-unreachable",
        f"{name!r} is not in the cache {str(cache)!r}",
        why=f"{setting} forbids requests to {host}",
        fix="Fetch it once without that setting, or give a model's directory",
    )


def not_reached_error(name: str, host: str, error: BaseException, cache: Path) -> ResourceError:
    """Make the error for a model that is not in the cache while the network fails."""
    reason, remedy = _explain(error)
    missing = "" if "://" in name else f"there is no directory {name!r}, and "
    return ResourceError(
        "hub-unreachable",
        f"{missing}{host} cannot be reached ({reason})",
        why=f"the cache {str(cache)!r} has no complete copy of it",
        fix=f"{remedy}To work offline, give a model's directory, or fetch the model on a machine "
        "with a network and copy its cache",
    )


def find_network_reason(error: BaseException) -> str:
    """Take the innermost message of a network library's error, on one line."""
    innermost = error
    while (cause := innermost.__cause__ or innermost.__context__) is not None:
        innermost = cause
    message = str(innermost) or str(error) or type(innermost).__name__
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= LONGEST_REASON else line[:LONGEST_REASON] + "…"


def _explain(error: BaseException) -> tuple[str, str]:
    """Give the reason of a network error, and what to try first."""
    reason = find_network_reason(error)
    if "CERTIFICATE_VERIFY_FAILED" in f"{error} {reason}":
        return (
            "its certificate cannot be verified",
            "If a proxy of your network signs certificates, name their file in SSL_CERT_FILE. ",
        )
    proxies = [name for name in PROXY_VARIABLES if os.environ.get(name)]
    if proxies:
        return reason, f"The request used {' and '.join(proxies)}: check that proxy. "
    return reason, ""
