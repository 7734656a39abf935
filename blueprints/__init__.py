"""The functions of the app, thin: each parses its trigger, calls a use case, and answers.

In: what the Functions host calls a function with, which is an HTTP request, a queue message, the
tick of a timer, or the context of an orchestration. Out: an HTTP response, or an exception, after
which the host tries again.

A blueprint's name leads to the package of shared/ that it calls: `relay`, `enrichment`,
`following`, `health`, and `completeness` with its `reconcile`, `replay`, `erase`, `expiry` and
`dead_letters`. The HTTP functions check their callers by `access`, for which shared/access decides.
`operator_http` reads the requests of operators who start a run, and answers them.

May import: shared, but no adapter. A blueprint imports no other one, but `access` and
`operator_http`. Only function_app.py imports the blueprints.
"""
