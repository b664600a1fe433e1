"""The reference in Markdown: an index for newcomers, a page per context, personal data, links, gRPC. Text only."""

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from liandong.codegen.docs.context import emit_context
from liandong.codegen.docs.index import emit_index
from liandong.codegen.docs.rpc import emit_rpc_page
from liandong.codegen.docs.tables import emit_links_page, emit_personal_data
from liandong.codegen.model import Contract


def emit_reference(contract: Contract, protos: FileDescriptorSet) -> dict[str, str]:
    """Return the pages, path below docs/reference/ -> text."""
    pages = {f"events/{context}.md": emit_context(contract, context) for context in contract.published_contexts()}
    pages["events.md"] = emit_index(contract)
    pages["personal-data.md"] = emit_personal_data(contract)
    pages["links.md"] = emit_links_page(contract)
    if any(file.service for file in protos.file):
        pages["rpc.md"] = emit_rpc_page(protos)
    return pages


__all__ = ["emit_reference"]
