"""Tests of what is around the code: docs, words and names, commits, dependencies, installation.

`test_docs_*` compare the pages of the docs with the code. `test_install` starts the installer. The
others hold rules of all files, packages or dependencies.
"""
