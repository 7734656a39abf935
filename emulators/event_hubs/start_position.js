/** A consumer's start position, as the SDK writes it into the filter of its link. */

import { InvalidStartPosition } from "./errors.js";

/**
 * After (or at, if inclusive) a value of a field; enqueued times in ms since 1970 UTC.
 * @typedef {{ field: "offset" | "sequence-number" | "enqueued-time", value: number,
 *   inclusive: boolean }} StartPosition
 */

/** Starts after the newest event at the time when the consumer attaches. */
export const LATEST = "latest";

/** @type {StartPosition} */
export const EARLIEST = { field: "offset", value: -1, inclusive: false };

const SELECTOR = /^amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time) (>=?) '([^']*)'$/;

/**
 * Parse the output of azure.eventhub's event_position_selector.
 * @param {string} selector
 * @returns {StartPosition | typeof LATEST}
 * @throws {InvalidStartPosition}
 */
export function parseSelector(selector) {
  const match = SELECTOR.exec(selector);
  if (match === null) {
    throw new InvalidStartPosition(
      `the filter '${selector}' names no offset, sequence number or enqueued time`,
    );
  }
  const [, field, operator, value] = match;
  if (value === "@latest") return LATEST;
  if (!/^-?\d+$/.test(value)) {
    throw new InvalidStartPosition(
      `the filter '${selector}' must compare with a number, '-1' or '@latest'`,
    );
  }
  return {
    field: /** @type {StartPosition["field"]} */ (field),
    value: Number(value),
    inclusive: operator === ">=",
  };
}
