"""The readers of strangers' bytes, fuzzed: any input gives a result or a documented error.

targets     a function for each reader, with what must hold of any input
http        the target that is the whole way of a request: the server, the front, the relay
corpus      an input a file, by target: seeds in the readers' own shapes, and what once failed
test_corpus the corpus through the targets, in `make test`
__main__    `make fuzz`: atheris makes new inputs, led by what they reach in the code
"""
