"""Fakes, tables and tools that several folders of tests use.

    manual_clock            a clock that stands still until a test moves it
    recording_environment   an environment that records the names read from it
    orchestrations          runs an orchestrator without a host, and replays what it recorded
    functions_host_paths    the real Functions host's treatment of paths and queries
    waits                   every wait on a dependency
    function_levels         the functions that HTTP calls, and their levels
    package                 what azd puts into the app's package

What tests share with the proofs is in `harness`.
"""
