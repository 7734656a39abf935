"""`make cost`: what exchanges cost, and what fnsse itself costs.

    __main__        the command line
    exchange_cost   the cost of exchanges, from their events
    own_cost        the monthly cost of fnsse itself

Prices come from the CSV files in rates/.
"""
