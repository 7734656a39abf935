"""Changes to host.json for a test."""

from __future__ import annotations

from local.stack.app_folder import merge


def test_objects_are_merged_key_by_key_and_the_rest_is_replaced() -> None:
    base = {
        "version": "2.0",
        "extensions": {"queues": {"batchSize": 16, "maxDequeueCount": 5}},
        "list": [1, 2],
    }
    changes = {"extensions": {"queues": {"batchSize": 1}}, "list": [3]}
    assert merge(base, changes) == {
        "version": "2.0",
        "extensions": {"queues": {"batchSize": 1, "maxDequeueCount": 5}},
        "list": [3],
    }


def test_the_base_stays_as_it_was() -> None:
    base = {"a": {"b": 1}}
    merge(base, {"a": {"b": 2}})
    assert base == {"a": {"b": 1}}
