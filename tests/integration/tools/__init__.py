"""Tools of engineers: the page's server on its real sources, the export from an Azurite, the
stack's supervisor on real processes, and the watch over the logs of a test run.
"""
