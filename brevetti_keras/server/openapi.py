"""`PlatformApi`: the application with a description of its interface that leaves nothing out.

    app = PlatformApi(…)
    app.openapi()["paths"]["/api/jobs"]["get"]["responses"]["401"]

Each operation names, besides what it answers when all is well, the refusals that the gate and the service may answer
with, all of one form; and files are described as what they are.
"""

from typing import Any

from fastapi import FastAPI

_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "One line: what was expected, and what to do"}},
    "required": ["error"],
    "additionalProperties": False,
}
_ALWAYS = {
    "400": "Not understood, or a secret in the address",
    "401": "No valid key or session",
    "403": "From another site, or not allowed",
    "404": "Not there, or not for this key",
    "421": "Another host's name",
    "422": "A value that cannot be used",
    "500": "The server failed; its log says why",
    "503": "Busy: the same later",
}
_WITH_BODY = {
    "408": "The body did not come in time",
    "409": "In conflict with what is there",
    "413": "Too large",
    "415": "Another content type than the operation takes",
    "507": "The disk is full",
}
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_FILES = {
    "/api/jobs/{id}/artifacts/{path}": _FILE,
    "/api/jobs/{id}/charts/{name}": {"application/json": {"schema": {"type": "object"}}},
    "/download": _FILE,
}


class PlatformApi(FastAPI):
    """FastAPI's application; only its description of itself is our own."""

    def openapi(self) -> dict[str, Any]:
        """Returns the interface as OpenAPI 3.1; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Returns an OpenAPI document with keys, refusals and files described.

    Args:
        document: as FastAPI makes it.
    """
    components = document.get("components", {})
    schemas = {name: schema for name, schema in components.get("schemas", {}).items() if "ValidationError" not in name}
    bearer = {"type": "http", "scheme": "bearer", "description": "A user's key, or a job's for its own routes"}
    return {
        **document,
        "paths": {
            path: {verb: _operation(path, verb, found) for verb, found in operations.items()}
            for path, operations in document["paths"].items()
        },
        "components": {**components, "schemas": {**schemas, "Error": _ERROR}, "securitySchemes": {"key": bearer}},
        "security": [{"key": []}],
    }


def _operation(path: str, verb: str, operation: dict[str, Any]) -> dict[str, Any]:
    answers = dict(operation["responses"])
    if verb == "get" and path in _FILES:
        answers["200"] = {**answers["200"], "content": _FILES[path]}
    refusals = _ALWAYS if verb == "get" else {**_ALWAYS, **_WITH_BODY}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refused = {status: {"description": text, "content": content} for status, text in sorted(refusals.items())}
    return {**operation, "responses": {**answers, **refused}}
