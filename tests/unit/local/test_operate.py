"""`make reconcile`, `make replay` and `make erase` against an app that answers as fnsse does."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable

import httpx
import pytest

from local.operate.__main__ import main
from local.operate.operated_app import OperatedApp, RunStarter
from local.operate.progress import Display, facts, share
from local.operate.runs import erase, reconcile, replay
from local.stack import StackError
from shared.core.wire.json.json_shape import Json, JsonObject
from tests.unit.local.fake_terminal import FakeTerminal

LINK = "/runtime/webhooks/durabletask/instances/run-1?code=secret"


def _status(state: str, progress: Json = None, output: Json = None) -> JsonObject:
    return {"runtimeStatus": state, "customStatus": progress, "output": output}


class ScriptedApp:
    """Starts a run at each POST, and answers the statuses one after the other."""

    def __init__(self, *statuses: JsonObject) -> None:
        self._statuses = iter(statuses)
        self.bodies: list[object] = []
        self.keys: list[str | None] = []
        self.polled: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.bodies.append(json.loads(request.content) if request.content else None)
            self.keys.append(request.headers.get("x-functions-key"))
            link = f"https://another-name.example{LINK}"
            return httpx.Response(202, json={"id": "run-1", "statusQueryGetUri": link})
        self.polled.append(str(request.url))
        return httpx.Response(200, json=next(self._statuses))


def _operator(
    app: Callable[[httpx.Request], httpx.Response], out: io.StringIO, key: str = ""
) -> RunStarter:
    client = httpx.Client(transport=httpx.MockTransport(app), base_url="https://app.example")
    return RunStarter(client, OperatedApp(url="", key=key).headers, out, wait=lambda _seconds: None)


def test_a_run_is_followed_to_its_end() -> None:
    """A run is followed to its end on the address that it was started on. A gateway may stand
    before the host that Durable's link names. Its key is not printed.
    """
    running: JsonObject = {"windows_done": 1, "windows_total": 3, "queued": 1200, "erased": 0}
    done: JsonObject = {"windows_done": 3, "windows_total": 3, "queued": 2400, "erased": 0}
    app = ScriptedApp(_status("Pending"), _status("Running", running), _status("Completed", done))
    out = io.StringIO()
    body = {"from": "2026-11-23T10:00:00Z", "to": "2026-11-23T13:00:00Z"}
    assert replay(_operator(app, out, key="master"), dict(body))
    assert app.bodies == [body]
    assert app.keys == ["master"]
    assert set(app.polled) == {f"https://app.example{LINK}"}
    assert (
        out.getvalue().splitlines()[-1].startswith("replay Completed, 3 of 3 hours, 2,400 queued, ")
    )
    assert "secret" not in out.getvalue()
    assert "\033" not in out.getvalue()


def test_a_reconcile_that_waits_is_not_a_success() -> None:
    reason = "the queue still holds 2 envelopes"
    app = ScriptedApp(_status("Completed", {"waiting": reason}, {"waiting": reason, "windows": []}))
    out = io.StringIO()
    assert not reconcile(_operator(app, out))
    assert f"waits: {reason}" in out.getvalue()


@pytest.mark.parametrize("state", ["Failed", "Terminated"])
def test_a_run_that_ended_otherwise_is_not_a_success(state: str) -> None:
    out = io.StringIO()
    assert not replay(_operator(ScriptedApp(_status(state)), out), {})
    assert state in out.getvalue()


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (409, {"error": {"code": "reconcile_running", "message": "A run is going on."}}, "A run"),
        (401, {}, "refused the operator's key"),
        (404, {}, "is this address fnsse's"),
    ],
    ids=["running", "key", "elsewhere"],
)
def test_a_refusal_says_what_to_do(status: int, content: object, message: str) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=content)

    with pytest.raises(StackError, match=message):
        reconcile(_operator(refuse, io.StringIO()))


def test_an_app_that_does_not_answer_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(StackError, match=r"https://app\.example did not answer"):
        reconcile(_operator(refuse, io.StringIO()))


def test_a_status_that_fails_is_read_again_but_not_for_ever() -> None:
    """The app may be restarted meanwhile."""
    out = io.StringIO()
    assert reconcile(_operator(ScriptedApp({}, {}, _status("Completed", None, {})), out))
    with pytest.raises(StackError, match="it goes on there"):
        reconcile(_operator(ScriptedApp(*[{}] * 100), out))


@pytest.mark.parametrize("matched", [0, 17])
@pytest.mark.parametrize("agrees", [True, False])
def test_nothing_is_erased_without_a_dry_run_and_a_yes(matched: int, *, agrees: bool) -> None:
    app = ScriptedApp(
        _status("Completed", {"dry_run": True}, {"matched": matched, "complete": True}),
        _status("Completed", {"dry_run": False}, {"erased": matched, "complete": True}),
    )
    out, questions = io.StringIO(), list[str]()

    def answer(question: str) -> bool:
        questions.append(question)
        return agrees

    whole = erase(_operator(app, out), {"user": "u-1"}, out, answer)
    erases = agrees and matched > 0
    assert app.bodies == [{"user": "u-1", "dry_run": dry} for dry in ([True, False][: 1 + erases])]
    assert questions == (["Erase 17 exchanges for good?"] if matched else [])
    assert whole == (erases or not matched)
    assert ('"erased": 17' in out.getvalue()) == erases


def test_a_terminal_shows_one_line_with_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look overwrites the one before it, also a longer one; colours as NO_COLOR says."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    out = FakeTerminal()
    display = Display("replay", out, clock=iter(range(100)).__next__)
    display.show(_status("Running", {"windows_done": 1, "windows_total": 4, "queued": 9}))
    display.show(_status("Running", {"windows_done": 2, "windows_total": 4}))
    display.end(_status("Completed", {"windows_done": 4, "windows_total": 4}))
    _, first, second, *_, last = out.getvalue().split("\r")
    assert first == f"replay [{'#' * 6}{'.' * 18}] Running, 1 of 4 hours, 9 queued, 1 s"
    assert len(second) >= len(first)
    assert second.rstrip().endswith("Running, 2 of 4 hours, 2 s")
    assert last == "replay Completed, 4 of 4 hours, 3 s\n"
    assert "\033" not in out.getvalue()


def test_a_file_gets_a_line_every_ten_seconds() -> None:
    """It gets none in which nothing changed."""
    seconds = iter([0, *range(100)])
    out = io.StringIO()
    display = Display("replay", out, clock=lambda: float(next(seconds)))
    for done in _twice(range(10)):
        display.show(_status("Running", {"windows_done": done, "windows_total": 10}))
    assert 2 <= len(out.getvalue().splitlines()) <= 4


def _twice(numbers: Iterable[int]) -> Iterable[int]:
    return (number for number in numbers for _ in range(2))


def test_the_parts_of_an_erasure_are_its_progress() -> None:
    progress: JsonObject = {
        "dry_run": True,
        "parts_done": 1,
        "parts_total": 2,
        "searched": 5,
        "matched": 0,
    }
    status = _status("Running", progress)
    assert share(status) == 0.5
    assert facts(status) == ["1 of 2 parts", "5 searched"]
    assert share(_status("Pending")) is None


def test_without_a_run_it_says_how_to_start_one(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", "--folder", str(tmp_path)]) == 1
    assert "start `make run` in another terminal" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["reconcile", "replay", "erase"])
def test_help_names_the_key(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([what, "--help"])
    assert "KEY    the app's master key" in capsys.readouterr().out
