"""Cuts out of Okta's own OpenAPI document (npm `@okta/openapi`) what Lockstep calls, because Prism cannot load the whole.

python okta_spec.py <node_modules> <file to write>
"""

import json
import sys
from pathlib import Path
from typing import Any

READS = [
    "/api/v1/groups",
    "/api/v1/groups/{groupId}",
    "/api/v1/groups/{groupId}/users",
    "/api/v1/users",
    "/api/v1/users/{userId}",
    "/api/v1/users/{userId}/groups",
    "/api/v1/apps/{appId}/groups",
]
"""What the client reads (shared/okta/src/request.rs)."""


KEPT = ("swagger", "info", "consumes", "produces", "securityDefinitions")
"""What is said for all of it."""


def definitions_in(part: object) -> set[str]:
    """The definitions that a part of the document refers to."""
    if isinstance(part, dict):
        here = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return here.union(*(definitions_in(value) for value in part.values()))
    if isinstance(part, list):
        return set[str]().union(*(definitions_in(value) for value in part))
    return set()


NEVER_NULL = {"id", "name", "status", "type"}
"""Texts that no real org leaves out."""


def as_real_orgs_answer(definitions: dict[str, Any]) -> None:
    """Two things that the document denies and that real orgs are known to answer: null for a text that is not set, and a list of logos
    among the links of a group."""
    for definition in definitions.values():
        for name, schema in definition.get("properties", {}).items():
            if schema.get("type") == "string" and name not in NEVER_NULL:
                schema["x-nullable"] = True
    definitions["Group"]["properties"]["_links"] = {"type": "object"}


def cut(document: dict[str, Any]) -> dict[str, Any]:
    """The reads, with the definitions that they need."""
    paths = {path: {"get": document["paths"][path]["get"]} for path in READS}
    needed: dict[str, Any] = {}
    open_names = definitions_in(paths)
    while open_names:
        name = open_names.pop()
        needed[name] = document["definitions"][name]
        open_names |= definitions_in(needed[name]) - needed.keys()
    as_real_orgs_answer(needed)
    kept: dict[str, Any] = {
        key: document[key] for key in ("swagger", "info", "consumes", "produces", "securityDefinitions") if key in document
    }
    return {**kept, "paths": paths, "definitions": needed}


def main() -> None:
    """The command."""
    modules, target = map(Path, sys.argv[1:])
    document = json.loads((modules / "@okta" / "openapi" / "dist" / "spec.json").read_text())
    target.write_text(json.dumps(cut(document)))


if __name__ == "__main__":
    main()
