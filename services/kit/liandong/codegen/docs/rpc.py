"""The page of gRPC services: what may be asked, of whom, with which messages. From the comments in protos/."""

from collections.abc import Mapping

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from liandong.codegen.docs.text import HEAD, table

_INTRO = """\
# Questions and commands

Between services gRPC asks and commands, events tell. A *query* changes nothing. A *command* carries a `request_id`:
the same one always gives the same reply and one effect, so it may be sent again after a time-out. Enumerations travel
as the symbols of the Avro enums.
"""
# field numbers of descriptor.proto, of which the paths of source comments are made
_MESSAGE, _SERVICE, _FIELD, _METHOD, _ENUM = 4, 6, 2, 2, 5
Comments = Mapping[tuple[int, ...], str]


def emit_rpc_page(protos: FileDescriptorSet) -> str:
    """Return the page of all services and their messages."""
    parts = [HEAD, _INTRO]
    for file in protos.file:
        if file.service:
            parts += _file(file)
    return "\n".join(parts)


def _file(file: FileDescriptorProto) -> list[str]:
    said = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
    parts = [f"## {file.package}\n"]
    for number, service in enumerate(file.service):
        parts.append(f"### {service.name}\n")
        if doc := said.get((_SERVICE, number)):
            parts.append(doc + "\n")
        rows = [
            (method.name, _call(method), said.get((_SERVICE, number, _METHOD, position), ""))
            for position, method in enumerate(service.method)
        ]
        parts.append(table(("method", "request → reply", "meaning"), rows))
    for number, message in enumerate(file.message_type):
        parts.append(_message(message, (_MESSAGE, number), said, f"{file.package}.{message.name}"))
    for number, enum in enumerate(file.enum_type):
        values = ", ".join(f"`{value.name}`" for value in enum.value)
        parts.append(_title(f"{file.package}.{enum.name}") + f"\n{said.get((_ENUM, number), '')}\n\n{values}\n")
    return parts


def _call(method: MethodDescriptorProto) -> str:
    request = ("stream of " if method.client_streaming else "") + _name(method.input_type)
    reply = ("stream of " if method.server_streaming else "") + _name(method.output_type)
    return f"{request} → {reply}"


def _title(full_name: str) -> str:
    """Return a heading that can be linked to by full name: several packages may have a message of one name."""
    return f'<a id="{full_name}"></a>\n\n#### {full_name.rsplit(".", 1)[-1]}\n'


def _message(message: DescriptorProto, path: tuple[int, ...], said: Comments, full_name: str) -> str:
    maps = {nested.name: nested for nested in message.nested_type if nested.options.map_entry}
    rows = [
        (field.name, _type(field, maps), said.get((*path, _FIELD, number), ""))
        for number, field in enumerate(message.field)
    ]
    doc = said.get(path, "")
    head = _title(full_name) + (f"\n{doc}\n" if doc else "")
    return "\n".join([head, table(("field", "type", "meaning"), rows) if rows else "Empty.\n"])


def _type(field: FieldDescriptorProto, maps: Mapping[str, DescriptorProto]) -> str:
    entry = maps.get(field.type_name.rsplit(".", 1)[-1])
    if entry is not None:
        return f"map of {_plain(entry.field[0])} to {_plain(entry.field[1])}"
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"list of {_plain(field)}"
    return _plain(field) + (", optional" if field.proto3_optional else "")


def _plain(field: FieldDescriptorProto) -> str:
    if field.type_name:
        return _name(field.type_name)
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def _name(full_name: str) -> str:
    name = full_name.rsplit(".", 1)[-1]
    return name if full_name.startswith(".google.protobuf.") else f"[{name}](#{full_name.lstrip('.')})"
