"""The real Functions host's treatment of paths and queries: (sent by the caller, seen by the app).

Every row was read off host 4.1037; the unit tests hold the embedded host's rules to it, the
integration tests both hosts.
"""

from __future__ import annotations

PATHS = [
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
]

QUERIES = [
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
]
