"""How a program with the OpenAI SDK reads a stream."""

from __future__ import annotations

from typing import Any

from openai import AsyncAzureOpenAI, AzureOpenAI

MESSAGES: list[Any] = [{"role": "user", "content": "hello"}]


def read_all(client: AzureOpenAI, directives: str, **options: Any) -> str:
    """The stream's text, and the SDK's own exception if it raised one."""
    with client:
        chunks = client.chat.completions.create(
            model="gpt",
            messages=MESSAGES,
            stream=True,
            extra_headers={"x-stand-in": directives},
            **options,
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def async_read_all(client: AsyncAzureOpenAI, directives: str, **options: Any) -> str:
    async with client:
        chunks = await client.chat.completions.create(
            model="gpt",
            messages=MESSAGES,
            stream=True,
            extra_headers={"x-stand-in": directives},
            **options,
        )
        return "".join(
            [chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices]
        )
