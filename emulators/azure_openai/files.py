"""Files, batches and models: simple documents, derived from the id alone. Nothing is
stored. Pure.
"""

from __future__ import annotations

from typing import Final

from emulators.azure_openai import multipart
from emulators.azure_openai.choices import CREATED
from emulators.azure_openai.http_response import StandInResponse, json_response
from emulators.azure_openai.request import Request
from emulators.azure_openai.request_parser import ParsedRequest
from emulators.azure_openai.texts import digest

_CONTENT: Final = b'{"custom_id":"1","response":{"status_code":200,"body":{}}}\n'

_BATCH_USAGE: Final = {
    "input_tokens": 1200,
    "input_tokens_details": {"cached_tokens": 200},
    "output_tokens": 340,
    "output_tokens_details": {"reasoning_tokens": 40},
    "total_tokens": 1540,
}


def files(request: Request, segments: list[str]) -> StandInResponse | None:
    """`POST files`, `GET files`, `GET|DELETE files/{id}`, `GET files/{id}/content`; None for
    anything else.
    """
    match request.method, segments:
        case "POST", ["files"]:
            members = multipart.fields(request.body)
            name, purpose = members.get("filename", "file"), members.get("purpose", "batch")
            file = _file(
                f"file-{digest(name, purpose)[:32]}", name, purpose, request.exchange.request_size
            )
            return json_response(file, 201)
        case "GET", ["files"]:
            return _list([_file("file-1", "input.jsonl", "batch", 1024)])
        case "GET", ["files", name]:
            return json_response(_file(name, "input.jsonl", "batch", 1024))
        case "DELETE", ["files", name]:
            return json_response({"id": name, "object": "file", "deleted": True})
        case "GET", ["files", _, "content"]:
            return StandInResponse(content_type="application/octet-stream", body=_CONTENT)
    return None


def batches(
    request: Request, segments: list[str], parsed_request: ParsedRequest | None
) -> StandInResponse | None:
    """`POST batches`, `GET batches`, `GET batches/{id}`, `POST batches/{id}/cancel`; None for
    anything else.
    """
    match request.method, segments:
        case "POST", ["batches"] if parsed_request:
            file, endpoint = parsed_request.text("input_file_id"), parsed_request.text("endpoint")
            return json_response(
                _batch(f"batch_{digest(file, endpoint)[:24]}", "validating", file, endpoint)
            )
        case "GET", ["batches"]:
            return _list([_batch("batch_1", "completed")])
        case "GET", ["batches", name]:
            return json_response(_batch(name, "completed"))
        case "POST", ["batches", name, "cancel"]:
            return json_response(_batch(name, "cancelling"))
    return None


def models(request: Request, segments: list[str]) -> StandInResponse | None:
    """`GET models` and `GET models/{id}`; None for anything else."""
    match request.method, segments:
        case "GET", ["models"]:
            return _list([_model("gpt-4o"), _model("text-embedding-3-small")])
        case "GET", ["models", name]:
            return json_response(_model(name))
    return None


def _list(data: list[object]) -> StandInResponse:
    return json_response({"object": "list", "data": data, "has_more": False})


def _file(name: str, filename: str, purpose: str, size: int) -> object:
    about = {"bytes": size, "created_at": CREATED, "filename": filename, "purpose": purpose}
    return {"id": name, "object": "file", **about, "status": "processed"}


def _batch(
    name: str, status: str, file: str = "file-1", endpoint: str = "/chat/completions"
) -> object:
    counts = {"total": 1, "completed": int(status == "completed"), "failed": 0}
    return {
        "id": name,
        "object": "batch",
        "endpoint": endpoint,
        "model": "gpt-4o-2024-11-20",
        "input_file_id": file,
        "output_file_id": "file-2" if status == "completed" else None,
        "error_file_id": None,
        "completion_window": "24h",
        "status": status,
        "created_at": CREATED,
        "request_counts": counts,
        "usage": _BATCH_USAGE if status == "completed" else None,
        "metadata": None,
    }


def _model(name: str) -> object:
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "azure-openai",
        "status": "succeeded",
    }
