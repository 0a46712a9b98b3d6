"""`sed2 schema`: JSON Schema of the YAML, for editors."""

from __future__ import annotations

import json

from sed2.common import terminal


def schema() -> None:
    """Print the JSON Schema of the YAML.

    \b
    Examples:
      sed2 schema > sed2.schema.json
    and on the first line of the YAML:
      # yaml-language-server: $schema=sed2.schema.json
    """
    from sed2.spec.schema import json_schema

    terminal.write(json.dumps(json_schema(), indent=2) + "\n")
