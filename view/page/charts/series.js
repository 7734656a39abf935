/** Rows of the charts' data as columns for uPlot. Pure. */

/** Series of `[time, value]` on one time axis; a missing value is 0.
 * @param {Record<string, [number, number][]>} series
 * @returns {{names: string[], times: number[], columns: number[][]}} */
export function aligned(series) {
  const names = Object.keys(series);
  const times = [...new Set(names.flatMap((name) => series[name].map(([at]) => at)))].sort(
    (a, b) => a - b,
  );
  const columns = names.map((name) => {
    const values = new Map(series[name]);
    return times.map((at) => values.get(at) ?? 0);
  });
  return { names, times, columns };
}

/** Each column on top of those before it.
 * @param {number[][]} columns */
export function stacked(columns) {
  const sums = columns[0]?.map(() => 0) ?? [];
  return columns.map((column) =>
    column.map((value, index) => {
      sums[index] += value;
      return sums[index];
    }),
  );
}

/** The series of a stack that is drawn at a height.
 * @param {number[][]} stack
 * @param {number} index
 * @param {number} value */
export function seriesAt(stack, index, value) {
  return stack.findIndex((column) => value <= column[index]);
}

/** Points and bands on one time axis, sorted; null where one has nothing.
 * @param {[number, number, string][]} points
 * @param {[number, number, number][]} bands */
export function joined(points, bands) {
  const all = [
    ...points.map(([at, ms, id]) => ({ at, ms, low: null, high: null, id })),
    ...bands.map(([at, low, high]) => ({ at, ms: null, low, high, id: "" })),
  ].sort((a, b) => a.at - b.at);
  return {
    ids: all.map(({ id }) => id),
    columns: [
      all.map(({ at }) => at),
      all.map(({ ms }) => ms),
      all.map(({ low }) => low),
      all.map(({ high }) => high),
    ],
  };
}

/** The terms of a stretch of time. @param {number} from Unix seconds @param {number} to */
export function timeTerms(from, to) {
  const iso = (/** @type {number} */ seconds) =>
    new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  return [`time>=${iso(Math.floor(from))}`, `time<${iso(Math.ceil(to))}`];
}
