"""Tests of what is around the code: docs, words and names, commits, dependencies, installation.

`test_docs_*` compare the pages of the docs with the code. `test_install` starts the installer,
`test_make_lines` make, and `test_commit_messages` and `test_proved_commit` git. The others hold
rules of all files, packages or dependencies.
"""
