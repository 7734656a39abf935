"""Health: the reachability of the app's dependencies, and the state of delivery.

Probes enter (each raises one of `shared.errors`); a state for each leaves, by `readiness`. `status`
reads the state of delivery for operators: queues, dead letters, failures and their reasons. The
package imports core's decisions and records, ports, errors and settings alone.
"""
