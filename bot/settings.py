"""Every setting: from the environment, else from endpoints.yml, checked once.

``python -m bot.settings`` prints the table that docs/settings.md holds.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from ipaddress import ip_address, ip_network
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError
from bot.outgoing import LOOPBACK, read_allowed
from bot.people.roles import Role
from bot.project.paths import ProjectPaths
from bot.project.project import Endpoints

PREFIX = "PARLEY_"
RASAS_MOST_ACTIONS = "MAX_NUMBER_OF_PREDICTIONS"
JwtMethod = Literal[
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
    "EdDSA",
]
RateSetting = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,5}/[1-9][0-9]{0,5}|none)$")]
REDIS_SCHEMES = (
    *("redis://", "rediss://", "unix://"),
    *("redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://"),
)
REDIS_TLS = ("ssl_keyfile", "ssl_certfile", "ssl_ca_certs")
SECRET = (
    "redis_url",
    "database_url",
    "actions_url",
    "auth_token",
    "auth_token_old",
    "jwt_secret",
    "jwt_secret_old",
    "oidc_client_secret",
    "jwt_private_key",
    "ssl_password",
    "scrub_key",
    "encryption_keys",
    "visitor_keys",
)


class Patience(TypedDict):
    """Seconds within which a request comes, and how large its head may be."""

    slow_s: float
    most_head_bytes: int


class Settings(BaseSettings):
    """How a server runs. What a bot says and knows is in its project, not here."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", validate_default=True
    )

    project: Path = Field(Path(), description="Folder of the project to serve.")
    domain: Path | None = Field(
        None,
        description="Domain file, or folder of domain files. Default: `domain.yml` in the project, "
        "else `domain`. This path and the next ones count from the current folder, else from the "
        "project's.",
    )
    data: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Files and folders of training data, separated by commas. Default: `data` in "
        "the project.",
    )
    config: Path | None = Field(None, description="Default: `config.yml` in the project.")
    endpoints: Path | None = Field(None, description="Default: `endpoints.yml` in the project.")
    credentials: Path | None = Field(None, description="Default: `credentials.yml` in the project.")
    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every one.")
    port: int = Field(5005, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(
        1, ge=1, le=64, description="Processes that serve on this address, on one Redis and SQL."
    )
    home: Path = Field(
        Path(".parley"), description="Folder for conversations: the SQLite file, Redis's own file."
    )
    models: Path | None = Field(
        None, description="Folder of the model registry. Default: `models` in the project."
    )
    model: str | None = Field(
        None,
        description="What to serve: a version of the registry, or the file of a model package. "
        "Default: the project with its current version.",
    )
    nlu: Literal["auto", "none"] = Field(
        "auto",
        description="`none` serves without a model: only `/intent{…}` payloads are understood.",
    )
    follow_models: bool = Field(
        True,
        description="What becomes current in the registry (`parley train`, `models promote`, "
        "`models rollback`) serves within a second or two, without a restart; what is rolled out "
        "is tried. Not with `model`.",
    )
    corrections: bool = Field(
        True,
        description="What reviewers set right counts at once for sentences alike, until a rebuild "
        "has learnt it.",
    )
    database_url: str | None = Field(
        None,
        description="SQL database of the log, as an SQLAlchemy URL. Default: `tracker_store` of "
        "endpoints.yml when its type is SQL, else SQLite in `home`.",
    )
    database_connections: int = Field(
        20,
        ge=2,
        description="Connections of one process to PostgreSQL at most, half of them kept open. "
        "Times workers and machines, they should fit into its `max_connections`.",
    )
    keep_messages_days: float = Field(
        7.0,
        ge=0.01,
        description="How long a message that was answered, and its replies, are kept to recognise "
        "repeats, in days. Events: `retention`.",
    )
    retention: dict[str, float] = Field(
        {},
        description="How many days conversations are kept, as JSON of channels, such as "
        '`{"web": 30, "default": 365}`. Default: for ever.',
    )
    encryption_keys: SecretStr | None = Field(
        None,
        description="Texts of users are stored encrypted with the first of these keys and read "
        "with any of them: `NAME:KEY`, several separated by commas, as `parley privacy key` writes "
        "them.",
    )
    scrub: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Kinds of personal data that become placeholders before a message is stored or "
        "understood, separated by commas: `email`, `phone`, `iban`, `card`.",
    )
    scrub_patterns: dict[str, str] = Field(
        {},
        description="Kinds of your own, as JSON of names and regular expressions, such as "
        '`{"order": "ORD-[0-9]+"}`.',
    )
    scrub_key: SecretStr | None = Field(
        None, description="Secret that placeholders are made with; `scrub` needs one."
    )
    redis_url: str | None = Field(
        None,
        description="Redis or Valkey: `redis://…`, `rediss://…`, "
        "`redis+sentinel://host,host/master/0`, `redis+cluster://host,host`. Default: `lock_store` "
        "of endpoints.yml when its type is redis, else `parley run` starts one of its own.",
    )
    actions_url: str | None = Field(
        None,
        description="Webhook of the action server. Default: `action_endpoint` of endpoints.yml, "
        "else `parley run` starts one when the project has an `actions` package.",
    )
    actions_python: Path | None = Field(
        None, description="Python that runs the project's actions, where rasa-sdk is installed."
    )
    actions_module: str | None = Field(
        None,
        description="Package whose actions run in this process, such as `actions`; needs the extra "
        "`parley[actions]`. Default: `actions_module` of `action_endpoint` in endpoints.yml.",
    )
    actions_threads: int = Field(
        1, ge=1, le=64, description="Threads for actions in this process; one is as in rasa-sdk."
    )
    actions_at_once: int = Field(
        64,
        ge=1,
        description="Calls of the action server at the same time, of one process. Others wait; of "
        "more than four times as many an action fails at once, so that a slow action server does "
        "not keep waiting who does not need it.",
    )
    actions_compress: bool = Field(
        False,
        description="Send zlib-compressed requests to the action server. Rasa's own "
        "`COMPRESS_ACTION_SERVER_REQUEST=true` does the same.",
    )
    response_timeout_s: float = Field(
        60.0, gt=0, description="How long a request waits for its answer, in seconds; then 504."
    )
    most_actions: int = Field(
        10,
        ge=1,
        description="Actions in one turn; then it ends and the bot listens. Rasa's own "
        "`MAX_NUMBER_OF_PREDICTIONS` does the same.",
    )
    max_body_bytes: int = Field(
        1_048_576, ge=1024, description="Largest body of a request, in bytes; above it 413."
    )
    max_message_chars: int = Field(
        20_000, ge=1, description="Longest message of a user, in characters; above it 413."
    )
    max_header_bytes: int = Field(
        32_768,
        ge=1024,
        description="Largest head of a request, its line and headers; above it 431.",
    )
    slow_client_s: float = Field(
        20.0,
        ge=0,
        description="How long a client may take to send a request, in seconds; a body may take one "
        "more for every 500 bytes. An answer may be taken three times as slowly. 0: for ever.",
    )
    max_action_events: int = Field(
        1000,
        ge=0,
        description="Events of one action; with more it fails. With `most_actions` this bounds a "
        "turn. 0: any number.",
    )
    max_buttons: int = Field(
        100,
        ge=0,
        description="Buttons of one reply; with more the action fails. 0: any number.",
    )
    conversation_rate: RateSetting = Field(
        "60/60",
        description="Messages that a conversation takes in so many seconds, as `60/60`; more are "
        "answered 429. `none`: any number. What a messaging service delivers is never refused.",
    )
    address_rate: RateSetting = Field(
        "600/60",
        description="The same for the messages of one address, or of the /64 of an IPv6 address.",
    )
    max_sockets: int = Field(
        10_000, ge=0, description="Pages connected to one process at once. 0: any number."
    )
    max_sockets_per_address: int = Field(
        100, ge=0, description="Of these, pages of one address. 0: any number."
    )
    unlimited: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8", "::1"),
        description="Networks and addresses that these four do not count, separated by commas: "
        "servers of yours that speak for many users, or where a load test comes from.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Networks and addresses of proxies in front of this server, separated by "
        "commas: only what comes from them may say by X-Forwarded-For and X-Forwarded-Proto who "
        "asks, and how.",
    )
    cors: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins whose pages may call this server, separated by commas; `*` for all.",
    )
    visitor_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Secrets that sign the tickets of the chat page's visitors, of 16 characters "
        "or more, separated by commas: the first signs, any is believed, so that a key can be "
        "replaced. Servers of one site need the same. Default: one kept in `home`.",
    )
    visitor_days: float = Field(
        90.0,
        gt=0,
        description="How long a visitor who does not come back may still take up the conversation, "
        "in days. Whoever comes back begins these days anew.",
    )
    visitor_adopt_until: date | None = Field(
        None,
        description="Day, such as `2027-03-31`, until which pages may take up conversations that "
        "they began before the server signed tickets. Default: they begin new ones.",
    )
    enable_api: bool | None = Field(
        None,
        description="Whether the HTTP API answers beside chat page, channels and health. Default: "
        "only where `host` is this machine alone (`127.0.0.1`, `::1`, `localhost`).",
    )
    may_call: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Networks, addresses and hosts that are not public and that a caller of the "
        "API may nevertheless name, as `callback_url` or as a model server, separated by commas. "
        "A server that listens on this machine alone may call this machine too.",
    )
    auth_token: SecretStr | None = Field(
        None, description="What a caller of the API names as `token=…`. Default: none is asked."
    )
    auth_token_old: SecretStr | None = Field(
        None, description="The token before `auth_token`, taken too while callers change over."
    )
    jwt_secret: SecretStr | None = Field(
        None,
        description="Callers of the API may prove themselves by a JWT signed with it; for RS256 "
        "and the like the public key, in PEM.",
    )
    jwt_secret_old: SecretStr | None = Field(
        None, description="The secret or key before `jwt_secret`, believed too meanwhile."
    )
    jwt_method: JwtMethod = Field("HS256", description="How these JWTs are signed.")
    proxy_authenticates: bool = Field(
        False,
        description="A proxy in front asks callers of the API who they are, so that the server "
        "need not, though others reach its address.",
    )
    oidc_issuer: str | None = Field(
        None,
        description="OpenID provider that people may sign in by, `https://…`; needs the extra "
        "`parley[oidc]`.",
    )
    oidc_client_id: str | None = Field(None, description="As whom the provider knows this server.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="What this server proves that with, if the provider asks for it."
    )
    oidc_name_claim: str = Field(
        "email", description="Claim of the provider's that is a person's name here."
    )
    oidc_role_claim: str = Field(
        "groups", description="Claim, a text or a list of them, that decides a person's role."
    )
    oidc_roles: dict[str, Role] = Field(
        {},
        description='Roles by what that claim holds, as JSON: `{"support": "agent"}`. Who has none '
        "of them may not sign in; who has several has the one that may do most.",
    )
    session_idle_minutes: float = Field(
        60.0, gt=0, description="Whoever signed in and does nothing for so long signs in again."
    )
    session_hours: float = Field(
        12.0, gt=0, description="Whoever signed in signs in again after so long, whatever they do."
    )
    jwt_private_key: SecretStr | None = Field(
        None, description="Known to Rasa, for making tokens. None are made here; not used."
    )
    ssl_certificate: Path | None = Field(
        None, description="Certificate (PEM, with its chain) to serve HTTPS with."
    )
    ssl_keyfile: Path | None = Field(None, description="The certificate's private key (PEM).")
    ssl_ca_file: Path | None = Field(
        None,
        description="Certificates (PEM) of the authorities above the certificate, sent with it.",
    )
    ssl_password: SecretStr | None = Field(None, description="Opens `ssl_keyfile`.")
    ssl_minimum: Literal["1.2", "1.3"] = Field(
        "1.2", description="Oldest version of TLS that is spoken."
    )
    hsts_days: int = Field(
        365,
        ge=0,
        description="How long browsers that came over HTTPS shall come no other way "
        "(Strict-Transport-Security). 0: not said.",
    )
    max_training_bytes: int = Field(
        67_108_864,
        ge=1024,
        description="Largest body of `/model/train` and `/model/test/…`, in bytes.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least grave log line written. DEBUG includes what users write."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` writes for people on a terminal, JSON elsewhere."
    )
    telemetry: bool = Field(
        False, description="OpenTelemetry spans and metrics, through the providers it is given."
    )

    @field_validator(
        *("may_call", "cors", "data", "scrub", "visitor_keys", "unlimited", "trusted_proxies"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if _text(value) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if _text(value) else value

    @field_validator("unlimited", "trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each)
        return value

    @field_validator("retention")
    @classmethod
    def _days(cls, value: dict[str, float]) -> dict[str, float]:
        if short := [channel for channel, days in value.items() if not 1 <= days < inf]:
            raise ValueError(f"{short[0]!r} should be kept for 1 day or more")
        return value

    @field_validator("may_call")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            read_allowed(value)
        except SettingsError as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("auth_token", "auth_token_old", "jwt_secret", "jwt_secret_old", "scrub_key")
    @classmethod
    def _not_blank(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("should not be blank")
        return value

    @field_validator("visitor_keys")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < 16 for key in value):
            raise ValueError("should be keys of 16 characters or more")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        if value:
            url = urlsplit(value)
            local = url.scheme == "http" and is_loopback(url.hostname or "")
            if not url.hostname or (url.scheme != "https" and not local):
                raise ValueError("should begin with https://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(REDIS_SCHEMES):
            raise ValueError(f"should begin with one of {' '.join(REDIS_SCHEMES)}")
        return value

    @field_validator("actions_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("should begin with http:// or https://")
        return value

    @field_validator("database_url")
    @classmethod
    def _sql(cls, value: str | None) -> str | None:
        if value and "://" not in value:
            raise ValueError("should be an URL such as postgresql://user:password@host/name")
        return value

    @property
    def serves_api(self) -> bool:
        """Whether the API's routes are there."""
        return is_loopback(self.host) if self.enable_api is None else self.enable_api

    @property
    def asks_who(self) -> bool:
        """Whether the API is for those who prove themselves."""
        return bool(self.live("auth_token") or self.live("jwt_secret") or self.oidc_issuer)

    def live(self, secret: Literal["auth_token", "jwt_secret"]) -> tuple[str, ...]:
        """The values of ``secret`` that are taken: its own, then the one before it."""
        both = getattr(self, secret), getattr(self, f"{secret}_old")
        return tuple(value.get_secret_value() for value in both if value is not None)

    @property
    def adopts_until(self) -> float:
        """The end of ``visitor_adopt_until`` (UTC), in seconds since the epoch; 0 for none."""
        day = self.visitor_adopt_until
        if day is None:
            return 0.0
        return datetime.combine(day, time.max, UTC).timestamp()

    @property
    def may_be_called(self) -> tuple[str, ...]:
        """What is not public and may be called though a request names it."""
        return (*self.may_call, *LOOPBACK) if is_loopback(self.host) else self.may_call

    @property
    def patience(self) -> Patience:
        """What clients are held to while they send a request."""
        return {"slow_s": self.slow_client_s, "most_head_bytes": self.max_header_bytes}

    @property
    def paths(self) -> ProjectPaths:
        """Parts of the project that are not where they are looked for."""
        return ProjectPaths(self.domain, self.data, self.config, self.endpoints, self.credentials)

    @property
    def models_folder(self) -> Path:
        """Where the model registry is."""
        return self.models or self.project / "models"

    @property
    def sql_url(self) -> str:
        """The log's database: the one named, else SQLite in ``home``."""
        return self.database_url or f"sqlite:///{self.home / 'parley.db'}"

    def completed(self, endpoints: Endpoints) -> Settings:
        """These settings, with what endpoints.yml says where they say nothing."""
        found: dict[str, Any] = {
            "database_url": sql_store_url(endpoints.tracker_store),
            "redis_url": redis_store_url(endpoints.lock_store)
            or redis_store_url(endpoints.tracker_store),
        }
        missing = {k: v for k, v in found.items() if v and getattr(self, k) is None}
        return self.model_copy(update=missing)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def load_settings(**given: Any) -> Settings:
    """The settings of the environment; ``given`` ones (None: not given) come first.

    Raises SettingsError, in one sentence for each setting that is wrong.
    """
    if variable("most_actions") not in os.environ:
        given.setdefault("most_actions", os.environ.get(RASAS_MOST_ACTIONS))
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as wrong:
        raise SettingsError(" ".join(_sentence(error) for error in wrong.errors())) from None


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Sentences on variables that look like a misspelt setting."""
    known = [variable(name) for name in Settings.model_fields]
    strange = [name for name in environ if name.startswith(PREFIX) and name not in known]
    return [
        f"{name} is no setting; did you mean {close[0]}?"
        for name in sorted(strange)
        if (close := difflib.get_close_matches(name, known, 1, 0.8))
    ]


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return (PREFIX + field).upper()


def sql_store_url(tracker_store: Mapping[str, Any]) -> str | None:
    """The SQLAlchemy URL of a ``tracker_store`` of type SQL, as Rasa's endpoints.yml writes it.

    None for other types, and for dialects that Parley does not write. ``url`` is a host,
    ``host:port`` or a whole URL.
    """
    if str(tracker_store.get("type", "")).lower() != "sql":
        return None
    host = str(tracker_store.get("url") or "")
    if "://" in host:
        return host
    dialect = str(tracker_store.get("dialect") or "sqlite")
    name = str(tracker_store.get("db") or "rasa.db")
    if dialect.startswith("sqlite"):
        return f"{dialect}:///{name}"
    if not dialect.startswith("postgres"):
        return None
    query = tracker_store.get("query") or {}
    return (
        f"{dialect}://{_login(tracker_store)}{_place(host or 'localhost', tracker_store)}"
        f"/{quote(name)}{_query(query)}"
    )


def redis_store_url(store: Mapping[str, Any]) -> str | None:
    """The URL of a ``lock_store`` or ``tracker_store`` of type redis; None for other types."""
    if str(store.get("type", "")).lower() != "redis":
        return None
    host = str(store.get("url") or "localhost")
    if "://" in host:
        return host
    scheme = "rediss" if store.get("use_ssl") else "redis"
    place = _place(host, {"port": 6379, **store})
    files = {key: store[key] for key in REDIS_TLS if store.get(key)}
    return f"{scheme}://{_login(store)}{place}/{store.get('db') or 0}{_query(files)}"


def settings_table() -> str:
    """The settings as a Markdown table."""
    rows = [
        f"| `{variable(name)}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it does |", "|---|---|---|", *rows, ""])


def settings_page() -> str:
    """docs/settings.md, whole."""
    return (
        "# Settings\n\n"
        "Read from the environment when the server starts. A setting that is wrong stops the start "
        "with a sentence;\none that is empty counts as not given. The options of `parley run` come "
        "before the environment, and\n`endpoints.yml` after it.\n\n"
        f"{settings_table()}\n"
        "This page is written by `python -m bot.settings > docs/settings.md`.\n"
    )


def _sentence(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"][:1]) or "settings"
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{variable(name)}: no such setting. Known: {', '.join(_known())}."
    shown = "has a wrong value" if name in SECRET else f"is {str(error['input'])!r}"
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{variable(name)} {shown}, but it {reason}. {field.description}"


def _known() -> Iterable[str]:
    return (variable(name) for name in Settings.model_fields)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _login(store: Mapping[str, Any]) -> str:
    user, password = store.get("username"), store.get("password")
    if not user and not password:
        return ""
    return f"{quote(str(user or ''), safe='')}:{quote(str(password or ''), safe='')}@"


def _place(host: str, store: Mapping[str, Any]) -> str:
    port = store.get("port")
    return host if not port or ":" in host else f"{host}:{port}"


def _query(query: Mapping[str, Any]) -> str:
    pairs = "&".join(f"{quote(str(k))}={quote(str(v))}" for k, v in query.items())
    return f"?{pairs}" if pairs else ""


def _default(value: Any) -> str:
    if value is None or value in ((), {}):
        return "—"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
