"""The values that orchestrations pass on, which Durable stores as JSON.

Requests of operators, windows and results of steps enter; the next state of a run, the inputs of
its activities and its progress leave. Durable replays them: a member keeps its name.

    durable_value    the base of these values
    reconcile_state  the options, inputs and progress of reconcile
    replay_state     the state, inputs and results of a replay
    erasure_state    the state, inputs and results of an erasure

It may import `shared.core.records.completeness`, `shared.core.records.operator` and
`shared.core.wire`. blueprints/completeness holds the orchestrations.
"""
