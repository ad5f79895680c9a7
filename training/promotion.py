"""Whether a version may become current, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

from bot.audit import Fact
from bot.errors import ParleyError
from nlu.bundle import read_manifest
from nlu.folder import check_files
from nlu.registry import Registry
from training.gate.reports import kept
from training.gate.verdict import GateReport


class NotPromoted(ParleyError):
    """The gate does not let a version become current, and nobody answers for it."""

    status = 409
    reason = "NotPromoted"


@dataclass(frozen=True, slots=True)
class Permission:
    """Why a version may become current: the gate's verdict, or a person's word against it."""

    version: str
    previous: str
    verdict: str  # of the gate; empty where it was not asked
    by: str = ""
    reason: str = ""

    @property
    def facts(self) -> dict[str, Fact]:
        """For the audit log."""
        told = {"by": self.by, "reason": self.reason}
        return {
            "version": self.version,
            "previous": self.previous,
            "gate": self.verdict or "not asked",
            **{name: value for name, value in told.items() if value},
        }


def permission(
    registry: Registry, version: str, *, by: str | None = None, reason: str | None = None
) -> Permission:
    """The right to make ``version`` current.

    The gate gives it, by a verdict against what is current now; or a person who takes it upon
    himself and says why. Raises NotPromoted, and BundleError for files that are not those that were
    published: no server would take them up, whoever answers for it.
    """
    folder = registry.folder(version)
    check_files(folder, read_manifest(folder).files)
    current = registry.current() or ""
    report = kept(registry, version)
    why_not = _objection(report, version, current)
    verdict = report.verdict if report else ""
    if not why_not:
        return Permission(version, current, verdict, by or "", reason or "")
    if not (by or "").strip() or not (reason or "").strip():
        raise NotPromoted(
            f"{why_not} A person may promote it all the same: `--by NAME --reason WHY`, which "
            "goes into the audit log."
        )
    return Permission(version, current, verdict, str(by).strip(), str(reason).strip())


def _objection(report: GateReport | None, version: str, current: str) -> str:
    if not current or version == current:
        return ""  # there is nothing it could be worse than
    if report is None:
        return f"The gate has not seen {version}: run `parley gate {version}`."
    if report.current != current:
        return (
            f"The gate compared {version} with {report.current}, but {current} is current now: run "
            f"`parley gate {version}` again."
        )
    if report.verdict == "pass":
        return ""
    bad = [check for check in report.checks if check.verdict == report.verdict]
    said = " ".join(f"{check.name}: {check.says}" for check in bad)
    what = "failed" if report.verdict == "fail" else "has not enough evidence"
    return f"{version} {what} at the gate. {said}"
