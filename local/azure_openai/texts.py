"""The words that the stand-in answers with, and how it counts tokens. Pure.

One token is one word: `tokens(text) == len(text.split())`. Words hold umlauts, CJK, emoji and
U+2028, which exposes a reader that splits characters or takes U+2028 for a line end.
"""

import functools
import hashlib

WORDS = (
    """
the quiet harbour was Zürich façade naïve 東京 streaming 🙂 light over water and stone every signal returned
before dawn größer than a map of small rivers Ωmega crossing valley 👩‍🚀 bridges pause\u2028 between two answers
""".replace("\n", " ")
    .strip()
    .split(" ")
)  # split at spaces only, which keeps U+2028
FILLER = "abcdefg "  # eight bytes, the unit of texts of a given size


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
    numbers = hashlib.shake_256(seed.encode()).digest(count)
    words = [WORDS[number % len(WORDS)] for number in numbers]
    return [word if at == 0 else f" {word}" for at, word in enumerate(words)]


def _filler(count: int, size_bytes: int) -> list[str]:
    text = (FILLER * (size_bytes // len(FILLER) + 1))[:size_bytes]
    share = -(-size_bytes // max(1, count))
    return [text[at : at + share] for at in range(0, size_bytes, share)]
