"""The app's settings: nothing else reads the environment.

A mapping of strings enters; `Settings`, validated as a whole, or one SettingsError leaves. It
imports core.content, core.cost, core.wire and errors.

    loader          reads the settings from the environment; connections reads those of the app's
                    connections
    environ_reader  reads them one by one and collects their problems
    misspelt        names that look like a setting but are not one
    validators      a predicate for each form of a value
    settings        the types, by their subject
    timeouts        the bounds of waits on dependencies, as figures that are not settings
"""
