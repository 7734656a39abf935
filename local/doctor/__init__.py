"""`make doctor`: what is wrong with a machine or a deployment, and what to do about it.

* `check`: one finding, and how it is printed.
* `machine`: the tools, the folder and the ports that `make run` needs.
* `settings`: local.settings.json and the environment, as `make run` would read them.
* `app`: a serving app: its health, its status, and a test exchange followed to its event.
* `__main__`: the command line.
"""
