"""Policy files."""

import json
from typing import Any

Tables = dict[str, dict[str, Any]]
"""The tables of a policy: strings, numbers and lists of strings."""


def text(org_url: str, tables: Tables | None = None, note: str = "") -> str:
    """The text of a policy: which org, which groups, and what `tables` changes. Another note makes it another policy file, with which
    a warm function begins anew."""
    merged: Tables = {"okta": {"org_url": org_url}, "groups": {"match": ["^AWS-"]}}
    for name, keys in (tables or {}).items():
        merged[name] = {**merged.get(name, {}), **keys}
    lines = [f"# {note}"] if note else []
    for name, keys in merged.items():
        lines.append(f"[{name}]")
        # A value as JSON is the same value in TOML, for all that a policy holds.
        lines.extend(f"{key} = {json.dumps(value)}" for key, value in keys.items())
    return "\n".join(lines) + "\n"
