"""Holds answers of the API against its OpenAPI document.

usage: answers.py OPENAPI.json < answers    (one JSON object a line: path, status, content_type, body as text)

Prints one line for each answer: empty when it is as the document says, else what is not. Fields that the document does not
name are faults too. Answers to paths that are not in the document are not looked at.
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
    """Patterns of paths with their responses, those without parameters first."""
    paths = sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
    pattern = lambda path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
    return [(pattern(path), methods["get"]["responses"]) for path, methods in paths if "get" in methods]


def schema_for(responses, answer):
    """The schema of the answer, or in words why there is none."""
    response = responses.get(str(answer["status"]), responses["default"])
    content_type = answer["content_type"].split(";")[0].strip()
    content = response["content"].get(content_type)
    if content is None:
        return None, f"{content_type} is not among {sorted(response['content'])}"
    return content["schema"], ""


def fault(document, known, answer):
    path = answer["path"].split("?")[0]
    responses = next((responses for pattern, responses in known if pattern.fullmatch(path)), None)
    if responses is None:
        return ""
    schema, words = schema_for(responses, answer)
    if schema is None:
        return words
    is_json = answer["content_type"].split(";")[0].endswith("json")
    body = json.loads(answer["body"]) if is_json else answer["body"]
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    faults = (f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body))
    return "; ".join(list(faults)[:5]).replace("\n", " ")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = closed(json.load(file))
    known = templates(document)
    for line in sys.stdin:
        print(fault(document, known, json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
