"""The sentences that the stand-in answers with, and how it counts tokens. Pure.

One token is one word: `tokens(text) == len(text.split())`. They hold umlauts, CJK, emoji and
U+2028, which exposes a reader that splits characters or takes U+2028 for a line end.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator
from typing import Final

_SENTENCES: Final = (
    "A proxy stands between two parties and passes on what each of them says.",
    "In Zürich the trams run along the river, and nobody is in a hurry.",
    "A careful reader waits for all bytes of 東京 or 🙂 before it goes on.",
    "The old façade is größer than it looks on the map.",
    "A stream arrives in small pieces,\u2028 and each piece is passed on as it comes.",
    "The astronaut 👩‍🚀 waved from the bridge and crossed the valley before dawn.",
    "An answer is finished only when its last event says so.",
    "Light falls over the water of the harbour, from Ωmega to the naïve beginning.",
)
# split at spaces only, which keeps U+2028
_WORDS_OF_SENTENCES: Final = tuple(tuple(sentence.split(" ")) for sentence in _SENTENCES)
WORDS: Final = tuple(itertools.chain.from_iterable(_WORDS_OF_SENTENCES))
FILLER: Final = "abcdefg "  # eight bytes, the unit of texts of a given size


def tokens(text: str) -> int:
    """The number of tokens that usage figures count for `text`."""
    return len(text.split())


@functools.lru_cache(maxsize=4096)  # ids are needed for every chunk
def digest(*parts: str) -> str:
    """A stable hex digest, from which names and content derive."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def pieces(seed: str, count: int, size_bytes: int = 0) -> list[str]:
    """`count` pieces of the text for `seed`: a word each, or equal shares of `size_bytes` bytes."""
    if size_bytes:
        return _filler(count, size_bytes)
    words = itertools.islice(_words(seed), count)
    return [word if at == 0 else f" {word}" for at, word in enumerate(words)]


def _words(seed: str) -> Iterator[str]:
    """Sentences in an order that depends on the seed, without end."""
    for page in itertools.count():
        for number in hashlib.shake_256(f"{seed}\x1f{page}".encode()).digest(32):
            yield from _WORDS_OF_SENTENCES[number % len(_SENTENCES)]


def _filler(count: int, size_bytes: int) -> list[str]:
    text = (FILLER * (size_bytes // len(FILLER) + 1))[:size_bytes]
    share = -(-size_bytes // max(1, count))
    return [text[at : at + share] for at in range(0, size_bytes, share)]
