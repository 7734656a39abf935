"""A labelled corpus: sentences in six languages with one thing of each kind, and look-alikes.

It is made anew in each run, from one seed. `python -m tests.unit.core.content.detect.corpus` prints
how the built-in detectors do on it, as docs/reference/detectors.md has it.
"""

from __future__ import annotations

import itertools
import random
import string
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.core.content.detect import checks
from shared.core.content.detect.identities import IDENTITIES
from shared.core.content.detect.redactor import DETECTORS, Redactor

KINDS: Final = tuple(dict.fromkeys(detector.kind for detector in DETECTORS))
_EACH: Final = 200  # sentences of each kind
_SENTENCES: Final = (
    "Please note {}, and answer by Friday.",
    "Bitte notieren Sie {} für die Akte; danke schön!",
    "Veuillez noter {} s'il vous plaît.",
    "Por favor, apunte {}: es importante.",
    "Si prega di annotare ({}) entro lunedì.",
    'Proszę zapisać "{}" w aktach.',
    '{{"value": "{}", "ok": true}}',
    "key={}\nnext line",
)
_LOOKALIKES: Final[tuple[Callable[[random.Random], str], ...]] = (
    lambda rng: f"order {_digits(rng, 9)}",
    lambda rng: f"Auftrag {rng.randrange(2000, 2030)}-{_digits(rng, 6)}",
    lambda rng: f"{rng.randrange(1990, 2030)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
    lambda rng: f"{rng.randrange(1, 29):02}.{rng.randrange(1, 13):02}.{rng.randrange(1990, 2030)}",
    lambda rng: f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
    lambda rng: (
        f"version {rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(9)}.{_digits(rng, 2)}"
    ),
    lambda rng: f"v{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(9)}-rc.{rng.randrange(9)}",
    lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    lambda rng: f"{rng.getrandbits(160):040x}",
    lambda rng: f"{rng.getrandbits(256):064x}",
    lambda rng: str(1_700_000_000_000 + rng.randrange(10**10)),
    lambda rng: f"{rng.randrange(1, 10**6):,}.{_digits(rng, 2)} EUR",
    lambda rng: f"978-3-{_digits(rng, 2)}-{_digits(rng, 6)}-{_digits(rng, 1)}",
    lambda rng: f"{rng.random():.15f}",
    lambda rng: f"tracking {_digits(rng, 12)}",
    lambda rng: f"reference {_digits(rng, 16)}",
    lambda rng: f"part {rng.choice(string.ascii_uppercase)}{_digits(rng, 7)}",
    lambda rng: f"def f(x): return x[{rng.randrange(99)}:{rng.randrange(99)}] @ y.T",
    lambda rng: f"std::vector<int>::iterator it{rng.randrange(9)};",
    lambda rng: "api_key = os.environ['OPENAI_API_KEY_OF_THE_TEAM']",
    lambda rng: f"see section {rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}",
    lambda rng: f"@team{rng.randrange(99)} please review #{_digits(rng, 4)}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A text, and what is in it."""

    text: str
    kind: str | None  # None: a look-alike
    value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The measures of how well a kind is found."""

    precision: float  # of what was found as this kind, the part that is
    recall: float  # of what is of this kind, the part that was found whole


def samples() -> list[Sample]:
    """The corpus."""
    rng = random.Random(20261127)  # noqa: S311 - no secret
    labelled = [
        _sample(rng, kind, make(rng)) for kind, make in _MAKERS.items() for _ in range(_EACH)
    ]
    lookalikes = [
        Sample(text=rng.choice(_SENTENCES).format(make(rng)), kind=None)
        for make in _LOOKALIKES
        for _ in range(_EACH)
    ]
    return labelled + lookalikes


def scores() -> dict[str, Score]:
    """The score of each kind."""
    redactor = Redactor()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for sample in samples():
        counts: Counter[str] = Counter()
        redacted = redactor.redact(sample.text, counts)
        found += counts
        if sample.kind is not None:
            total[sample.kind] += 1
            right[sample.kind] += min(counts[sample.kind], 1)
            whole[sample.kind] += counts[sample.kind] > 0 and sample.value not in redacted
    return {
        kind: Score(precision=right[kind] / found[kind], recall=whole[kind] / total[kind])
        for kind in KINDS
    }


def table() -> str:
    """The scores as the rows of a table in Markdown."""
    return "\n".join(
        f"| `{kind}` | {score.precision:.3f} | {score.recall:.3f} |"
        for kind, score in scores().items()
    )


def _sample(rng: random.Random, kind: str, value: str) -> Sample:
    return Sample(text=rng.choice(_SENTENCES).format(value), kind=kind, value=value)


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


def _characters(rng: random.Random, count: int, alphabet: str = "") -> str:
    return "".join(rng.choices(alphabet or string.ascii_letters + string.digits, k=count))


def _email(rng: random.Random) -> str:
    name = rng.choice(("anna", "jörg.müller", "max+news", "o'neil", "j_doe", "żaneta", "a.b-c"))
    host = rng.choice(("example.com", "mail.example.co.uk", "exämple.de", "uni.example.edu"))
    return f"{name}{rng.randrange(100)}@{host}"


def _phone(rng: random.Random) -> str:
    form = rng.choice(
        (
            *("+49 30 {5}{3}", "+49 (0)171 {7}", "+1 212 555 {4}", "+44 20 {4} {4}", "+33612{6}"),
            *("+48 {3} {3} {3}", "0049 89 {8}", "(030) {3} {3}", "(212) 555-{4}", "212-555-{4}"),
            *("06 12 {2} {2} {2}", "0171/{7}", "020 {4} {4}", "+34-91-{3}-{4}", "+39 06 {8}"),
        )
    )
    for count in range(1, 9):
        while f"{{{count}}}" in form:
            form = form.replace(f"{{{count}}}", _digits(rng, count), 1)
    return form


def _iban(rng: random.Random) -> str:
    country, length = rng.choice((("DE", 22), ("FR", 27), ("ES", 24), ("NL", 18), ("PL", 28)))
    bank = "INGB" if country == "NL" else ""
    account = bank + _digits(rng, length - 4 - len(bank))
    check = next(f"{n:02}" for n in range(2, 99) if checks.mod_97(f"{country}{n:02}{account}"))
    iban = f"{country}{check}{account}"
    spaced = " ".join(iban[at : at + 4] for at in range(0, length, 4))
    return rng.choice((iban, spaced, iban.lower()))


def _card(rng: random.Random) -> str:
    prefix, length = rng.choice((("4", 16), ("52", 16), ("37", 15), ("6011", 16), ("2221", 16)))
    number = prefix + _digits(rng, length - 1 - len(prefix))
    number += next(digit for digit in string.digits if checks.luhn(f"{number}{digit}".encode()))
    cuts = (0, 4, 10, 15) if length == 15 else (0, 4, 8, 12, 16)
    groups = [number[start:end] for start, end in itertools.pairwise(cuts)]
    return rng.choice((number, " ".join(groups), "-".join(groups)))


def _ip(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return ".".join(str(rng.randrange(1, 255)) for _ in range(4))
    return f"2001:db8:{rng.getrandbits(16):x}::{rng.getrandbits(16):x}:{rng.getrandbits(16):x}"


def _national_id(rng: random.Random) -> str:
    """A number in a form that a detector knows, with the check digits that it demands."""
    detector = rng.choice(IDENTITIES)()
    while True:
        value = _IDENTITY_FORMS[type(detector).__name__](rng)
        if detector.is_valid(value.encode()):
            return value


def _date(rng: random.Random) -> str:
    return f"{rng.randrange(40, 99)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"


def _french_id(rng: random.Random) -> str:
    body = f"{rng.choice('12')}{rng.randrange(40, 99)}{rng.randrange(1, 13):02}{_digits(rng, 8)}"
    return f"{body}{97 - int(body) % 97:02}"


_IDENTITY_FORMS: Final[dict[str, Callable[[random.Random], str]]] = {
    "GermanTaxId": lambda rng: rng.choice("123456789") + _digits(rng, 10),
    "SpanishId": lambda rng: _digits(rng, 8) + rng.choice(string.ascii_uppercase),
    "FrenchId": _french_id,
    "ItalianId": lambda rng: (
        f"{_characters(rng, 6, string.ascii_uppercase)}{_digits(rng, 2)}{rng.choice('ABCDEHLMPRST')}"
        f"{_digits(rng, 2)}F{_digits(rng, 3)}{rng.choice(string.ascii_uppercase)}"
    ),
    "PolishId": lambda rng: _date(rng) + _digits(rng, 5),
    "SwedishId": lambda rng: f"{_date(rng)}-{_digits(rng, 4)}",
    "BrazilianId": lambda rng: (
        f"{_digits(rng, 3)}.{_digits(rng, 3)}.{_digits(rng, 3)}-{_digits(rng, 2)}"
    ),
}


def _private_key(rng: random.Random) -> str:
    kind = rng.choice(("", "RSA ", "EC ", "OPENSSH "))
    lines = "\n".join(_characters(rng, 64) for _ in range(3))
    key = f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"
    return rng.choice((key, key.replace("\n", "\\n")))


def _connection_string(rng: random.Random) -> str:
    key = f"{_characters(rng, 43)}="
    return rng.choice((f"AccountKey={key}", f"SharedAccessKey={key}", f"Password={key[:12]};"))


def _jwt(rng: random.Random) -> str:
    return f"eyJ{_characters(rng, 20)}.eyJ{_characters(rng, 60)}.{_characters(rng, 43)}"


def _api_key(rng: random.Random) -> str:
    return rng.choice(
        (
            f"sk-proj-{_characters(rng, 48)}",
            f"ghp_{_characters(rng, 36)}",
            f"AKIA{_characters(rng, 16, string.ascii_uppercase + string.digits)}",
            f"xoxb-{_digits(rng, 11)}-{_characters(rng, 24)}",
            f"AIza{_characters(rng, 35)}",
            f"{_characters(rng, 52)}JQQJ99{_characters(rng, 26)}",
            f"glpat-{_characters(rng, 20)}",
        )
    )


_MAKERS: Final[dict[str, Callable[[random.Random], str]]] = {
    "private_key": _private_key,
    "connection_string": _connection_string,
    "sas": lambda rng: f"sig={_characters(rng, 43)}%3D",
    "jwt": _jwt,
    "api_key": _api_key,
    "iban": _iban,
    "card": _card,
    "national_id": _national_id,
    "email": _email,
    "ip": _ip,
    "phone": _phone,
}

if __name__ == "__main__":
    print(table())  # noqa: T201 - a command's output
