"""How fast the app is: `python -m bench` measures it on the local stack, on one machine, with
everything switched on.
"""
