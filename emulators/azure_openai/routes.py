"""Parses a request's target. Pure.

Targets are bytes as they arrived, held as latin-1 text, so that nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote


@dataclass(frozen=True, kw_only=True)
class Target:
    """A target below `/openai/`."""

    # what follows the deployment or `v1/`, decoded: `chat/completions`, `responses/resp_1/cancel`
    operation: str
    deployment: str | None  # decoded, directives included; None if the body's `model` names it
    v1: bool  # the versionless API: no api-version needed
    api_version: str | None  # the query's; None if it has none
    query: dict[str, str]  # decoded; the last of a repeated name

    @property
    def segments(self) -> list[str]:
        """The operation's path segments."""
        return self.operation.split("/")


def split_target(target: str) -> tuple[str, str | None]:
    """A raw target's path and query. The query is None if the target has no question mark."""
    path, mark, query = target.partition("?")
    return path, query if mark else None


def route(target: str) -> Target | None:
    """Parse a raw target; None if it is not below `/openai/`, or below it twice: Azure has no such
    path, and a client whose address ends in `/openai` asks for it.

    A prefix before `/openai/` is ignored: `/api/projects/{project}/openai/v1/...` is one of Azure's
    own forms.
    """
    path, raw_query = split_target(target)
    _, separator, rest = path.partition("/openai/")
    if not separator or rest.startswith("openai/"):
        return None
    query = {
        name: values[-1]
        for name, values in parse_qs(raw_query or "", keep_blank_values=True).items()
    }
    v1 = rest.startswith("v1/")
    deployment = None
    if v1:
        rest = rest.removeprefix("v1/")
    elif rest.startswith("deployments/"):
        name, _, rest = rest.removeprefix("deployments/").partition("/")
        deployment = unquote(name)
    return Target(
        operation=unquote(rest),
        deployment=deployment,
        v1=v1,
        api_version=query.get("api-version"),
        query=query,
    )
