/** The timeline as numbers. Pure. */

const TICKS = 6;
/** A gap is named if it is this many times the median gap, and this long. */
const LONG_GAP_RATIO = 4;
const LONG_GAP_MS = 40;
const NAMED_GAPS = 3;

/** Round steps of a time axis: 1, 2 or 5 times a power of ten.
 * @param {number} endMs
 * @returns {number[]} */
export function ticks(endMs) {
  const raw = Math.max(endMs, 1) / TICKS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? raw;
  const list = [];
  for (let at = 0; at <= endMs; at += step) list.push(at);
  return list;
}

/** The gap before each piece but the first.
 * @param {number[]} chunks
 * @returns {{from: number, to: number, ms: number}[]} */
export function gaps(chunks) {
  return chunks.slice(1).map((to, index) => ({ from: chunks[index], to, ms: to - chunks[index] }));
}

/** Gaps as bars that can be seen: neighbours are joined until a bar is so wide, and then it is as
 * high as the longest of them.
 * @param {{from: number, to: number, ms: number}[]} all
 * @param {number} leastMs
 * @returns {{from: number, to: number, ms: number}[]} */
export function bars(all, leastMs) {
  /** @type {{from: number, to: number, ms: number}[]} */
  const joined = [];
  for (const gap of all) {
    const last = joined.at(-1);
    if (last && last.to - last.from < leastMs) {
      last.to = gap.to;
      last.ms = Math.max(last.ms, gap.ms);
    } else joined.push({ ...gap });
  }
  return joined;
}

/** The gaps that stand out, longest first.
 * @param {{from: number, to: number, ms: number}[]} all */
export function longGaps(all) {
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return all
    .filter(({ ms }) => ms >= LONG_GAP_MS && ms >= LONG_GAP_RATIO * median)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, NAMED_GAPS);
}

/** Marks, each with its distance to the one before it; null for the first. A mark whose time is
 * known roughly has none, and no other is measured from it.
 * @param {import("../types.js").Mark[]} marks in the order of their times
 * @returns {{name: string, at_ms: number, isExact: boolean, after_ms: number|null}[]} */
export function steps(marks) {
  /** @type {number|null} */
  let before = null;
  return marks.map(({ name, at_ms, exact_ms }) => {
    const isExact = exact_ms <= 1;
    const after_ms = isExact && before !== null ? at_ms - before : null;
    if (isExact) before = at_ms;
    return { name, at_ms, isExact, after_ms };
  });
}

/** The phases of an exchange, up to its end.
 * @param {{name: string, at_ms: number}[]} marks
 * @param {number} endMs
 * @returns {{name: string, from: number, to: number}[]} */
export function phases(marks, endMs) {
  const at = (/** @type {string} */ name) => marks.find((mark) => mark.name === name)?.at_ms;
  const steps = [
    { name: "waiting for headers", to: at("headers") },
    { name: "waiting for the first token", to: at("first token") ?? at("first chunk") },
    { name: "answer", to: at("last byte") ?? endMs },
  ];
  const list = [];
  let from = 0;
  for (const { name, to } of steps) {
    if (to === undefined || to < from) continue;
    list.push({ name, from, to });
    from = to;
  }
  return list;
}
