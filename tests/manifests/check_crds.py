"""Holds objects against the schemas of custom resource definitions and their CEL rules, as the API server would.

usage: check_crds.py FOLDER_OF_DEFINITIONS < objects.json    (objects.json: one JSON array)

Prints one line for each fault, then a line `checked N objects of K kinds, R rules`, and `no definition of KIND` for each
kind without a definition. The exit status is 0 when no fault was found.
"""

import json
import pathlib
import sys
from urllib.parse import urlsplit

import celpy
import jsonschema
import yaml

ENVIRONMENT = celpy.Environment()
RESERVED = {"namespace", "package", "import", "as", "break", "const", "continue", "else", "for", "function", "if", "let",
            "loop", "return", "var", "void", "while", "in", "true", "false", "null"}


def load_definitions(folder):
    """Schemas by (apiVersion, kind)."""
    schemas = {}
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        for document in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader):
            if not document or document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                    schemas[key] = version["schema"]["openAPIV3Schema"]
    return schemas


def close(schema):
    """The same schema as a JSON Schema that refuses what the API server would prune: fields nobody knows."""
    if not isinstance(schema, dict):
        return schema
    closed = {}
    for key, value in schema.items():
        if key == "properties":
            closed[key] = {name: close(inner) for name, inner in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            closed[key] = close(value)
        elif key in ("oneOf", "anyOf", "allOf"):
            # These only judge values; the fields are declared beside them.
            closed[key] = value
        elif not key.startswith("x-") and key not in ("nullable", "format", "default", "description", "example"):
            closed[key] = value
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
        closed["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in schema and not is_open:
        closed["additionalProperties"] = False
    if schema.get("nullable") and "type" in closed:
        closed["type"] = [closed["type"], "null"]
    return closed


def with_type_meta(schema):
    """Every object has these three, whatever its definition declares."""
    properties = dict(schema.get("properties", {}))
    properties.update({"apiVersion": {"type": "string"}, "kind": {"type": "string"}})
    properties["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {**schema, "properties": properties}


def fill_defaults(schema, value):
    """Sets what the API server would set before it looks at the rules."""
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name not in value and "default" in inner:
                value[name] = inner["default"]
            if name in value:
                fill_defaults(inner, value[name])
        if isinstance(schema.get("additionalProperties"), dict):
            for inner in value.values():
                fill_defaults(schema["additionalProperties"], inner)
    elif isinstance(value, list):
        for inner in value:
            fill_defaults(schema.get("items", {}), inner)


def rules_in(schema, value, place):
    """Every rule that applies to a part of this value, with that part."""
    if not isinstance(schema, dict) or value is None:
        return
    for rule in schema.get("x-kubernetes-validations", []):
        yield rule, value, place
    if isinstance(value, dict):
        for name, inner in value.items():
            inner_schema = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            yield from rules_in(inner_schema, inner, f"{place}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from rules_in(schema.get("items"), inner, f"{place}[{number}]")


class Url:
    """What Kubernetes' CEL library calls a URL."""

    def __init__(self, text):
        self.parts = urlsplit(str(text))


def is_url(text):
    try:
        parts = urlsplit(str(text))
        _ = parts.port
    except ValueError:
        return celpy.celtypes.BoolType(False)
    # As Go's url.ParseRequestURI: absolute, or a path from the root; a colon in the first part needs a scheme.
    good = bool(parts.scheme and (parts.netloc or parts.path.startswith("/"))) or str(text).startswith("/")
    return celpy.celtypes.BoolType(good)


FUNCTIONS = {
    "isURL": is_url,
    "url": Url,
    "getScheme": lambda url: celpy.celtypes.StringType(url.parts.scheme),
    "getHost": lambda url: celpy.celtypes.StringType(url.parts.netloc),
}


def escape(value):
    """Words that CEL keeps for itself are escaped in rules, and so in what they look at."""
    if isinstance(value, dict):
        return {f"__{key}__" if key in RESERVED else key: escape(inner) for key, inner in value.items()}
    return [escape(inner) for inner in value] if isinstance(value, list) else value


def holds(rule, value):
    program = ENVIRONMENT.program(ENVIRONMENT.compile(rule["rule"]), functions=FUNCTIONS)
    return bool(program.evaluate({"self": celpy.json_to_cel(escape(value))}))


def check(item, schema):
    """The faults of one object, and how many rules were evaluated."""
    fill_defaults(schema, item)
    name = f"{item['kind']} {item['metadata']['name']}"
    validator = jsonschema.Draft7Validator(close(with_type_meta(schema)))
    faults = [
        f"{name}: {'.'.join(map(str, error.absolute_path)) or 'the object'}: {error.message[:300]}"
        for error in validator.iter_errors(item)
    ]
    evaluated = 0
    for rule, value, place in rules_in(schema, item, "object"):
        if "oldSelf" in rule["rule"]:
            continue
        evaluated += 1
        try:
            if not holds(rule, value):
                faults.append(f"{name}: {place}: {rule.get('message', rule['rule'])}")
        except (celpy.CELEvalError, celpy.CELParseError) as error:
            faults.append(f"{name}: {place}: the rule {rule['rule']!r} cannot be evaluated: {error}")
    return faults, evaluated


def main():
    schemas = load_definitions(sys.argv[1])
    faults, evaluated, checked, kinds, unknown = [], 0, 0, set(), set()
    for item in json.load(sys.stdin):
        schema = schemas.get((item["apiVersion"], item["kind"]))
        if schema is None:
            unknown.add(f"{item['apiVersion']} {item['kind']}")
            continue
        found, rules = check(item, schema)
        faults += found
        evaluated += rules
        checked += 1
        kinds.add(item["kind"])
    for fault in faults:
        print(fault)
    for kind in sorted(unknown):
        print(f"no definition of {kind}")
    print(f"checked {checked} objects of {len(kinds)} kinds, {evaluated} rules")
    sys.exit(1 if faults or checked == 0 else 0)


if __name__ == "__main__":
    main()
