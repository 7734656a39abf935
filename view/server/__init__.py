"""The page's address: its files, its API and live updates.

* `guard`: who may ask, and the headers of every response.
* `services`: what the routes work with.
* `query`: the query strings and bodies of the API.
* `page_files`: the page's own files.
* `exchanges`: tables, single exchanges and their captures.
* `charts`: the charts' figures.
* `live`: new rows as they arrive.
* `closing_response`: a streamed response that is certain to close its source.
* `app_client`: calls of the app, with keys that the page never has.
* `playground`, `faults`: a prompt of the page's, and what may go wrong with it.
* `actions`, `delivery`: what operators do and see.
* `app`: all routes.
"""
