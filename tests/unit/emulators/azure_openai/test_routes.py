"""How the stand-in reads a request's target."""

from __future__ import annotations

import pytest

from emulators.azure_openai.routes import route


@pytest.mark.parametrize(
    ("target", "operation", "deployment", "v1", "version"),
    [
        (
            "/openai/deployments/gpt-4o/chat/completions?api-version=1",
            "chat/completions",
            "gpt-4o",
            False,
            "1",
        ),
        (
            "/openai/deployments/a%2Cb%3D1/embeddings?api-version=1",
            "embeddings",
            "a,b=1",
            False,
            "1",
        ),
        ("/openai/v1/chat/completions", "chat/completions", None, True, None),
        ("/api/projects/p/openai/v1/responses/r?stream=true", "responses/r", None, True, None),
        ("/openai/responses?api-version=preview&api-version=2", "responses", None, False, "2"),
        ("/openai/files?api-version=", "files", None, False, ""),
    ],
)
def test_a_target_names_operation_and_deployment(
    target: str, operation: str, deployment: str | None, v1: bool, version: str | None
) -> None:
    """Both kinds of routes are read, with any prefix before `/openai/`."""
    match = route(target)
    assert match
    assert (match.operation, match.deployment, match.v1, match.api_version) == (
        operation,
        deployment,
        v1,
        version,
    )


def test_other_paths_are_not_routes() -> None:
    """Only what lies below `/openai/` is Azure OpenAI's."""
    assert route("/openai") is None
    assert route("/health?x=/nothing/") is None


def test_an_openai_path_below_openai_is_not_a_route() -> None:
    """Azure answers 404: the SDK adds `/openai` to an endpoint that ends in it already."""
    assert route("/openai/openai/deployments/gpt-4o/chat/completions?api-version=1") is None
