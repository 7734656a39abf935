/** Numbers, times and sizes as text. Pure; an unknown value is an en dash. */

const NONE = "–";
const integers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** @param {number|null|undefined} value */
export function count(value) {
  return value == null ? NONE : integers.format(value);
}

/** A duration in the unit that reads best: `840 ms`, `2.31 s`, `1 m 05 s`.
 * @param {number|null|undefined} ms */
export function duration(ms) {
  if (ms == null) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
}

/** @param {number|null|undefined} bytes */
export function size(bytes) {
  if (bytes == null) return NONE;
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Small amounts keep two significant digits: `0.0012`.
 * @param {number|null|undefined} amount */
export function cost(amount) {
  if (amount == null) return NONE;
  if (amount === 0) return "0";
  return amount < 0.01 ? amount.toPrecision(2) : amount.toFixed(2);
}

/** Local time of day with milliseconds; the date before it if it is not today.
 * @param {string} iso
 * @param {Date} [now] */
export function time(iso, now = new Date()) {
  const at = new Date(iso);
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
  if (at.toDateString() === now.toDateString()) return clock;
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock}`;
}

/** `upstream_error` as `upstream error`.
 * @param {string} name */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** @param {number} value
 * @param {number} [length] */
function pad(value, length = 2) {
  return String(value).padStart(length, "0");
}
