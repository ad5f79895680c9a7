"""Everything NLU raises on purpose.

NluError                    500   says what was found and what would be right
├── BundleError             500   a model folder is missing, damaged or of another format
└── NluUnavailable          503   too many wait, it is closing, or another server cannot be reached
"""

from __future__ import annotations


class NluError(Exception):
    """Understanding failed in a way a person can put right; ``str()`` is the sentence to show."""

    status = 500
    reason = "NluError"


class BundleError(NluError):
    """A model folder cannot be used; the sentence names the file."""

    reason = "BundleError"


class NluUnavailable(NluError):
    """No answer can be had now; ask again in ``retry_after_s``."""

    status = 503
    reason = "NluUnavailable"
    retry_after_s = 2
