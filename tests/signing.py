"""JWTs, signed as hosts sign them."""

from __future__ import annotations

import base64
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

KEYS = {"HS": OctKey, "RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}


def key_of(text: str, method: str) -> Key:
    """A secret, or a key in PEM, as ``method`` wants it."""
    return KEYS[method[:2]].import_key(text)


def signed(claims: dict[str, Any], key: str, method: str = "HS256") -> str:
    """A JWT that says ``claims``."""
    return jwt.encode({"alg": method}, claims, key_of(key, method), algorithms=[method])


def unsigned(claims: dict[str, Any]) -> str:
    """A JWT of the method ``none``, which nobody should believe."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
