"""The SAM template as CloudFormation takes it. Runs in the environment of aws-sam-cli (tests/tools/sam.txt), as a program of its own.

Takes JSON on standard input: `template` (a path), `code` (where each local path was put: path to `s3://…`), `variables` (more variables for
each function), `urls` (of nested templates). Answers the template on standard output.
"""

import json
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no managed policy of AWS."""

    def load(self) -> dict[str, str]:
        """None."""
        return {}


def located(template: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    """The template with local paths replaced, as `sam package` does it."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for key in ("CodeUri", "ContentUri"):
            if key in properties:
                properties[key] = order["code"][properties[key]]
        if "TemplateURL" in properties:
            properties["TemplateURL"] = order["urls"][properties["TemplateURL"]]
        if resource["Type"] == "AWS::Serverless::Function":
            properties["Environment"]["Variables"].update(order["variables"])
    return template


def main() -> None:
    """Transforms what standard input asks for."""
    order = json.load(sys.stdin)
    template = yaml_parse(Path(order["template"]).read_text())
    if "Transform" in template:
        template = transform(located(template, order), {}, NoManagedPolicies())
    json.dump(template, sys.stdout, default=str)


if __name__ == "__main__":
    main()
