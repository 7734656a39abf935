"""The functions of the app, thin: each parses its trigger, calls a use case, and answers.

A blueprint's name leads to the package of shared/ that it calls: `relay`, `enrichment`,
`following`, `health`, and `completeness` with its `reconcile`, `replay`, `erase` and
`dead_letters`. `access` is what the HTTP functions ask first; shared/access decides.

May import: shared. Only function_app.py imports a blueprint.
"""
