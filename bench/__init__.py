"""The benchmark: `python -m bench` measures the app on the local stack, on one machine, with all
features on.

    __main__         the command line
    accepted_events  the events that the Event Hub of a stack has accepted
    bare_relay       the smallest app that relays a stream on the Functions host, for comparison
    environment      the machine and the versions that the figures are of
    errors           errors of the benchmark
    figures          computes the reported figures from the measurements, and whether the limits
                     hold
    http_response    reads an HTTP/1.1 response with no work per chunk beyond storing it
    job              the load generator's job and result, JSON on its stdin and stdout
    lag              `python -m bench.lag`: how late events arrive, by load
    lag_figures      the lag of events under open-loop loads, and its table in Markdown
    large_prompt     `python -m bench.large_prompt`: large prompts beside streams
    load             the load generator, a process of its own
    load_process     runs the load generator in a process of its own
    measure          measures one Functions host
    piece_cost       `python -m bench.piece_cost`: CPU of the relay for each piece of a stream, in
                     microseconds
    plan             the loads of a round of the benchmark
    processes        finds the measured processes, and reads their CPU time and memory
    report           the results as a table for people, and as JSON for programs
    scaling          `python -m bench.scaling`: whether parsers and detectors take time in
                     proportion to their input
    statistics       the arithmetic of the benchmark
"""
