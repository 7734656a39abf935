"""`make reconcile`, `make replay` and `make erase`: start such a run of the app, and show how far
it is until it has ended.

The app is that of a running `make run`, or a deployment that `--app` names, whose operator's key is
in the environment. Exit code 0; 1 if the run did not do all it should, or could not be followed.

    __main__       the command line
    runs           what each run does with the results
    operated_app   the HTTP client: starts a run and polls it
    progress       how far a run is, in words and as a line of a terminal
"""
