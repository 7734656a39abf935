/** The status of a run, as Durable Functions report it. Pure. */
import * as format from "../format.js";

/** @typedef {{runtimeStatus?: string|null, customStatus?: any, output?: any}} RunStatus */

/** Counts that say how far a run is, and not what it did. */
const OF_WINDOWS = /^windows_(done|total)$/;
/** A suspended run goes on when it is resumed: local/operate/progress.py has the same states. */
const LIVE = new Set(["pending", "running", "suspended", "beginning"]);

/** @param {RunStatus} status */
export function stateOf({ runtimeStatus }) {
  const state = (runtimeStatus ?? "beginning").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return state === "continued as new" ? "running" : state;
}

/** @param {RunStatus} status */
export function isOver(status) {
  return !LIVE.has(stateOf(status));
}

/** How many of all hours are done, 0 to 1; null if that is not known.
 * @param {RunStatus} status
 * @returns {number|null} */
export function share({ customStatus: now }) {
  return now?.windows_total ? now.windows_done / now.windows_total : null;
}

/** The run's counts, in words, and why it waits.
 * @param {RunStatus} status
 * @returns {string[]} */
export function counts({ customStatus: now }) {
  if (!now) return [];
  const facts = Object.entries(now)
    .filter(([key, value]) => typeof value === "number" && value > 0 && !OF_WINDOWS.test(key))
    .map(([key, value]) => `${format.count(value)} ${format.words(key)}`);
  const hours = now.windows_total
    ? [`${format.count(now.windows_done)} of ${format.count(now.windows_total)} hours`]
    : [];
  return [...hours, ...facts, ...(now.waiting ? [`waits: ${now.waiting}`] : [])];
}
