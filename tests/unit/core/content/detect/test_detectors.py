"""The detectors: what they find, what they leave alone, and how well they do on the corpus."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.repository import ROOT
from shared.core.content.detect.custom import CustomPatterns
from shared.core.content.detect.redactor import DETECTORS, Redactor
from shared.errors import ContentPolicyError
from tests.unit.core.content.detect import corpus

REDACTOR = Redactor()
# The least that may be published; docs/reference/detectors.md has what was measured.
FLOORS = {"card": (0.9, 0.99), "ip": (0.95, 0.99), "phone": (0.9, 0.95)}
OTHERS = (0.99, 0.99)


def redact_text(text: str, redactor: Redactor = REDACTOR) -> str:
    return redactor.redact(text, Counter())


# Published examples and specifications, not made by the corpus.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max.mustermann@example.co.uk.", "[EMAIL]."),
        ("<mailto:o'neil+x@exämple.de>", "<mailto:[EMAIL]>"),
        ("'jane.doe@example.com'", "'[EMAIL]'"),
        ("+49 30 901820", "[PHONE]"),
        ("(212) 555-0123", "[PHONE]"),
        ("DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX", "[IBAN] BIC COBADEFFXXX"),
        ("gb82west12345698765432", "[IBAN]"),
        ("4111 1111 1111 1111 12/27", "[CARD] 12/27"),
        ("3782 822463 10005", "[CARD]"),
        ("192.168.17.4:8080", "[IP]:8080"),
        ("2001:db8::8a2e:370:7334", "[IP]"),
        ("86095742719", "[NATIONAL_ID]"),  # Germany
        ("12345678Z", "[NATIONAL_ID]"),  # Spain
        ("1 84 12 76 451 089 46", "[NATIONAL_ID]"),  # France
        ("RSSMRA85T10A562S", "[NATIONAL_ID]"),  # Italy
        ("44051401359", "[NATIONAL_ID]"),  # Poland
        ("811218-9876", "[NATIONAL_ID]"),  # Sweden
        ("529.982.247-25", "[NATIONAL_ID]"),  # Brazil
        ("AKIAIOSFODNN7EXAMPLE", "[API_KEY]"),
        ('api_key="a1b2c3d4e5f6a7b8c9d0"', 'api_key="[API_KEY]"'),
        ("Bearer abcdefghijklmnop1234567890", "Bearer [API_KEY]"),
        ("postgres://app:s3cret@db", "[CONNECTION_STRING]db"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow\nab", "[PRIVATE_KEY]"),
    ],
    ids=[
        *(
            "email",
            "email in a URL",
            "quoted email",
            "phone",
            "US phone",
            "IBAN",
            "small IBAN",
            "card",
            "Amex",
        ),
        *("IPv4", "IPv6", "DE", "ES", "FR", "IT", "PL", "SE", "BR", "AWS", "named", "bearer"),
        *("database", "cut key"),
    ],
)
def test_what_is_found_is_replaced(text: str, expected: str) -> None:
    assert redact_text(f"before {text} after") == f"before {expected} after"


@pytest.mark.parametrize(
    "text",
    [
        "DE88370400440532013000",
        "4111 1111 1111 1112",
        "86095742718",
        "12345678A",
        "529.982.247-24",
        "111.111.111-11",
        "version 2.1.0.3",
        "v1.2.3.4",
        "127.0.0.1",
        "12:30:45",
        "2026-11-27 12:00:01.123456",
        "550e8400-e29b-41d4-a716-446655440000",
        "1d635aa6-0040-4268-baa4-e804bb58e8be",  # a phone number within
        "0C909A8C-7D20-4F55-BE79-C9C47C262FB6",  # an IBAN at its end
        "ee046cbb-e226-4418-86dd-afd79a281954",  # an IBAN in its middle
        "api_key = os.environ['THE_KEY_OF_THE_TEAM']",
        "ein @wort und a@b",
        "AA\u212aAAA80A01H501U",  # the Kelvin sign, which is a K if case does not matter
    ],
)
def test_look_alikes_stay(text: str) -> None:
    assert redact_text(f"before {text} after") == f"before {text} after"


def test_a_number_beside_a_uuid_is_found() -> None:
    text = "4111111111111111 1d635aa6-0040-4268-baa4-e804bb58e8be 4111-1111-1111-1111"
    assert redact_text(text) == "[CARD] 1d635aa6-0040-4268-baa4-e804bb58e8be [CARD]"


def test_the_operators_own_pattern_finds_within_uuids() -> None:
    custom = Redactor(CustomPatterns(patterns={"tenant": "1d635aa6"}))
    assert redact_text("1d635aa6-0040-4268-baa4-e804bb58e8be", custom).startswith("[TENANT]-0040")


def test_what_is_found_is_counted_by_kind() -> None:
    counts: Counter[str] = Counter()
    REDACTOR.redact("a@example.com, b@example.com, 192.168.1.1", counts)
    assert counts == {"email": 2, "ip": 1}


def test_overlapping_findings_become_one() -> None:
    """It covers both."""
    custom = Redactor(CustomPatterns(patterns={"long": "anna@example.com, room [0-9]+"}))
    assert redact_text("anna@example.com, room 12!", custom) == "[EMAIL]!"


@given(st.text())
def test_a_redacted_text_has_no_findings(text: str) -> None:
    """Lone surrogates and NUL included."""
    once = redact_text(text)
    assert redact_text(once) == once


def test_own_patterns_and_words_are_found() -> None:
    custom = Redactor(
        CustomPatterns(
            patterns={"employee": r"\bE-\d{6}\b"}, words={"project": ("Falcon", "Über Mut", "C++")}
        )
    )
    text = "E-123456 on falcon FALCON, Über Mut, C++ and falconry, Überfalcon"
    expected = "[EMPLOYEE] on [PROJECT] [PROJECT], [PROJECT], [PROJECT] and falconry, Überfalcon"
    assert redact_text(text, custom) == expected


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(", "a*"])
def test_an_unusable_pattern_is_rejected_by_name(pattern: str) -> None:
    with pytest.raises(ContentPolicyError, match="the pattern `mine`"):
        Redactor(CustomPatterns(patterns={"mine": pattern}))


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_precision_and_recall_stay_above_their_floors(
    kind: str, scores: dict[str, corpus.Score]
) -> None:
    precision, recall = FLOORS.get(kind, OTHERS)
    assert scores[kind].precision >= precision
    assert scores[kind].recall >= recall


@pytest.fixture(scope="module")
def scores() -> dict[str, corpus.Score]:
    return corpus.scores()


def test_the_page_has_what_was_measured() -> None:
    """Run `python -m tests.unit.core.content.detect.corpus` and put its table there."""
    page = (ROOT / "docs" / "reference" / "detectors.md").read_text("utf-8")
    assert corpus.table() in page


def test_the_page_names_every_kind() -> None:
    page = (ROOT / "docs" / "reference" / "detectors.md").read_text("utf-8")
    assert {detector.kind for detector in DETECTORS} == set(
        re.findall(r"^\| `(\w+)` \| \[", page, re.MULTILINE)
    )
