"""The benchmark: `python -m bench` measures the app on the local stack, on one machine, with all
features on.
"""
