/**
 * The charts above the table. A click on one filters the table, or opens the exchange that was hit.
 */
import uPlot from "uplot";
import { filter, filterBy } from "../address.js";
import { quoted, toggled } from "../filter/terms.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { CompletenessFigures } from "./completeness.js";
import { charts, minutes, SPANS } from "./data.js";
import { FirstToken } from "./first_token.js";
import { narrow } from "./narrow.js";
import { Plot } from "./plot.js";
import { aligned, seriesAt, stacked, timeTerms } from "./series.js";

const PALETTE = [
  "--series-1",
  "--series-2",
  "--series-3",
  "--series-4",
  "--series-5",
  "--series-6",
];

/** A colour as a surface has it: quieter than a line or a word.
 * @param {string} name of a custom property */
const softened = (name) => `color-mix(in oklab, var(${name}) 68%, var(--bg))`;

/**
 * @param {{names: string[], colours: string[], totals: number[], keyName: string, wordsOf: (name:
 *   string) => string}} props
 */
function Legend({ names, colours, totals, keyName, wordsOf }) {
  return html`<ul class="legend">
    ${names.map(
      (name, index) => html`<li key=${name}>
        <button
          type="button"
          title=${`Filter by ${keyName}:${name}`}
          onClick=${() => filterBy(toggled(filter.peek(), `${keyName}:${quoted(name)}`))}
        >
          <span class="swatch" style=${{ background: softened(colours[index]) }}></span>
          ${wordsOf(name)} <span class="dim">${compact(totals[index])}</span>
        </button>
      </li>`,
    )}
  </ul>`;
}

/**
 * Bars of a value for each stretch of time, one series on top of the other. `wordsOf` a series is
 * what the reader sees; its name if that was chosen by somebody, as that of a deployment.
 * @param {{title: string, keyName: string, series: Record<string, [number, number][]>, colourOf:
 *   (name: string, index: number) => string, wordsOf?: (name: string) => string, bucketS: number,
 *   span: [number, number]}} props
 */
function StackedBars({ title, keyName, series, colourOf, wordsOf = String, bucketS, span }) {
  const { names, times, columns } = aligned(series);
  const stack = stacked(columns);
  const colours = names.map(colourOf);
  const totals = columns.map((column) => column.reduce((sum, value) => sum + value, 0));
  const options = (/** @type {(name: string) => string} */ token) => ({
    // The sums are drawn from the highest down, so that each series covers what lies below it.
    series: [
      {},
      ...colours.toReversed().map((colour) => ({
        stroke: token(softened(colour)),
        fill: token(softened(colour)),
        width: 0,
        points: { show: false },
        paths: /** @type {any} */ (uPlot.paths.bars)({ size: [0.82, 18, 1], align: 1 }),
      })),
    ],
    scales: {
      y: {
        range: (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ max) =>
          /** @type {[number, number]} */ ([0, Math.max(1, (max ?? 0) * 1.08)]),
      },
    },
  });
  /** @type {(chart: uPlot, index: number|null|undefined, x: number, y: number) => void} */
  const onClick = (chart, index, x, y) => {
    const at = chart.posToVal(x, "x");
    const bucket = times.findIndex((from) => at >= from && at < from + bucketS);
    if (bucket < 0) return;
    const hit = seriesAt(stack, bucket, chart.posToVal(y, "y"));
    const time = timeTerms(times[bucket], times[bucket] + bucketS);
    narrow(hit < 0 ? time : [`${keyName}:${quoted(names[hit])}`, ...time]);
  };
  const figures = names.map((name, index) => `${wordsOf(name)} ${format.count(totals[index])}`);
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <${Plot}
      shape=${names.join()}
      options=${options}
      data=${[times, ...stack.toReversed()]}
      span=${span}
      label=${compact}
      onClick=${onClick}
      description=${`${title}: ${figures.join(", ")}`}
    />
    <${Legend}
      names=${names}
      colours=${colours}
      totals=${totals}
      keyName=${keyName}
      wordsOf=${wordsOf}
    />
  </figure>`;
}

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const compact = (/** @type {number} */ value) => short.format(value);

/** @param {{points: [number, number][], span: [number, number], bucketS: number}} props */
function OpenStreams({ points, span, bucketS }) {
  const options = (/** @type {(name: string) => string} */ token) => ({
    series: [
      {},
      {
        stroke: token("var(--series-2)"),
        fill: token("var(--band-2)"),
        width: 1.5,
        points: { show: false },
        paths: /** @type {any} */ (uPlot.paths.stepped)({ align: 1 }),
      },
    ],
    scales: {
      y: {
        range: (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ max) =>
          /** @type {[number, number]} */ ([0, Math.max(2, (max ?? 0) * 1.15)]),
      },
    },
  });
  const most = points.reduce((max, [, value]) => Math.max(max, value), 0);
  const now = points.at(-1)?.[1] ?? 0;
  return html`<figure class="chart chart-small">
    <figcaption>Open streams</figcaption>
    <${Plot}
      shape="open"
      options=${options}
      data=${[points.map(([at]) => at), points.map(([, value]) => value)]}
      span=${span}
      label=${compact}
      onClick=${(/** @type {uPlot} */ chart, /** @type {unknown} */ _, /** @type {number} */ x) => {
        const from = Math.floor(chart.posToVal(x, "x") / bucketS) * bucketS;
        narrow(["type:stream_completion", ...timeTerms(from, from + bucketS)]);
      }}
      description=${`Open streams: now ${now}, at most ${most}`}
    />
    <ul class="legend">
      <li class="dim">now ${format.count(now)}</li>
      <li class="dim">most ${format.count(most)}</li>
    </ul>
  </figure>`;
}

/** The default export, so that the charts and uPlot load after the table. */
export default function Charts() {
  const data = charts.value;
  if (!data) return html`<section class="charts" aria-label="Charts" aria-busy="true"></section>`;
  const { span, bucketS } = data;
  return html`<section class="charts" aria-label="Charts">
    <div class="spans" role="group" aria-label="Time span of the charts">
      ${SPANS.map(
        ({ minutes: value, name }) =>
          html`<button
            key=${value}
            type="button"
            aria-pressed=${minutes.value === value}
            onClick=${() => {
              minutes.value = value;
            }}
          >${name}</button>`,
      )}
    </div>
    <${FirstToken} data=${data.ttft} span=${span} bucketS=${bucketS} />
    <${StackedBars}
      title=${bucketS === 60 ? "Tokens a minute" : "Tokens"}
      keyName="deployment"
      series=${data.tokens}
      colourOf=${(/** @type {string} */ _, /** @type {number} */ index) =>
        PALETTE[index % PALETTE.length]}
      bucketS=${bucketS}
      span=${span}
    />
    <${StackedBars}
      title="Outcomes"
      keyName="outcome"
      series=${data.outcomes}
      colourOf=${(/** @type {string} */ name) => `--outcome-${name.replaceAll("_", "-")}`}
      wordsOf=${format.words}
      bucketS=${bucketS}
      span=${span}
    />
    ${
      data.openStreams &&
      html`<${OpenStreams} points=${data.openStreams} span=${span} bucketS=${bucketS} />`
    }
    <${CompletenessFigures} />
  </section>`;
}
