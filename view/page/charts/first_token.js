/** The chart of the time to first token: a point for each exchange, and percentiles. */
import { open } from "../address.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { narrow } from "./narrow.js";
import { Plot } from "./plot.js";
import { joined, timeTerms } from "./series.js";

/** A click so near to a point hits it, in CSS pixels. */
const NEAR_PX = 14;
/** So few points are drawn larger, so that the first of a new stack are seen. */
const FEW_POINTS = 60;

const seconds = (/** @type {number} */ ms) => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);

/** Steps of 1, 2 and 5 within the range; few enough to be read.
 * @type {import("uplot").Axis.Splits} */
const logSteps = (_chart, _axis, min, max) => {
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000,
  ];
  const inside = steps.filter((step) => step >= min && step <= max);
  return inside.length > 4
    ? inside.filter((step) => /^10*$/.test(String(step)) || inside.length < 7)
    : inside;
};

/**
 * @param {{data: import("./data.js").Charts["ttft"], span: [number, number], bucketS: number}}
 *   props
 */
export function FirstToken({ data, span, bucketS }) {
  const { ids, columns } = joined(data.points, data.bands);
  const few = data.points.length < FEW_POINTS;
  const options = (/** @type {(name: string) => string} */ token) => ({
    series: [
      {},
      {
        stroke: token("var(--accent)"),
        paths: () => null,
        points: {
          show: true,
          size: few ? 7 : 3,
          width: 0,
          fill: token(few ? "var(--accent)" : "var(--point)"),
        },
      },
      { stroke: token("var(--text)"), width: 1.5, spanGaps: true, points: { show: false } },
      {
        stroke: token("var(--accent)"),
        width: 1,
        dash: [3, 3],
        spanGaps: true,
        points: { show: false },
      },
    ],
    bands: [{ series: /** @type {[number, number]} */ ([3, 2]), fill: token("var(--band)") }],
    scales: {
      y: {
        distr: /** @type {const} */ (3),
        range: (/** @type {unknown} */ _, /** @type {number} */ min, /** @type {number} */ max) =>
          /** @type {[number, number]} */ ([Math.max(1, (min ?? 100) * 0.8), (max ?? 1000) * 1.3]),
      },
    },
  });
  /** @type {(chart: uPlot, index: number|null|undefined, x: number, y: number) => void} */
  const onClick = (chart, _, x, y) => {
    let nearest = NEAR_PX;
    let id = "";
    data.points.forEach(([at, ms, candidate]) => {
      const distance = Math.hypot(chart.valToPos(at, "x") - x, chart.valToPos(ms, "y") - y);
      if (distance < nearest) [nearest, id] = [distance, candidate];
    });
    if (id) return open(id);
    const from = Math.floor(chart.posToVal(x, "x") / bucketS) * bucketS;
    narrow(timeTerms(from, from + bucketS));
  };
  const [, p50, p95] = data.bands.at(-1) ?? [0, null, null];
  const count = ids.filter(Boolean).length;
  const latest = `p50 ${format.duration(p50)}, p95 ${format.duration(p95)}`;
  return html`<figure class="chart">
    <figcaption>Time to first token</figcaption>
    <${Plot}
      shape=${few ? "ttft few" : "ttft"}
      options=${options}
      data=${columns}
      span=${span}
      label=${seconds}
      splits=${logSteps}
      onClick=${onClick}
      description=${`Time to first token of ${count} exchanges, at last ${latest}`}
    />
    <ul class="legend">
      <li class="dim"><span class="line-key" data-line="p50"></span>p50 ${format.duration(p50)}</li>
      <li class="dim"><span class="line-key" data-line="p95"></span>p95 ${format.duration(p95)}</li>
    </ul>
  </figure>`;
}
