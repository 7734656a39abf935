"""The headers and parameters that cross the proxy: each row of the tables, and headers that no row
names.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.http import forwarding, upstream_target
from shared.core.wire.http.forwarding_rules import (
    QUERY,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    ForwardingAction,
    ForwardingRule,
)

OWN = [(b"api-key", b"the proxy's")]
ASKED_FOR = [
    (b"Content-Type", b"application/json"),
    (b"x-ms-client-request-id", b"1"),
    (b"User-Agent", b"openai-python"),
]


def names_of(rule: ForwardingRule) -> list[str]:
    """Names that the row is about, in any case; `*` stands for any ending, none included."""
    plain = rule.name.removesuffix("*")
    endings = ["", "x", "anything-else"] if rule.name.endswith("*") else [""]
    return [cased for ending in endings for cased in in_any_case(plain + ending)]


def in_any_case(name: str) -> list[str]:
    return [
        name,
        name.upper(),
        name.title(),
        name.swapcase(),
        "".join(map(alternate, range(len(name)), name)),
    ]


def alternate(index: int, letter: str) -> str:
    return letter.upper() if index % 2 else letter


def row(rule: ForwardingRule) -> str:
    return rule.name


@pytest.mark.parametrize("rule", REQUEST_HEADERS, ids=row)
def test_a_request_header_of_the_table_never_goes_upstream(rule: ForwardingRule) -> None:
    for name in names_of(rule):
        headers = forwarding.request_headers([*ASKED_FOR, (name.encode(), b"the caller's")], OWN)
        passed = [pair for pair in headers if pair[0] != b"accept-encoding"]
        assert passed == [*ASKED_FOR, *OWN]
        assert all(b"the caller's" not in value for _, value in headers)


@pytest.mark.parametrize("rule", RESPONSE_HEADERS, ids=row)
def test_a_response_header_of_the_table_never_reaches_the_client(rule: ForwardingRule) -> None:
    for name in names_of(rule):
        headers = forwarding.response_headers(
            [(b"Retry-After", b"7"), (name.encode(), b"the upstream's")], "id"
        )
        assert headers == [(b"retry-after", b"7"), (b"x-exchange-id", b"id")]


@pytest.mark.parametrize("rule", QUERY, ids=row)
def test_a_query_parameter_of_the_table_never_goes_upstream(rule: ForwardingRule) -> None:
    encoded = [
        "".join(f"%{ord(letter):02x}" for letter in rule.name),
        quote(rule.name[0]) + f"%{ord(rule.name[1]):X}" + rule.name[2:],
    ]
    for name in [*names_of(rule), *encoded, f"+{rule.name}", f"%20{rule.name}%09"]:
        for parameter in (f"{name}=secret", name, f"{name}="):
            query = f"a=1&{parameter}&b=2".encode()
            assert upstream_target.upstream_query(query, None) == b"a=1&b=2"
            assert upstream_target.upstream_query(parameter.encode(), None) == b""


def test_every_row_of_the_tables_says_why() -> None:
    for table in (REQUEST_HEADERS, RESPONSE_HEADERS, QUERY):
        assert all(
            rule.reason and rule.name == rule.name.lower() and rule.action in ForwardingAction
            for rule in table
        )
        assert len({rule.name for rule in table}) == len(table)


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "api-key",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "cookie",
        "x-ms-token-aad-access-token",
        "host",
    ],
)
def test_the_table_knows_every_credential(name: str) -> None:
    headers = forwarding.request_headers([(name.encode(), b"secret")], [])
    assert headers == [(b"accept-encoding", b"identity")]


@pytest.mark.parametrize(
    "name",
    [
        "x-ms-client-request-id",
        "x-request-id",
        "traceparent",
        "openai-organization",
        "x-stainless-retry-count",
        "accept",
        "te-x",
        "x-code",
    ],
)
def test_what_no_row_names_passes_upstream(name: str) -> None:
    pair = (name.encode(), b"v\xc3\xa9")
    assert forwarding.request_headers([pair, pair], OWN) == [
        pair,
        pair,
        (b"accept-encoding", b"identity"),
        *OWN,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "set-cookie",
        "retry-after",
        "x-ratelimit-remaining-tokens",
        "content-length",
        "content-encoding",
    ],
)
def test_what_no_row_names_passes_to_the_client(name: str) -> None:
    pair = (name.encode(), b"v")
    assert forwarding.response_headers([pair, pair], "id") == [
        pair,
        pair,
        (b"x-exchange-id", b"id"),
    ]


def test_connection_headers_do_not_go_upstream() -> None:
    """The headers that Connection names belong to the caller's connection."""
    received = [
        (b"X-Hop", b"1"),
        (b"x-other", b"2"),
        (b"x-kept", b"3"),
        (b"Connection", b"close, x-hop"),
        (b"connection", b"X-OTHER"),
    ]
    headers = forwarding.request_headers(received, OWN)
    assert headers == [(b"x-kept", b"3"), (b"accept-encoding", b"identity"), *OWN]


