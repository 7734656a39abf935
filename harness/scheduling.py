"""Which tests run on one worker, one after the other, and in which order the workers take them up.

pytest-xdist's `--dist loadgroup` does nothing with pytest 9.2: it sets a node id that pytest no
longer reads. So a scheduler of `--dist loadscope` reads the groups off the node ids.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from xdist.scheduler import LoadScopeScheduling

FUNC_STACK: Final = "func stack"  # the real host with the usual settings
DEPLOYMENTS: Final = "deployments"  # the group of the tests of all evaluated templates

# End-to-end tests of a host that share a stack, by file; the other files share the first one.
_STACKS: Final = {
    "test_account_pool": "pooled",
    "test_entra": "guarded",
    "test_errors": "strained",
    "test_following": "strained",
    "test_health": "strained",
    "test_interventions": "strained",
    "test_killed_worker": "strained",
    "test_outages": "strained",
    "test_recording": "strained",
}
# Each of their tests starts what it needs and may run anywhere.
_APART: Final = frozenset(
    {
        "test_bad_settings",
        "test_nothing_lost",
        "test_refused_events",
        "test_stack",
        "test_telemetry",
    }
)
# Files of tests/infra that do without the compiled templates; all others share one evaluation of
# them. tests/infra/conftest.py holds that none of these uses it.
_WITHOUT_TEMPLATES: Final = frozenset(
    {
        "test_analysts_functions",
        "test_bicep_versions",
        "test_cost_queries",
        "test_package",
        "test_policies",
        "test_postdeploy_hook",
        "test_postprovision_hook",
        "test_queries",
        "test_registration_hook",
        "test_rotation",
        "test_throughput_hook",
        "test_workflows",
    }
)
_HOST: Final = re.compile(r"[\[-](embedded|func)(?=[-\]])")  # among a test's parameters
# The groups that take longest come first, so that the workers end at about the same time.
_FIRST: Final = (
    "func strained",
    "embedded stack",
    "embedded strained",
    "page",
    FUNC_STACK,
    "tests/integration/relay/test_silences.py",
    DEPLOYMENTS,
    "tests/integration/dependencies/test_timeouts.py",
    "tests/integration/enrichment/test_event_hub.py",
    "tests/integration/tools/test_view.py",
    "func guarded",
    "embedded guarded",
    "func tests/integration/functions_host/test_functions_host.py",
    "func tests/integration/functions_host/test_durable.py",
    "tests/integration/functions_host/test_functions_host_embedded.py",
    "tests/integration/relay/test_broken_streams.py",
    "tests/integration/completeness/test_erasure.py",
)
_FOLDERS: Final = (
    "prove/tests",
    "tests/e2e",
    "tests/infra",
    "tests/page",
    "tests/integration",
    "tests/golden",
    "tests/repository",
    "tests/unit",
)


def group(node_id: str) -> str:
    """The group of a test; the tests of one group run on one worker."""
    file = PurePosixPath(node_id.partition("::")[0])
    folder, name = str(file.parent), file.stem
    if name in _APART:
        return node_id
    if folder == "tests/page":
        return "page"  # one browser and one server
    if folder == "tests/infra" and name not in _WITHOUT_TEMPLATES:
        return DEPLOYMENTS
    host = _HOST.search(node_id)
    if folder == "tests/e2e" and host:
        return f"{host[1]} {_STACKS.get(name, 'stack')}"
    return f"{host[1]} {file}" if host else str(file)


def starts_a_real_host(node_id: str) -> bool:
    """Whether the test needs a real host besides the one with the usual settings."""
    host = _HOST.search(node_id)
    return host is not None and host[1] == "func" and group(node_id) != FUNC_STACK


def rank(node_id: str) -> tuple[int, int]:
    """Sorts tests into the order in which the workers take up their groups."""
    group_name = group(node_id)
    folder = "/".join(PurePosixPath(node_id).parts[:2])
    return (
        _FIRST.index(group_name) if group_name in _FIRST else len(_FIRST),
        _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS),
    )


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Sends the tests of a group to one worker (`--dist loadscope --no-loadscope-reorder`)."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
