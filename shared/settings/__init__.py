"""The app's settings: nothing else reads the environment.

A mapping of strings enters; `Settings`, validated as a whole, or one SettingsError leaves. It
imports errors alone.
"""
