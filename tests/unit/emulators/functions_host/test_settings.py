"""Settings of the embedded host: local.settings.json, host.json, %NAME%, connections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulators.functions_host.app_settings import (
    StorageConnection,
    merge,
    read_local_settings,
    resolve,
    resolve_connection,
)
from emulators.functions_host.host_json import HostJson, overlay, parse_host_json
from emulators.functions_host.timespan import format_time_span, parse_time_span_s
from emulators.functions_host.unsupported import StartError, Unsupported


def host_json(document: dict[str, object], **environment: str) -> HostJson:
    return parse_host_json(overlay({"version": "2.0", **document}, environment))


def test_the_environment_wins_over_local_settings(tmp_path: Path) -> None:
    """A setting that the environment has already is not taken from local.settings.json."""
    file = tmp_path / "local.settings.json"
    file.write_text(
        json.dumps(
            {
                "IsEncrypted": False,
                "Values": {"A": "file", "B": "file"},
                "Host": {"LocalHttpPort": 7000},
            }
        )
    )

    local = read_local_settings(file)

    assert merge(local.values, {"A": "environment"}) == {"A": "environment", "B": "file"}
    assert local.port == 7000


def test_a_missing_local_settings_file_is_empty(tmp_path: Path) -> None:
    """Azure has no such file either."""
    assert read_local_settings(tmp_path / "local.settings.json").values == {}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"Values": {"A": 1}}', r"Values\.A"),
        ('{"IsEncrypted": true}', "IsEncrypted"),
        ('{"ConnectionStrings": {"A": "x"}}', "ConnectionStrings"),
        ('{"Host": {"CORS": "*"}}', r"Host\.CORS"),
        ("{", "not valid JSON"),
    ],
)
def test_what_local_settings_must_not_hold_is_named(
    tmp_path: Path, content: str, named: str
) -> None:
    """Each refusal names the key."""
    (tmp_path / "local.settings.json").write_text(content)
    with pytest.raises(StartError, match=named):
        read_local_settings(tmp_path / "local.settings.json")


def test_expressions_ignore_the_case_of_app_settings() -> None:
    """%name% is replaced; a setting that is missing ends the start, by name."""
    assert resolve("x-%queue%-%B%", {"QUEUE": "q", "B": "b"}) == "x-q-b"
    with pytest.raises(StartError, match="QUEUE"):
        resolve("%QUEUE%", {})


def test_a_connection_is_a_connection_string_or_an_identity() -> None:
    """AzureWebJobs<name> goes first, then <name>; then the identity-based settings of either."""
    assert resolve_connection("", {"AzureWebJobsStorage": "s"}) == StorageConnection(
        connection_string="s"
    )
    assert resolve_connection("X", {"AzureWebJobsX": "a", "X": "b"}).connection_string == "a"
    settings = {
        "X__queueServiceUri": "https://q",
        "X__credential": "managedidentity",
        "X__clientId": "id",
    }
    assert resolve_connection("X", settings) == StorageConnection(
        queue_service_uri="https://q", managed_identity=True, client_id="id"
    )
    assert (
        resolve_connection("X", {"X__accountName": "acc"}).queue_service_uri
        == "https://acc.queue.core.windows.net"
    )
    with pytest.raises(StartError, match="app setting X"):
        resolve_connection("X", {})


def test_host_json_has_the_real_hosts_defaults() -> None:
    """routePrefix api and a time limit of 30 minutes, as outside the Consumption plan."""
    parsed = host_json({})

    assert (parsed.route_prefix, parsed.function_timeout_s) == ("api", 1800)


def test_the_environment_overrides_host_json() -> None:
    """AzureFunctionsJobHost__a__b overrides the file, ignoring case."""
    parsed = host_json(
        {"extensions": {"queues": {"visibilityTimeout": "00:00:30", "batchSize": 4}}},
        AzureFunctionsJobHost__extensions__queues__visibilityTimeout="00:00:02",
        AZUREFUNCTIONSJOBHOST__EXTENSIONS__HTTP__ROUTEPREFIX="",
    )

    assert (parsed.queues.visibility_timeout_s, parsed.queues.batch_size, parsed.route_prefix) == (
        2,
        4,
        "",
    )


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"version": "1.0"}, "version"),
        ({"retry": {}}, "retry"),
        ({"customHandler": {}}, "customhandler"),
        ({"concurrency": {"dynamicConcurrencyEnabled": True}}, "dynamicConcurrencyEnabled"),
        ({"extensions": {"serviceBus": {}}}, "servicebus"),
        ({"extensions": {"http": {"maxConcurrentRequests": 5}}}, "maxconcurrentrequests"),
        ({"extensions": {"http": {"customHeaders": {}}}}, "customheaders"),
        ({"extensions": 5}, "extensions"),
        ({"functionTimeout": "soon"}, "functionTimeout"),
        ({"logging": {"logLevel": {"default": "Chatty"}}}, "Chatty"),
    ],
)
def test_what_host_json_must_not_hold_is_named(document: dict[str, object], named: str) -> None:
    """The error names unsupported and malformed members."""
    with pytest.raises(StartError, match=named):
        host_json(document)


def test_sections_without_effect_on_one_machine_pass() -> None:
    """Telemetry, scaling and the extension bundle do not hinder a start."""
    host_json(
        {
            "extensionBundle": {},
            "telemetryMode": "OpenTelemetry",
            "logging": {"applicationInsights": {}},
            "watchFiles": [],
        }
    )


def test_an_unlimited_function_timeout_is_minus_one() -> None:
    """-1 means no limit, as in the real host."""
    assert host_json({"functionTimeout": "-1"}).function_timeout_s is None
    assert host_json({"functionTimeout": "00:25:00"}).function_timeout_s == 1500


def test_an_unsupported_feature_points_at_func_start() -> None:
    """The message of an unsupported feature points at func start."""
    assert "func start" in str(Unsupported("The binding eventHub"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:30", 30),
        ("1.02:03:04", 93_784),
        ("00:00:00.5", 0.5),
        ("2", 172_800),
        ("-1", -86_400),
        ("05:00", 18_000),
    ],
)
def test_time_spans_read_as_in_net(text: str, seconds: float) -> None:
    """A bare number is days."""
    assert parse_time_span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "30s", "24:00:00", "00:60:00", "1:2:3:4:5"])
def test_a_malformed_time_span_is_an_error(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="duration"):
        parse_time_span_s(text)


def test_durations_print_as_time_spans() -> None:
    """Days go in front."""
    assert format_time_span(93_784) == "1.02:03:04"
    assert format_time_span(30) == "00:00:30"
