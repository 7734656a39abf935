"""`make policy FILE=content.json`: whether a file is a content policy, before it is uploaded."""

from __future__ import annotations

import argparse
from pathlib import Path

from shared.content import policy_source
from shared.core.content.policy import ContentPolicy
from shared.core.wire.content_mode import ContentMode
from shared.errors import ContentPolicyError


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 if it is one, 1 if it is not."""
    parser = argparse.ArgumentParser(prog="python -m local.content_policy", description=__doc__)
    parser.add_argument("file", type=Path)
    file = parser.parse_args(arguments).file
    try:
        # what a policy without a `default` takes from CONTENT_MODE is not known here
        policy = policy_source.parse(file.read_bytes(), ContentMode.FULL)
    except OSError as error:
        print(f"{file}: {error.strerror}")
    except ContentPolicyError as error:
        print(f"{file} is not a content policy: {error}")
    else:
        print(f"{file} is a content policy")
        print("\n".join(f"  {line}" for line in _lines(policy)))
        return 0
    return 1


def _lines(policy: ContentPolicy) -> list[str]:
    rules = [f"{rule.mode:8}  rule {rule.name}" for rule in policy.rules]
    by_setting = policy.default_rule == "CONTENT_MODE"
    return [
        *rules,
        "CONTENT_MODE counts otherwise" if by_setting else f"{policy.default:8}  otherwise",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
