"""A child process that builds redacted events with an analyzer beside the detectors.

An analyzer loads a model for seconds, so the process lives on. It handles one event at a time. If
an event takes too long, the process is killed, the caller builds the event without texts, and the
next event starts another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import struct
import sys
from collections.abc import Mapping
from typing import BinaryIO, Final, cast

from shared.core.records.exchange.capture import ReadableCapture
from shared.core.records.exchange.envelope import Envelope
from shared.enrichment import assembly_process
from shared.enrichment.assembled_event import AssembledEvent, EventOptions, RedactorCache
from shared.enrichment.assembly_failure import describe_failure, reported_failure
from shared.errors import AssemblyError, StorageError
from shared.settings.timeouts import ANALYZER_START_S

_HEAD: Final = struct.Struct(">?I")  # begins an answer: whether it is a result, and its length


class AnalyzerProcess:
    """The process, started when it is needed first. Belongs to one event loop."""

    def __init__(
        self,
        module: str,
        models: Mapping[str, str],
        timeout_s: float,
        *,
        start_timeout_s: float = ANALYZER_START_S,
    ) -> None:
        """`module` has `make_analyzer(models)`. `timeout_s`: the longest that an event may take;
        `start_timeout_s`: that the start may take.
        """
        self._arguments = (module, json.dumps(dict(models)))
        self._timeout_s = timeout_s
        self._start_timeout_s = start_timeout_s
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def assemble(
        self,
        envelope: Envelope,
        request: ReadableCapture | None,
        response: ReadableCapture | None,
        options: EventOptions,
    ) -> AssembledEvent | None:
        """The event; None if it took too long. Raises AssemblyError, or StorageError if a capture
        cannot be read.
        """
        async with self._turn:
            try:
                child = await self._ensure_child()
                await assembly_process.send_exchange(
                    assembly_process.stdin_of(child), envelope, request, response, options
                )
                async with asyncio.timeout(self._timeout_s):
                    return assembly_process.unpack_assembled(await _answer(child))
            except TimeoutError:
                await self._end()
                return None
            except (OSError, asyncio.IncompleteReadError):
                await self._end()
                raise AssemblyError("the analyzer's process ended") from None
            except (asyncio.CancelledError, StorageError):
                await self._end()  # what it reads or answers would be taken for the next event's
                raise

    async def aclose(self) -> None:
        """End the process."""
        await self._end()

    async def _ensure_child(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await assembly_process.start_child(
                __spec__.name,
                *self._arguments,
                stderr=asyncio.subprocess.DEVNULL,  # libraries may quote texts
            )
            try:
                async with asyncio.timeout(self._start_timeout_s):
                    await _answer(self._child)
            except TimeoutError:
                await self._end()
                raise AssemblyError(
                    f"the analyzer did not start within {self._start_timeout_s:g} s"
                ) from None
            except AssemblyError:
                await self._end()
                raise
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _answer(child: asyncio.subprocess.Process) -> bytes:
    answers = cast("asyncio.StreamReader", child.stdout)
    succeeded, length = _HEAD.unpack(await answers.readexactly(_HEAD.size))
    data = await answers.readexactly(length)
    if not succeeded:
        raise AssemblyError(f"the analyzer failed: {reported_failure(data)}")
    return data


def _serve(module: str, models: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Serve requests in the child. The first answer reports that the analyzer has started."""

    def answer(data: bytes, *, succeeded: bool = True) -> None:
        answers.write(_HEAD.pack(succeeded, len(data)) + data)
        answers.flush()

    try:
        analyzer = importlib.import_module(module).make_analyzer(json.loads(models))
    except Exception as error:  # noqa: BLE001 - a library may raise any exception
        answer(describe_failure(error).encode(), succeeded=False)
        return
    answer(b"")
    redactors = RedactorCache(analyzer)
    while True:
        try:
            output = assembly_process.assemble_next(requests, redactors)
        except Exception as error:  # noqa: BLE001 - a bug may raise any exception
            answer(describe_failure(error).encode(), succeeded=False)
            continue
        if output is None:
            return
        answer(output)


def _child_main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of libraries is not an answer
    with contextlib.suppress(BrokenPipeError):
        _serve(sys.argv[1], sys.argv[2], sys.stdin.buffer, answers)


if __name__ == "__main__":
    _child_main()
