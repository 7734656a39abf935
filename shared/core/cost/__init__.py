"""The cost of an exchange: quantities times rates.

An event as JSON, the operator's deployments and cards of rates enter; quantities, and amounts in
exact decimals, leave. An event keeps quantities, never prices, so that a wrong price is corrected
without a replay.

    quantities      the billed parts of an exchange, each token counted in one of them
    billing_inputs  computes the quantities from the values of an event
    deployments     the operator's types, zones and models of deployments
    rates           a card of rates: which one holds for a model, a deployment's type and a time
    cost            the amount, its parts, and how far it can be trusted
    provisioned     the flat cost of provisioned throughput, shared by use

It imports from wire and shared.errors.
"""
