"""`make export`: write captured exchanges as an evaluation data set of Microsoft Foundry: JSONL,
a row for each.

It reads the captures of a running `make run`, or those of the storage account that the environment
names. Exit code 0; 1 if storage cannot be read; 2 if an option or the filter cannot be read.

    __main__   the command line
    rows       the rows: reads the captures
    progress   how far it is, and the result in words
"""
