"""HTTPS: the certificate that the settings name, opened before anything is started."""

from __future__ import annotations

import ssl
from pathlib import Path

from bot.errors import SettingsError
from bot.settings import Settings, variable

MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What to serve HTTPS with; None to serve HTTP. Raises SettingsError."""
    if settings.ssl_certificate is None:
        if others := [name for name in ("ssl_keyfile", "ssl_ca_file") if getattr(settings, name)]:
            raise SettingsError(
                f"{variable(others[0])} is set, but HTTPS needs {variable('ssl_certificate')} too."
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = MINIMUM[settings.ssl_minimum]
    password = settings.ssl_password.get_secret_value() if settings.ssl_password else ""
    keyfile = settings.ssl_keyfile or settings.ssl_certificate
    try:
        # A password is always given: without one OpenSSL would ask for it on the terminal.
        context.load_cert_chain(settings.ssl_certificate, keyfile, lambda: password)
        if settings.ssl_ca_file:
            context.load_verify_locations(settings.ssl_ca_file)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise _unusable(settings, keyfile, error) from error
    return context


def _unusable(settings: Settings, keyfile: Path, error: Exception) -> SettingsError:
    files = dict.fromkeys((settings.ssl_certificate, keyfile, settings.ssl_ca_file))
    named = ", ".join(str(file) for file in files if file)
    missing = [str(file) for file in files if file and not file.is_file()]
    why = f"there is no {missing[0]}" if missing else str(error)
    return SettingsError(
        f"HTTPS cannot be served with {named}: {why}. PEM files are wanted, the certificate with "
        "its key, and PARLEY_SSL_PASSWORD if the key has one."
    )
