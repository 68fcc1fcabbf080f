"""Merge tags: what a template may hold, what it becomes, and what is refused where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience_service.merge_tags import (
    KNOWN_TAGS,
    Rendering,
    Tag,
    TemplateError,
    TemplateFault,
    parse,
)


def test_tags_are_replaced_by_values() -> None:
    template = parse("Hi {{firstName}}, how is {{ company }}?")

    rendering = template.render({"firstName": "Ada", "company": "Engines"})

    assert rendering == Rendering(text="Hi Ada, how is Engines?", missing=())
    assert template.tags == ("firstName", "company")


def test_a_fallback_stands_in_for_a_blank_value() -> None:
    template = parse("Hi {{firstName|there}}{{headline|}}")

    assert template.render({"firstName": "  "}) == Rendering(text="Hi there", missing=())
    assert template.required == ()


def test_a_tag_without_value_and_fallback_is_blank_and_reported_once() -> None:
    template = parse("{{title}}/{{title}}/{{company|x}}/{{company}}")

    assert template.render({}) == Rendering(text="//x/", missing=("title", "company"))


def test_a_fallback_keeps_its_blanks_and_further_bars() -> None:
    assert parse("{{company|a | b}}").parts == (Tag("company", "a | b"),)


@pytest.mark.parametrize("value", ["{{lastName}}", "{{firstName}}", "{0}", "%s", r"\1", "$x", "}}"])
def test_values_are_never_read_as_templates(value: str) -> None:
    rendering = parse("{{firstName}}-{{lastName}}").render({"firstName": value, "lastName": "L"})

    assert rendering.text == f"{value}-L"


@pytest.mark.parametrize("text", ["", "plain", "{firstName}", "a } b { c", "{ {firstName} }"])
def test_single_braces_are_text(text: str) -> None:
    template = parse(text)

    assert template.tags == ()
    assert template.render({"firstName": "Ada"}).text == text


@pytest.mark.parametrize(
    ("text", "position", "fault"),
    [
        ("Hi {{nickname}}", 3, TemplateFault.UNKNOWN_TAG),
        ("{{}}", 0, TemplateFault.UNKNOWN_TAG),
        ("{{|x}}", 0, TemplateFault.UNKNOWN_TAG),
        ("{{firstName.__class__}}", 0, TemplateFault.UNKNOWN_TAG),
        ("Hi {{firstName", 3, TemplateFault.BROKEN_TAG),
        ("Hi {{firstName}", 3, TemplateFault.BROKEN_TAG),
        ("Hi firstName}}", 12, TemplateFault.BROKEN_TAG),
        ("{{firstName}} {{", 14, TemplateFault.BROKEN_TAG),
        ("{{a{b}}", 0, TemplateFault.BROKEN_TAG),
    ],
)
def test_faults_are_refused_with_their_position(
    text: str, position: int, fault: TemplateFault
) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text)

    first = caught.value.problems[0]
    assert (first.position, first.fault) == (position, fault)


def test_all_faults_are_told_at_once_and_close_names_suggested() -> None:
    with pytest.raises(TemplateError, match="did you mean firstName") as caught:
        parse("{{FirstName}} {{zzz}} }}")

    assert [each.position for each in caught.value.problems] == [0, 14, 22]


@given(st.dictionaries(st.sampled_from(KNOWN_TAGS), st.text(min_size=1)), st.text("a{} "))
def test_a_template_of_all_tags_renders_as_their_join(values: dict[str, str], glue: str) -> None:
    literal = glue.replace("{", "").replace("}", "")
    template = parse(literal.join(f"{{{{{name}}}}}" for name in KNOWN_TAGS))

    expected = [value if (value := values.get(name, "")).strip() else "" for name in KNOWN_TAGS]
    assert template.render(values).text == literal.join(expected)


@given(st.text("{}|fN x"))
def test_any_text_parses_or_is_refused_inside_it(text: str) -> None:
    faults = _faults(text)

    assert all(0 <= position < len(text) for position in faults)
    assert faults or "{{" not in text


def _faults(text: str) -> list[int]:
    try:
        parse(text)
    except TemplateError as error:
        return [each.position for each in error.problems]
    return []
