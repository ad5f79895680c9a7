"""JWTs that others signed: believed with the keys that are live, by one method, and not else."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

# RFC 7518, section 3.2: a key for HS256 is at least as long as its hash.
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_KEYS: dict[str, type[Key]] = {"HS": OctKey, "RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}


class BadToken(Exception):
    """A JWT that is not to be believed; ``str()`` says why, without what it holds."""


class BadKey(ValueError):
    """A text that is no key for the method."""


class Signers:
    """Whose JWTs are believed.

    Args:
        keys: Secrets, or public keys in PEM; several while one takes another's place.
        method: How they sign, such as ``HS256``.

    Raises BadKey.
    """

    def __init__(self, keys: Sequence[str], *, method: str) -> None:
        names = [method]
        if method == "EdDSA":  # its name since RFC 9864 is Ed25519; both are in use
            names.append("Ed25519")
            warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)
        self._registry = JWSRegistry(algorithms=names, strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry()
        self._keys = [_key(text, method) for text in keys]

    def claims(self, token: str) -> Mapping[str, Any]:
        """What ``token`` says, signed by one of them and valid now. Raises BadToken.

        One that names an audience is for somebody else (RFC 7519, section 4.1.3).
        """
        said = self.signed(token)
        try:
            self._claims.validate(said)
        except (JoseError, TypeError) as error:
            raise BadToken(getattr(error, "error", "") or "it cannot be read") from error
        if "aud" in said:
            raise BadToken("it is for another audience")
        return said

    def signed(self, token: str) -> dict[str, Any]:
        """What ``token`` says, signed by one of them, be it valid or not. Raises BadToken."""
        why: Exception = BadToken("there is no key")
        for key in self._keys:
            try:
                return jwt.decode(token, key, registry=self._registry).claims
            except (JoseError, ValueError, TypeError, RecursionError) as error:
                why = error  # the other of two keys may have signed it
        raise BadToken(getattr(why, "error", "") or "it cannot be read") from why


def weakness(key: str, method: str) -> str | None:
    """Why ``key`` is too short for ``method``; None when it is not."""
    least = _HASH_BYTES.get(method, 0)
    length = len(key.encode())
    return f"it has {length} bytes, {method} wants at least {least}" if length < least else None


def _key(text: str, method: str) -> Key:
    try:
        with warnings.catch_warnings():
            # A secret that is short is told once, by who reads the settings.
            warnings.simplefilter("ignore", SecurityWarning)
            return _KEYS[method[:2]].import_key(text)
    except (JoseError, ValueError, TypeError) as error:
        raise BadKey(str(error).rstrip(".")) from error
