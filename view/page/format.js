/** Numbers, times and sizes as text. Pure; an unknown value is an en dash. */

const NONE = "–";
/** Spaces of a digit's width, and of a point's. */
const [FIGURE_SPACE, POINT_SPACE] = ["\u2007", "\u2008"];
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

/** Smaller amounts are shown as less than one of the last digit. */
const COST_DIGITS = 6;

/** Two digits that count, and cents at least: `$1.24`, `$0.012`, `$0.00042`.
 * @param {number|null|undefined} amount
 * @param {string|null} [currency] ISO 4217 */
export function cost(amount, currency = null) {
  if (amount == null) return NONE;
  if (amount === 0) return `${symbol(currency)}0`;
  const least = 10 ** -COST_DIGITS;
  const text = amount < least ? least.toFixed(COST_DIGITS) : amount.toFixed(costDigits(amount));
  return `${amount < least ? "<" : ""}${symbol(currency)}${text}`;
}

/** After the point. 0.0996 is rounded first: it is shown as 0.10.
 * @param {number} amount */
function costDigits(amount) {
  const toSecond = 1 - Math.floor(Math.log10(Number(amount.toPrecision(2))));
  return Math.min(COST_DIGITS, Math.max(2, toSecond));
}

/** `cost` with spaces of a digit's width at its end: in a column the points are aligned.
 * @param {number|null|undefined} amount
 * @param {string|null} [currency] */
export function alignedCost(amount, currency = null) {
  const text = cost(amount, currency);
  const point = text.indexOf(".");
  const missing = point < 0 ? COST_DIGITS : COST_DIGITS - (text.length - point - 1);
  return `${text}${point < 0 ? POINT_SPACE : ""}${FIGURE_SPACE.repeat(missing)}`;
}

/** @type {Map<string, string>} */
const symbols = new Map();

/** `$` of `USD`; a code that the browser does not know stands before its amount.
 * @param {string|null} currency */
function symbol(currency) {
  if (!currency) return "";
  const cached = symbols.get(currency);
  if (cached !== undefined) return cached;
  const narrow = /^[A-Za-z]{3}$/.test(currency)
    ? (new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "narrowSymbol" })
        .formatToParts(0)
        .find(({ type }) => type === "currency")?.value ?? currency)
    : currency;
  const prefix = narrow.length > 1 ? `${narrow} ` : narrow;
  symbols.set(currency, prefix);
  return prefix;
}

/** Local time of day with milliseconds; the date before it if it is not today.
 * @param {string} iso
 * @param {Date} [now] */
export function time(iso, now = new Date()) {
  const at = new Date(iso);
  const clock =
    [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => pad(part)).join(":") +
    `.${pad(at.getMilliseconds(), 3)}`;
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
