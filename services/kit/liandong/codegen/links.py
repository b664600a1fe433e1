"""Link rules: what may leave a tier, when, and without which fields. Checks the declared ones against the records."""

from collections.abc import Iterator, Mapping

from liandong.codegen.model import Condition, EnumType, FieldType, NamedType, RecordField, RecordType, TopicRecord

_NUMBERS = ("int", "long", "double")
_SENSITIVE = ("P2", "P3")


def link_problems(entry: TopicRecord, record: RecordType, types: Mapping[str, NamedType]) -> list[str]:
    """Say what is wrong with the link rule of a record: unknown fields, conditions that do not fit, unmaskable ones."""
    if entry.link is None:
        return []
    fields = {field.name: field for field in record.fields}
    problems = []
    for name, condition in entry.link.when.items():
        if name not in fields:
            problems.append(f"when: {entry.type} has no field {name}")
        elif wrong := _misfit(fields[name].type, condition, types):
            problems.append(f"when: {name} of {entry.type} {wrong}")
    for path in entry.link.mask or ():
        if _at(path, record, types) is None:
            problems.append(f"mask: {entry.type} has no field {path}")
    for path in masked(entry, record, types):
        field = _at(path, record, types)
        if field and field.type.kind != "string" and not field.type.nullable and not field.has_default:
            problems.append(
                f"mask: {path} of {entry.type} is neither a string nor optional, so nothing can stand for it"
            )
    return problems


def masked(entry: TopicRecord, record: RecordType, types: Mapping[str, NamedType]) -> tuple[str, ...]:
    """Return the paths of the fields that are replaced before a record leaves its tier."""
    if entry.link is None:
        return ()
    if entry.link.mask is not None:
        return entry.link.mask
    return tuple(path for path, field in walked(record, types) if field.pii in _SENSITIVE)


def walked(record: RecordType, types: Mapping[str, NamedType]) -> Iterator[tuple[str, RecordField]]:
    """Yield every field of a record and of the records inside it with its dotted path."""
    for field in record.fields:
        yield field.name, field
        inner = types.get(_leaf(field.type).name)
        if isinstance(inner, RecordType):
            for path, below in walked(inner, types):
                yield f"{field.name}.{path}", below


def _at(path: str, record: RecordType, types: Mapping[str, NamedType]) -> RecordField | None:
    return dict(walked(record, types)).get(path)


def _leaf(type_: FieldType) -> FieldType:
    return type_ if type_.item is None else _leaf(type_.item)


def _misfit(type_: FieldType, condition: Condition, types: Mapping[str, NamedType]) -> str:
    """Say why a condition cannot be asked of a field, or nothing."""
    if condition.at_most is not None or condition.at_least is not None:
        if type_.kind in _NUMBERS:
            return ""
        return f"is {type_.kind}, bounds are for numbers" + ("; use one_of" if type_.kind == "enum" else "")
    asked: list[object] = [*condition.one_of] if condition.one_of else [condition.equals]
    if type_.kind == "enum":
        declared = types[type_.name]
        symbols = declared.symbols if isinstance(declared, EnumType) else ()
        unknown = [str(value) for value in asked if value not in symbols]
        return f"has no symbol {', '.join(unknown)}" if unknown else ""
    fitting: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "double": (int, float)}
    expected = fitting.get(type_.kind, int if type_.kind in _NUMBERS else ())
    wrong = [
        value for value in asked if not isinstance(value, expected) or isinstance(value, bool) != (expected is bool)
    ]
    return f"is {type_.kind} and can never be {', '.join(map(repr, wrong))}" if wrong else ""