def test_connection_headers_stop_at_the_proxy() -> None:
    """The headers that Connection names belong to the upstream's connection."""
    received = [(b"x-hop", b"1"), (b"x-kept", b"3"), (b"Connection", b"Keep-Alive, X-Hop")]
    assert forwarding.response_headers(received, "id") == [
        (b"x-kept", b"3"),
        (b"x-exchange-id", b"id"),
    ]


def test_connection_cannot_name_the_proxys_own_credential_away() -> None:
    headers = forwarding.request_headers([(b"connection", b"api-key, authorization")], OWN)
    assert headers[-1:] == OWN


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ([], b"identity"),
        ([b"gzip"], b"gzip"),
        ([b"gzip, deflate, br, zstd"], b"gzip, deflate"),
        ([b"br;q=1.0, GZIP;q=0.8, *;q=0.1"], b"GZIP;q=0.8"),
        ([b"br", b"deflate"], b"deflate"),
        ([b"br"], b"identity"),
        ([b"*"], b"identity"),
        ([b""], b"identity"),
        ([b"identity"], b"identity"),
        ([b"x-gzip ; q=0.5"], b"x-gzip ; q=0.5"),
    ],
)
def test_content_codings_are_narrowed(accepted: list[bytes], expected: bytes) -> None:
    """Enrichment must be able to decode the response."""
    headers = forwarding.request_headers([(b"Accept-Encoding", value) for value in accepted], [])
    assert headers == [(b"accept-encoding", expected)]


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"a=1",
        b"api-version=2024-10-21&a=%2F%2f&b=a+b&c=%20",
        b"a=&b&=c&&d=1&",
        b"a=1&a=2&A=3",
        b"q=%E2%9C%93&x=code=1&y=;code=2",
        b"codes=1&xcode=2&subscription-keys=3&subscription_key=4",
        b"encode=1&%25code=2",
    ],
)
def test_the_rest_of_the_query_goes_on_byte_for_byte(query: bytes) -> None:
    assert upstream_target.upstream_query(query, None) == query
    assert upstream_target.upstream_query(b"code=k&" + query, None) == query
    assert upstream_target.upstream_query(b"%63ODE=k&" + query, None) == query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", b"api-version=2024-10-21"),
        (b"a=1", b"a=1&api-version=2024-10-21"),
        (b"code=k", b"api-version=2024-10-21"),
        (b"api-version=2023-05-15", b"api-version=2023-05-15"),
        (b"API-Version=2023-05-15&a=1", b"API-Version=2023-05-15&a=1"),
        (b"api%2Dversion=2023-05-15", b"api%2Dversion=2023-05-15"),
        (b"api-version=", b"api-version="),
    ],
)
def test_a_missing_api_version_takes_the_default(query: bytes, expected: bytes) -> None:
    assert upstream_target.upstream_query(query, "2024-10-21") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/openai/a%252Fb", b"/openai/a%2Fb"),
        (b"/openai/a%252fb", b"/openai/a%2Fb"),
        (b"/openai/a%2Fb", b"/openai/a%2Fb"),
        (b"/openai/a%25b", b"/openai/a%25b"),
        (b"/openai/%25252F", b"/openai/%25252F"),
        (b"/openai/a#b", b"/openai/a%23b"),
        (b"/openai/a%23b", b"/openai/a%23b"),
        (b"/openai/a b", b"/openai/a%20b"),
        ("/openai/é".encode(), b"/openai/%C3%A9"),
        (b"/openai/~-._!$&'()*+,;=:@", b"/openai/~-._!$&'()*+,;=:@"),
        (b"//host/x", b"//host/x"),
    ],
)
def test_the_path_means_what_the_caller_meant(path: bytes, expected: bytes) -> None:
    assert upstream_target.upstream_path(path) == expected


def test_nothing_of_a_query_can_leave_it() -> None:
    assert upstream_target.upstream_query(b"a=#b\xc3\xa9 c", None) == b"a=%23b%C3%A9%20c"


