"""The commands of audiencectl as they are, for comparison with what the documentation says."""

from collections.abc import Iterator

from typer.core import TyperArgument, TyperCommand, TyperGroup
from typer.main import get_command

from clients.audiencectl.main import app


def commands() -> dict[str, TyperCommand]:
    """Every command by its words: `account connect`."""
    return dict(_below(get_command(app), ()))


def usage(path: str, command: TyperCommand) -> str:
    """A command with its arguments."""
    arguments = [each for each in command.params if isinstance(each, TyperArgument)]
    return " ".join([path, *map(_in_usage, arguments)])


def row(path: str, command: TyperCommand, calls: str) -> str:
    """The line of the reference for a command that calls this method."""
    called = f"`{calls}`" if calls else ""
    return f"| `{usage(path, command)}` | {called} | {command.get_short_help_str(limit=500)} |"


def _in_usage(argument: TyperArgument) -> str:
    name = argument.metavar or ""
    name = name if argument.required else f"[{name}]"
    return f"{name}..." if argument.nargs == -1 else name


def _below(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from _below(child, (*path, name))
    elif isinstance(command, TyperCommand):
        yield " ".join(path), command
