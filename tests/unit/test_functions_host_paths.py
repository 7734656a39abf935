"""What the embedded host makes of a path and a query; every expected value was read off the real host."""

import pytest

from local.functions_host.path_encoding import BadPathError, decode_path, encode_path, normalise_query


@pytest.mark.parametrize(
    ("sent", "seen_by_app"),
    [
        ("/openai/a%2Fb/c%20d", "/openai/a%252Fb/c%20d"),
        ("/openai/a%252Fb", "/openai/a%252Fb"),
        ("/p%2fq", "/p%252fq"),
        ("/%41%2B%7E%C3%A9%3A%40%5B%3B%3D%2C%21%25", "/A+~%C3%A9:@%5B;=,!%25"),
        ("/a:b@c!$&()*+,;=~-._", "/a:b@c!$&()*+,;=~-._"),
        ("/p%7C%5E%60%7B%7D%5C%22%27%3C%3E%20", "/p%7C%5E%60%7B%7D%5C%22'%3C%3E%20"),
        ("/p%23%3F", "/p%23%3F"),
        ("/a/./b/../c", "/a/c"),
        ("/%2e%2e/a/%2E/b", "/a/b"),
        ("/a/%2e%2e%2fb", "/a/..%252fb"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/..", "/"),
        ("/a//b/", "/a//b/"),
        ("/a%25b", "/a%25b"),
        ("/a%25%32%46b", "/a%252Fb"),
        ("/caf%E9", "/caf%25E9"),
        ("/p%c3%28", "/p%25c3("),
        ("/p%f0%9f%98%80", "/p%F0%9F%98%80"),
        ("/p%ed%a0%80", "/p%25ed%25a0%2580"),
        ("/p%c0%af", "/p%25c0%25af"),
        ("/p%", "/p%25"),
        ("/p%4", "/p%254"),
        ("/x%7f", "/x%7F"),
    ],
)
def test_a_path_is_decoded_once_and_encoded_again(sent: str, seen_by_app: str) -> None:
    """The app's raw path is the caller's, decoded once (but for %2F) and encoded again."""
    assert encode_path(decode_path(sent.encode())).decode() == seen_by_app


@pytest.mark.parametrize("sent", [b"/p%00q", b"/caf\xe9"])
def test_a_path_that_kestrel_rejects_is_rejected(sent: bytes) -> None:
    """An encoded NUL or a raw non-ASCII byte is a bad path."""
    with pytest.raises(BadPathError):
        decode_path(sent)


@pytest.mark.parametrize(
    ("sent", "seen_by_app"),
    [
        ("", ""),
        ("x=%2B%7E%41", "x=%2B~A"),
        ("%c3%a9=%2b", "%C3%A9=%2b"),
        ("%e9x=%41", "%e9x=A"),
        ("%e4%b8%ad", "%E4%B8%AD"),
        ("a=1&&b=%zz&c=%C3%A9&d=a+b%20c&e=%22<>", "a=1&&b=%25zz&c=%C3%A9&d=a+b%20c&e=%22%3C%3E"),
        ("a=[]|^`{}\\", "a=[]%7C%5E%60%7B%7D%5C"),
        ("a=%5B%5D%7C%5E%60%7B%7D%5C%22%27", "a=%5B%5D%7C%5E%60%7B%7D%5C%22%27"),
        ("'*()!~", "'*()!~"),
        ("a=%", "a=%25"),
        ("a=%2", "a=%252"),
        ("a=%00", "a=%00"),
        ("x=1?y=2", "x=1?y=2"),
    ],
)
def test_a_query_is_canonicalised_as_by_system_uri(sent: str, seen_by_app: str) -> None:
    """Escapes of unreserved characters are resolved, what is reserved stays as it came."""
    assert normalise_query(sent.encode()).decode() == seen_by_app
