"""Tables of the keys of a study kind from its JSON schema; called by generate.py."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

SHORT = {
    "ColumnSpec": "`{column, units}`",
    "Uncertain": "number or `{value, sigma}`",
}
"""Parts that are shown in one word instead of a table of their own."""

NAMES = {"boolean": "true or false", "integer": "whole number", "string": "text"}
SIGNS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
}


class Option(NamedTuple):
    """One of the values that a key takes, and whether it stands in a list."""

    schema: dict[str, Any]
    many: bool


class Keys:
    """One table for each section of the file, in the order of the file."""

    def __init__(self, schema: dict[str, Any], table: Callable[[Iterable, Iterable], str]):
        from rootzone.core import QUANTITIES

        self.schema = schema
        self.quantities = QUANTITIES
        self.table = table
        self.parts: list[str] = []

    def options(self, prop: dict[str, Any], many: bool = False) -> list[Option]:
        """Return the values of a key: no null, unions and lists opened, references not followed."""
        for union in ("anyOf", "oneOf"):
            if union in prop:
                return [o for p in prop[union] for o in self.options(p, many)]
        if prop.get("type") == "null":
            return []
        if "items" in prop:
            return self.options(prop["items"], True)
        return [Option(prop, many)]

    def model(self, option: Option) -> tuple[str, dict[str, Any]] | None:
        """Return name and schema of the part that an option refers to."""
        if "$ref" not in option.schema:
            return None
        name = option.schema["$ref"].rsplit("/", 1)[-1]
        return name, self.schema["$defs"][name]

    def word(self, option: Option) -> str:
        """Return one value in words."""
        found, schema = self.model(option), option.schema
        if found is not None:
            return SHORT.get(found[0], "see below")
        if "const" in schema:
            return f"`{schema['const']}`"
        if "enum" in schema:
            return "one of " + ", ".join(f"`{v}`" for v in schema["enum"])
        if "prefixItems" in schema:
            return "list of two numbers"
        if schema.get("format") == "date-time":
            return "time (ISO 8601)"
        return NAMES.get(schema["type"], schema["type"])

    def words(self, options: list[Option]) -> str:
        """Return all values of a key in words."""

        def joined(found: list[str]) -> str:
            found = list(dict.fromkeys(found))
            if "text" in found or SHORT["Uncertain"] in found:  # both take bare numbers
                found = [w for w in found if w != "number"]
            return " or ".join(found)

        single = joined([self.word(o) for o in options if not o.many])
        many = joined([self.word(o) for o in options if o.many])
        if not many:
            return single
        return f"{single}, or list" if single == many else f"list: {many}"

    def bounds(self, key: str, options: list[Option], at: str) -> str:
        """Return the bounds of a key in words."""
        found = []
        for schema, _ in options:
            for name, sign in SIGNS.items():
                twin = f"exclusive{name.title()}"
                if name in schema and schema.get(twin) != schema[name]:
                    found.append(f"{sign} {schema[name]:g}")
        if at == "station" and "Uncertain" in str(options) and key in self.quantities:
            low, high = self.quantities[key].bounds
            found += [f"≥ {low:g}", f"≤ {high:g}"]
        return ", ".join(dict.fromkeys(found))

    def section(self, path: str, part: dict[str, Any], title: str = "") -> None:
        """Add the table of one part and of the parts below it."""
        required = set(part.get("required", ()))
        rows, below = [], []
        for key, prop in part["properties"].items():
            options = self.options(prop)
            parts = {m[0]: m[1] for o in options if (m := self.model(o))}
            listed = {m[0] for o in options if o.many and (m := self.model(o))}
            about = next((m.get("description", "") for m in parts.values()), "")
            text = prop.get("description") or about.split("\n")[0].rstrip(".")
            unit = re.search(r" ?\[([^\]]+)\]", text)
            default = shown(prop.get("default"))
            measure = unit.group(1) if unit else ""
            rows.append(
                (
                    f"`{key}`",
                    text.replace(unit.group(0), "") if unit else text,
                    self.words(options),
                    "**needed**" if key in required else default,
                    "; ".join(filter(None, (measure, self.bounds(key, options, path)))),
                )
            )
            for name, model in parts.items():
                if name not in SHORT:
                    here = f"{path}.{key}" if path else key
                    below.append((here + "[]" * (name in listed), model, len(parts) > 1))
        level = "#" * (2 + min(title.count("."), 1))
        intro = part.get("description", "").split("\n")[0] if path else ""
        header = ("key", "meaning", "type", "default", "unit; bounds")
        self.parts.append(
            f"{level} {title or 'At the top'}\n\n{intro}\n\n" + self.table(header, rows)
        )
        for here, model, union in below:
            method = model["properties"].get("method", {}).get("const") if union else None
            self.section(here, model, f"`{here}`" + (f", method `{method}`" if method else ""))


def shown(default: Any) -> str:
    """Return a default as it would stand in the file; nothing for none."""
    if default is None or default in ("", []):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        if any(isinstance(v, dict) for v in default):
            return "as shown in the template"
        return f"`[{', '.join(f'{v:g}' if isinstance(v, float) else str(v) for v in default)}]`"
    return f"`{default}`"


def text(schema: dict[str, Any], table: Callable[[Iterable, Iterable], str]) -> str:
    """Return all tables of a study kind."""
    keys = Keys(schema, table)
    keys.section("", schema)
    return "\n".join(keys.parts)
