"""Tools of engineers: the page's server on its real sources, the export from an Azurite, the
stack's supervisor and ports, the page's modules in Node.js, and the watch over the logs of a test
run.
"""
