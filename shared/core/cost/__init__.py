"""What an exchange costs: quantities times rates.

An event keeps quantities, never prices, so that a wrong price is corrected without a replay.

    quantities  what is billed of an exchange, each token counted in one part
    facts       what the quantities are made of, read from an event
    deployments what the operator says of deployments
    rates       a card of rates: which one holds for a model, a deployment's type and a time
    cost        the amount, its parts, and how far it can be trusted
    provisioned the flat cost of provisioned throughput, shared by use

It imports from records, wire and shared.errors.
"""