@given(st.binary(), st.none() | st.just("2024-10-21"))
def test_path_and_query_hold_nothing_that_a_request_line_cannot(
    data: bytes, default: str | None
) -> None:
    for target in (
        upstream_target.upstream_path(data),
        upstream_target.upstream_query(data, default),
    ):
        assert all(0x21 <= byte <= 0x7E and byte != ord("#") for byte in target)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (b"api-version=2024-10-21", "2024-10-21"),
        (b"a=1&API-VERSION=x+y%2F", "x y/"),
        (b"api-version=1&api-version=2", "1"),
        (b"api-version", ""),
        (b"a=api-version", None),
        (b"", None),
    ],
)
def test_a_query_value_is_decoded(query: bytes, value: str | None) -> None:
    assert upstream_target.query_value(query, b"api-version") == value


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "Content-Disposition",
            'attachment; filename="Zürich \\"1\\".jsonl"',
            "attachment; filename*=UTF-8''Z%C3%BCrich%20%221%22.jsonl",
        ),
        ("content-disposition", "inline;FILENAME = Ü; x=1", "inline;FILENAME*=UTF-8''%C3%9C; x=1"),
        (
            "content-disposition",
            "attachment; filename=\"ü\"; filename*=UTF-8''%C3%BC",
            "attachment; filename=\"%C3%BC\"; filename*=UTF-8''%C3%BC",
        ),
        ("content-disposition", 'attachment; name="ü"; filename="a"', None),
        ("x-model", "größe 1", "gr%C3%B6%C3%9Fe 1"),
    ],
)
def test_a_response_header_goes_to_the_client_in_ascii(
    name: str, value: str, expected: str | None
) -> None:
    """The Functions host answers an empty 500 otherwise."""
    [(_, value_sent), _] = forwarding.response_headers([(name.encode(), value.encode())], "id")
    assert value_sent.decode("ascii") == (expected or value.replace("ü", "%C3%BC"))


def test_a_file_name_in_latin_1_is_one_too() -> None:
    pair = (b"content-disposition", 'attachment; filename="Zürich"'.encode("latin-1"))
    [(_, value_sent), _] = forwarding.response_headers([pair], "id")
    assert value_sent == b"attachment; filename*=UTF-8''Z%C3%BCrich"


@given(st.binary(max_size=40))
def test_any_response_header_becomes_ascii(value: bytes) -> None:
    """One that is ASCII is unchanged."""
    for name in (b"content-disposition", b"x-any"):
        for given_value in (value, b"a; filename=" + value):
            [(_, value_sent), _] = forwarding.response_headers([(name, given_value)], "id")
            assert value_sent.isascii()
            assert value_sent == given_value or not given_value.isascii()


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        (b"/openai/x%25FCy", b"/openai/x%FCy"),
        (b"/openai/%25fc%25E4", b"/openai/%fc%E4"),
        (b"/openai/%25C3%25BC", b"/openai/%25C3%25BC"),
        (b"/openai/%C3%BC%25FC", b"/openai/%C3%BC%FC"),
        (b"/openai/%25C0%25AE", b"/openai/%25C0%25AE"),
        (b"/openai/%2541%25", b"/openai/%2541%25"),
    ],
)
def test_escapes_that_are_not_utf_8_are_as_the_caller_wrote_them(
    arrived: bytes, expected: bytes
) -> None:
    """The Functions host encodes their percent sign, because it cannot decode them. Escapes that it
    could decode were encoded twice by the caller.
    """
    assert upstream_target.upstream_path(arrived) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://contoso.openai.azure.com/openai/operations/1?a=b", "/openai/operations/1?a=b"),
        ("HTTPS://Contoso.OpenAI.azure.com:443/openai/x", "/openai/x"),
        ("https://contoso.openai.azure.com/", None),
        ("https://contoso.openai.azure.com//evil.example/", None),
        ("https://contoso.openai.azure.com:8443/openai/x", None),
        ("https://contoso.openai.azure.com.evil.example/openai/x", None),
        ("https://other.example/openai/x", None),
        ("/openai/x", None),
        ("", None),
    ],
)
def test_an_address_of_the_upstream_becomes_its_path(value: str, expected: str | None) -> None:
    addresses = forwarding.upstream_addresses("contoso.openai.azure.com", None, b"")
    for name in (b"location", b"Operation-Location", b"azure-AsyncOperation", b"content-location"):
        assert forwarding.without_upstream([(name, value.encode())], addresses) == [
            (name, (value if expected is None else expected).encode())
        ]
    unnamed = [(b"x-location", value.encode())]
    assert forwarding.without_upstream(unnamed, addresses) == unnamed


def test_the_path_that_the_base_url_adds_is_not_the_callers() -> None:
    addresses = forwarding.upstream_addresses("::1", 8081, b"/prefix")
    for value, expected in (
        (b"http://[::1]:8081/prefix/openai/x", b"/openai/x"),
        (b"http://[::1]/prefix/openai/x", b"http://[::1]/prefix/openai/x"),
    ):
        assert forwarding.without_upstream([(b"location", value)], addresses) == [
            (b"location", expected)
        ]
