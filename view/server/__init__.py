"""The page's address: its files, its API and live updates.

* `guard`: who may ask, and the headers of every answer.
* `services`: what the routes work with.
* `query`: the query strings of the API.
* `exchanges`: tables and single exchanges.
* `live`: new rows as they arrive.
* `app`: all routes.
"""
