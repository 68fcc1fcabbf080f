"""The access tables have a row for every method, and leave out no field that names a workspace."""

from tests.security.methods import TABLES, all_methods, name_fields

# They belong to no workspace: any caller with the scope may call them.
WITHOUT_WORKSPACE = {
    "audience.v1.AudienceCountService/GetAudienceCount",
    "enrichment.v1.EventService/GetEventLog",
}


def test_every_method_has_a_row_and_every_row_a_method() -> None:
    rows = {name for table in TABLES.values() for name in table}
    assert rows == {method.name for method in all_methods()}


def test_every_row_needs_a_scope_and_is_closed() -> None:
    assert not [
        method.name for method in all_methods() if method.rule.open or not method.rule.scope
    ]


def test_every_field_that_names_a_workspace_is_in_its_row() -> None:
    forgotten = {
        method.name: fields
        for method in all_methods()
        if (
            fields := set(name_fields(method.descriptor.input_type))
            - {*method.rule.names, *method.rule.references}
        )
    }
    assert not forgotten


def test_rows_without_a_workspace_are_known() -> None:
    found = {method.name for method in all_methods() if not method.rule.names}
    assert found == WITHOUT_WORKSPACE
