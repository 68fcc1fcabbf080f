"""The services of docker-compose.yml as plain processes: same commands, same environment.

What containers give them is replaced: names of services by loopback, their ports by free ones, and
volumes by folders.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@dataclass(frozen=True, kw_only=True)
class ComposeFile:
    """`docker-compose.yml` with an env file filled in."""

    services: dict[str, Any]
    volumes: set[str]
    variables: dict[str, str]


def read_compose(env_file: Path | None) -> ComposeFile:
    """The file as Compose sees it; KeyError with the message of a variable that must be set."""
    variables = _env(env_file) if env_file else {}
    text = _VARIABLE.sub(lambda found: _value(found, variables), _compose_text())
    document = yaml.safe_load(text)
    return ComposeFile(
        services=document["services"], volumes=set(document["volumes"]), variables=variables
    )


@dataclass(kw_only=True)
class Addresses:
    """Where on loopback a container's `service:port` is."""

    folder: Path
    ports: dict[tuple[str, int], int] = field(default_factory=dict)

    def command(self, service: str, words: list[str]) -> list[str]:
        """A command that a container runs against itself."""
        return [self._local(service, word) for word in words]

    def environment(self, service: str, values: dict[str, str]) -> dict[str, str]:
        """The environment of a container."""
        (self.folder / service).mkdir(exist_ok=True)
        return {
            name: str(self.ports[service, int(value)])
            if name.endswith("_PORT")
            else self._local(service, value)
            for name, value in values.items()
        }

    def _local(self, service: str, text: str) -> str:
        for (name, port), local in self.ports.items():
            text = text.replace(f"{name}:{port}", f"127.0.0.1:{local}")
            if name == service:
                text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{local}")
        return re.sub(r"^/data\b", str(self.folder / service), text)


def _compose_text() -> str:
    lines = (ROOT / "docker-compose.yml").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _env(file: Path) -> dict[str, str]:
    lines = file.read_text("utf-8").splitlines()
    settings = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in settings}


def _value(found: "re.Match[str]", variables: dict[str, str]) -> str:
    name, kind, rest = found.groups()
    if variables.get(name):
        return variables[name]
    if kind == "-":
        return str(rest)
    raise KeyError(f"{name}: {rest or 'must be set'}")
