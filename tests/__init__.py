"""The tests, by what they run.

    unit            one module or a few, without processes or ports
    repository      what docs say of the code, words and names, commits, dependencies, installation
    golden          whole exchanges in, whole events out, as files
    integration     parts of the app against real parts, in a folder for each part of the app
    e2e             the whole app on a Functions host, with everything that it needs on this machine
    page            the page in Chromium
    infra           templates, policies, hooks and workflows, without Azure
    fuzz            readers of what others send, fed with mutations
    npm             the packages of Node.js that some tests need, and the tools for JavaScript
    support         what several of these folders use

    branch_coverage the floor of branch coverage, after a run with coverage

What tests share with the proofs is in `harness`.
"""
