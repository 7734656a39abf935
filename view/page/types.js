/**
 * The shapes of `/api`. Times without a unit are ISO 8601; `_ms` is milliseconds; null means
 * unknown.
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} time of the exchange's end
 * @property {string} outcome
 * @property {number|null} status
 * @property {string|null} deployment
 * @property {string|null} model
 * @property {string|null} operation
 * @property {string|null} type
 * @property {string|null} caller
 * @property {string|null} prompt the first words of its last message
 * @property {string|null} session
 * @property {number|null} tokens_in
 * @property {number|null} tokens_out
 * @property {number|null} tokens_cached
 * @property {string|null} usage_source
 * @property {number|null} cost
 * @property {string|null} currency of `cost`
 * @property {number|null} ttft_ms of streams
 * @property {number|null} duration_ms
 * @property {string|null} region
 * @property {string|null} error its code
 * @property {boolean} truncated
 * @property {boolean} replayed
 *
 * @typedef {object} Part
 * @property {"text"|"refusal"|"reasoning"|"tool_call"|"tool_result"|"image"|"file"|"audio"|"other"}
 *   kind
 * @property {string} [text]
 * @property {string} [name]
 * @property {string} [id]
 * @property {string} [media_type]
 * @property {number} [size] bytes
 *
 * @typedef {object} Message
 * @property {string} role
 * @property {Part[]} parts
 * @property {"prompt"|"answer"} source
 *
 * @typedef {object} Mark
 * @property {string} name
 * @property {number} at_ms from the request's first byte
 * @property {number} exact_ms how exactly that is known
 *
 * @typedef {object} Timeline
 * @property {string} start
 * @property {Mark[]} marks
 * @property {[number, number][]|null} chunks when the first pieces of the answer came, and the
 *   bytes so far
 * @property {number|null} [chunk_count] of all pieces
 *
 * @typedef {object} UsageFigure
 * @property {string} name
 * @property {number|string|null} value
 * @property {string} source
 *
 * @typedef {{session: string|null, caller: string|null}} Neighbour ids, of the same session or
 *   caller
 *
 * @typedef {object} Exchange
 * @property {Row} row
 * @property {Record<string, unknown>} event
 * @property {Message[]} conversation
 * @property {Timeline} timeline
 * @property {string|null} trace_url of its trace in the operator's viewer
 * @property {UsageFigure[]} usage
 * @property {Neighbour} previous
 * @property {Neighbour} next
 * @property {string} curl
 *
 * @typedef {{at_ms: number|null, size: number, text: string}} Frame of a stream of server-sent
 *   events
 *
 * @typedef {object} CapturedRequest
 * @property {Record<string, string>} headers
 * @property {string} body
 * @property {"text"|"hex"|null} encoding of `body`
 * @property {number} size bytes
 * @property {boolean} truncated
 *
 * @typedef {object} CapturedResponse
 * @property {number|null} status
 * @property {Record<string, string>} headers
 * @property {string} body
 * @property {"text"|"hex"|null} encoding
 * @property {number} size
 * @property {boolean} truncated
 * @property {Frame[]|null} frames
 *
 * @typedef {{request: CapturedRequest|null, response: CapturedResponse|null}} Capture
 *
 * @typedef {object} Hour of the reports of reconcile
 * @property {string} window `2026/11/27/10`, UTC
 * @property {number} captured
 * @property {number} delivered
 * @property {number} dead_lettered
 * @property {boolean} complete
 *
 * @typedef {object} Completeness
 * @property {number|null} captured in `hours`
 * @property {number|null} delivered of those
 * @property {number|null} waiting now
 * @property {number|null} dead_letters all that there are, or 1000
 * @property {number|null} [lost]
 * @property {Hour[]} [hours] oldest first
 *
 * @typedef {object} Status
 * @property {{state: "connecting"|"receiving"|"failed", error: string|null, received: number,
 *   last_at: string|null}} hub
 * @property {number} stored
 * @property {Completeness|null} [completeness]
 *
 * @typedef {{name: string, aliases: string[], kind: "text"|"number"|"duration"|"time"|"flag",
 *   meaning: string}} Key
 *
 * @typedef {object} About
 * @property {"local"|"deployment"} mode
 * @property {string|null} proxy
 * @property {{playground: boolean, captures: boolean, ops: boolean}} [can]
 * @property {{name: string, title: string}[]} [faults]
 * @property {string[]} [deployments]
 * @property {Key[]} [keys] of the filter line
 * @property {string} [version]
 * @property {string} [hub]
 * @property {string[]} [outcomes]
 */

export {};
