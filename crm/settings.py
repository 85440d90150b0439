"""Every environment variable the app reads, checked at start. Nothing else reads the environment.

Each secret may also come from a file named by `<NAME>_FILE`. A malformed value raises `BadSetting`
with one line that names the variable and what it takes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from crm.errors import BadSetting

SECRETS = ("DATABASE_URL", "REPORTS_DATABASE_URL", "CRM_SECRET_KEY", "METABASE_API_KEY", "RESEND_API_KEY", "RESEND_WEBHOOK_SECRET", "SMTP_URL")
SHORTEST_KEY = 32
DATA_DIR_TAKES = "a folder this process may write to"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    database_url: SecretStr | None = Field(None, alias="DATABASE_URL", description="postgresql://owner:password@host:5432/name (Postgres 15+)")
    reports_database_url: SecretStr | None = Field(None, alias="REPORTS_DATABASE_URL", description="a streaming replica for reports, same form")
    data_dir: Path = Field(Path(".data"), alias="CRM_DATA_DIR", description=DATA_DIR_TAKES)
    secret_key: SecretStr | None = Field(None, alias="CRM_SECRET_KEY", description="at least 32 characters; made and stored when absent")
    base_url: str | None = Field(None, alias="CRM_BASE_URL", description="https://crm.example.com, as people type it")
    host: str = Field("127.0.0.1", alias="CRM_HOST", description="the address to bind, such as 127.0.0.1")
    port: int = Field(8501, alias="CRM_PORT", ge=1, le=65535, description="a port, 1 to 65535")
    demo: bool | None = Field(None, alias="CRM_DEMO", description="1 or 0")
    installation: str | None = Field(None, alias="CRM_INSTALLATION", description="short name in database roles: a-z, 0-9 and _, up to 30")
    metabase_url: str | None = Field(None, alias="METABASE_URL", description="https://metabase.example.com")
    metabase_api_key: SecretStr | None = Field(None, alias="METABASE_API_KEY", description="a key that can only read")
    resend_api_key: SecretStr | None = Field(None, alias="RESEND_API_KEY", description="a Resend key")
    resend_webhook_secret: SecretStr | None = Field(None, alias="RESEND_WEBHOOK_SECRET", description="a Resend signing secret")
    smtp_url: SecretStr | None = Field(None, alias="SMTP_URL", description="smtp://user:password@host:587")
    mail_from: str | None = Field(None, alias="MAIL_FROM", description="an address, such as sales@example.com")
    chromium: str | None = Field(None, alias="CRM_CHROMIUM", description="path of a Chromium, for browser tests and the benchmark of pages")

    @field_validator("database_url", "reports_database_url")
    @classmethod
    def _postgres_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url:
            try:
                driver = make_url(url.get_secret_value()).drivername
            except ArgumentError:
                raise ValueError("not a URL") from None
            if driver not in ("postgres", "postgresql", "postgresql+psycopg"):
                raise ValueError("not a Postgres URL")
        return url

    @field_validator("base_url", "metabase_url")
    @classmethod
    def _http_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("not an http(s) address")
        return url.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key and len(key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError("too short")
        return key

    @field_validator("installation")
    @classmethod
    def _short_name(cls, name: str | None) -> str | None:
        if name and not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", name):
            raise ValueError("not a short name")
        return name

    @property
    def is_demo(self) -> bool:
        """Demo data and people: only without a database of one's own, unless CRM_DEMO says otherwise."""
        return self.demo if self.demo is not None else self.database_url is None

    @property
    def address(self) -> str:
        """What people type to reach the app."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - read, not bound
        return self.base_url or f"http://{host}:{self.port}"

    def secret(self) -> bytes:
        """The installation's key; made and stored in the data folder (mode 0600) when none is set."""
        if self.secret_key:
            return self.secret_key.get_secret_value().encode()
        path = self.data_dir / "secret_key"
        if not path.exists():
            make_folder(self.data_dir)
            _write_once(path, secrets.token_urlsafe(48))
        key = path.read_text().strip()
        if len(key) < SHORTEST_KEY:
            raise BadSetting(f"{path} holds less than {SHORTEST_KEY} characters: bring back the key it held, or set CRM_SECRET_KEY.")
        return key.encode()

    def derive(self, purpose: str) -> str:
        """A secret for one purpose, derived from the installation's key (HMAC-SHA256, hex)."""
        return hmac.new(self.secret(), purpose.encode(), hashlib.sha256).hexdigest()


def make_folder(data_dir: Path) -> None:
    """The data folder is there. Raises `BadSetting`."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"CRM_DATA_DIR names a folder that cannot be made ({error.strerror}): it takes {DATA_DIR_TAKES}.") from None


def _write_once(path: Path, content: str) -> None:
    """The file appears with all of its content and only if nobody else has made it: several processes may start at once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(content)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _files(environment: dict[str, str]) -> dict[str, str]:
    found = {}
    for name in SECRETS:
        path = environment.get(f"{name}_FILE")
        if path and name not in environment:
            try:
                found[name] = Path(path).read_text().strip()
            except OSError as error:
                raise BadSetting(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from None
            except ValueError:
                raise BadSetting(f"{name}_FILE names a file that is not text.") from None
            if not found[name]:
                raise BadSetting(f"{name}_FILE names a file that is empty.")
    return found


def read(environment: dict[str, str] | None = None) -> Settings:
    """Settings from `environment` (default: the process's). Raises `BadSetting`."""
    given = dict(os.environ if environment is None else environment)
    given.update(_files(given))
    names = {field.alias or "": field for field in Settings.model_fields.values()}
    values = {name: given[name] for name in names if given.get(name)}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise BadSetting(f"{name} is malformed: it takes {names[name].description}.") from None


@lru_cache(maxsize=1)
def current() -> Settings:
    """This process's settings, read once."""
    return read()
