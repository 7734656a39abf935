"""The app's settings: nothing else reads the environment.

A mapping of strings enters; `Settings`, validated as a whole, or one SettingsError leaves. It
imports core.content, core.cost and errors.

    loader          reads the settings from the environment; connections reads those of what the app
                    connects to
    environ_reader  reads them one by one and collects their problems
    misspelt        names that look like a setting and are none
    validators      a predicate for each form of a value
    settings        the types, by what they belong to
    timeouts        every wait on a dependency, as figures that are not settings
"""
