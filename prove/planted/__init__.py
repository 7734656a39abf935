"""Secrets are planted in every part of an exchange, and then looked for wherever something is kept.

* `secrets`: the secrets, and the forms in which they may turn up.
* `upstream`: an upstream whose answers hold secrets, and which fails as the deployment says.
* `calls`: calls of every operation and ending, with secrets in prompts, tools and headers.
* `search`: every place that stores or shows something: blobs, queues, tables, files, logs,
  telemetry, /ops, events.
* `proof`: the calls under kills and outages, and what may be found where in each content mode.
"""
