"""Tests of one module or a few, without processes or ports.

The folders are those of the code: `core/wire` here tests `shared/core/wire`, `local` tests `local`,
`emulators` tests `emulators`.
What several packages have to agree on is tested in the modules directly in here.
"""
