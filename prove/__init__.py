"""The proof that nothing is lost: faults on the real stack, each followed by a comparison of what
was asked for with what is on the Event Hub. `python -m prove --help`.
"""
