"""Holds answers of the API against its OpenAPI document.

usage: answers.py OPENAPI.json < answers    (one JSON object a line: method, path, status, content_type, body as text)

Prints one line for each answer: empty when it is as the document says, else what is not. Fields that the document does not
name are faults too. Answers to paths that are not in the document are not looked at. Of answers that come piece by piece each
piece is held against `x-item-schema`: the lines of application/x-ndjson, the data of the events of text/event-stream.
"""

import json
import re
import sys

import jsonschema


def closed(schema):
    """The same schema, in which objects have no other fields than those named."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") in ("object", ["object", "null"]):
        schema.setdefault("unevaluatedProperties", False)
    return schema


def templates(document):
    """Patterns of paths with their methods, those without parameters first."""
    paths = sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
    pattern = lambda path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
    return [(pattern(path), methods) for path, methods in paths]


def lines(body):
    if body and not body.endswith("\n"):
        raise ValueError("the last line has no end")
    return body.split("\n")[:-1]


def events(body):
    """The data of each event; see the HTML standard, server-sent events."""
    *whole, rest = body.split("\n\n")
    if rest:
        raise ValueError("the last event has no end")
    for event in whole:
        data = []
        for line in event.split("\n"):
            field, _, value = line.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif field not in ("", "event", "id", "retry"):
                raise ValueError(f"'{line}' is no line of an event")
        if data:
            yield "\n".join(data)


PIECES = {"application/x-ndjson": lines, "text/event-stream": events}


def faults(document, schema, body):
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]


def faults_of_pieces(document, schema, pieces):
    found = []
    for number, piece in enumerate(pieces, start=1):
        try:
            found += [f"piece {number}: {fault}" for fault in faults(document, schema, json.loads(piece))]
        except json.JSONDecodeError as error:
            found.append(f"piece {number} is no JSON: {error}")
    return found


def fault(document, known, answer):
    path, method = answer["path"].split("?")[0], answer["method"].lower()
    methods = next((methods for pattern, methods in known if pattern.fullmatch(path)), {})
    if method not in methods:
        return ""
    responses = methods[method]["responses"]
    described = responses.get(str(answer["status"]), responses["default"]).get("content", {})
    content_type = answer["content_type"].split(";")[0].strip()
    if content_type not in described:
        is_nothing = not described and not content_type and not answer["body"]
        return "" if is_nothing else f"{content_type} is not among {sorted(described)}"
    content = described[content_type]
    try:
        if content_type in PIECES:
            found = faults_of_pieces(document, content["x-item-schema"], PIECES[content_type](answer["body"]))
        else:
            body = json.loads(answer["body"]) if content_type.endswith("json") else answer["body"]
            found = faults(document, content["schema"], body)
    except ValueError as error:
        return str(error)
    return "; ".join(found[:5]).replace("\n", " ")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = closed(json.load(file))
    known = templates(document)
    for line in sys.stdin:
        print(fault(document, known, json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
