"""The gate's reports, kept in the registry of the models they are about."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.errors import SettingsError
from nlu.registry import Registry
from training.gate.page import page
from training.gate.verdict import GateReport

REPORTS = "reports"  # in a registry: <version>.json and <version>.html


def keep(registry: Registry, report: GateReport) -> Path:
    """Write ``report`` into the registry, as JSON and as a page; where the page is."""
    folder = registry.root / REPORTS
    folder.mkdir(exist_ok=True)
    path = folder / f"{report.candidate}.html"
    path.write_text(page(report), "utf-8")
    # Last, and in one step: a report that can be read is whole.
    draft = folder / f".{report.candidate}.json"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    draft.replace(folder / f"{report.candidate}.json")
    return path


def kept(registry: Registry, version: str) -> GateReport | None:
    """The report of ``version``; None where the gate has not seen it. Raises SettingsError."""
    path = registry.root / REPORTS / f"{registry.folder(version).name}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=GateReport)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no report of the gate: {error}. Run it again.") from error
