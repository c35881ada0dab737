"""What infra/template.yaml says, so that the sandbox is wired as a deployment is."""

from functools import cache
from typing import Any

import yaml

from sandbox.paths import ROOT


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """Takes CloudFormation's short functions (`!Ref X`) for what they are applied to."""


def _applied_to(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _applied_to)


@cache
def template() -> dict[str, Any]:
    """The template."""
    loaded: dict[str, Any] = yaml.load((ROOT / "infra" / "template.yaml").read_text(), _Loader)
    return loaded


def properties(resource: str) -> dict[str, Any]:
    """A resource's properties."""
    found: dict[str, Any] = template()["Resources"][resource]["Properties"]
    return found


def variables(function: str) -> set[str]:
    """The names of a function's environment variables."""
    everywhere = template()["Globals"]["Function"]["Environment"]["Variables"]
    return set(everywhere) | set(properties(function)["Environment"]["Variables"])


def event_types() -> list[str]:
    """The event types that an event hook subscribes to. The rule on the partner bus has the same, and a test keeps it so."""
    pattern = properties("OktaEventRule")["EventPattern"]
    types = pattern["detail"]["eventType"]
    return [name for name in types if isinstance(name, str)]
