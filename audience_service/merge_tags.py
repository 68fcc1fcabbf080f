"""Merge tags in message templates: ``{{firstName}}``, and ``{{firstName|there}}`` with a fallback.

Plain substitution in one pass. Nothing is evaluated, and a value that holds braces stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

KNOWN_TAGS = (
    "firstName",
    "lastName",
    "fullName",
    "company",
    "headline",
    "title",
    "location",
    "connectionDegree",
    "profileUrl",
)

_TAG = re.compile(r"\{\{([^{}]*)\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


class TemplateFault(StrEnum):
    """What is wrong at a place in a template."""

    UNKNOWN_TAG = "UNKNOWN_TAG"
    BROKEN_TAG = "BROKEN_TAG"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateProblem:
    """One fault; ``position`` counts characters from 0, ``message`` quotes no template text."""

    position: int
    fault: TemplateFault
    message: str


class TemplateError(Exception):
    """A template with faults, all of them in ``problems``, in the order of their positions."""

    def __init__(self, problems: tuple[TemplateProblem, ...]) -> None:
        super().__init__(
            " ".join(f"At character {each.position}: {each.message}" for each in problems)
        )
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Tag:
    """A place to fill; ``fallback`` is None when the tag has none (an empty one is one)."""

    name: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A filled template."""

    text: str
    missing: tuple[str, ...]
    """Tags that had neither value nor fallback and were left blank, each once."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal text and tags in turn."""

    parts: tuple[str | Tag, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """The names of all tags, each once, in order of appearance."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Tag)))

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the tags that stand somewhere without a fallback, each once."""
        return tuple(
            dict.fromkeys(
                part.name for part in self.parts if isinstance(part, Tag) and part.fallback is None
            )
        )

    def render(self, values: Mapping[str, str]) -> Rendering:
        """Fill in the values by tag name; a blank value counts as none."""
        missing = tuple(name for name in self.required if not values.get(name, "").strip())
        text = "".join(
            part if isinstance(part, str) else _fill(part, values=values) for part in self.parts
        )
        return Rendering(text=text, missing=missing)


def parse(template: str) -> Template:
    """Parse a template. Raises TemplateError with every unknown tag and every stray brace pair.

    Names are case-sensitive, blanks around them are not part of them. A single brace is text.
    """
    parts: list[str | Tag] = []
    problems: list[TemplateProblem] = []
    end = 0
    for match in _TAG.finditer(template):
        literal = template[end : match.start()]
        problems += _stray_braces(literal, offset=end)
        name, bar, fallback = match[1].partition("|")
        tag = Tag(name.strip(), fallback if bar else None)
        if tag.name not in KNOWN_TAGS:
            problems.append(_unknown(tag.name, position=match.start()))
        parts += [literal, tag] if literal else [tag]
        end = match.end()
    problems += _stray_braces(template[end:], offset=end)
    if problems:
        raise TemplateError(tuple(problems))
    return Template((*parts, template[end:]) if template[end:] else tuple(parts))


def _fill(tag: Tag, *, values: Mapping[str, str]) -> str:
    value = values.get(tag.name, "")
    return value if value.strip() else tag.fallback or ""


def _stray_braces(literal: str, *, offset: int) -> list[TemplateProblem]:
    return [
        TemplateProblem(
            position=offset + braces.start(),
            fault=TemplateFault.BROKEN_TAG,
            message="a tag is not complete; write {{firstName}} or {{firstName|fallback}}, "
            "with no brace inside.",
        )
        for braces in _BRACES.finditer(literal)
    ]


def _unknown(name: str, *, position: int) -> TemplateProblem:
    by_folded = {known.casefold(): known for known in KNOWN_TAGS}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    hint = f"did you mean {by_folded[close[0]]}?" if close else f"use {', '.join(KNOWN_TAGS)}."
    return TemplateProblem(
        position=position,
        fault=TemplateFault.UNKNOWN_TAG,
        message=f"there is no such tag; {hint}",
    )
