/**
 * The timeline of an exchange: its phases, its marks, and each piece of the answer with the gap
 * before it. What came after the last byte (recorded, delivered) stands in the list below the
 * drawing.
 */
import * as format from "../format.js";
import { html } from "../html.js";
import { bars, gaps, longGaps, phases, steps, ticks } from "./timeline_scale.js";

const WIDTH = 1000;
const EDGE = 8;
const PHASES_TOP = 6;
const PHASES_HEIGHT = 14;
const GAPS_TOP = 30;
const GAPS_HEIGHT = 56;
const TICKS_TOP = GAPS_TOP + GAPS_HEIGHT + 4;
const HEIGHT = TICKS_TOP + 12;
/** So many fit beside each other. */
const BARS = 400;

/** @typedef {import("../types.js").Timeline} Timeline */

/** @param {Timeline} timeline
 * @param {number} durationMs */
function endOf(timeline, durationMs) {
  const inside = timeline.marks.filter(({ name }) => name !== "recorded" && name !== "delivered");
  return Math.max(
    durationMs,
    timeline.chunks?.at(-1)?.[0] ?? 0,
    ...inside.map(({ at_ms }) => at_ms),
    1,
  );
}

/** @param {{chunks: number[], x: (ms: number) => number, endMs: number}} props */
function Gaps({ chunks, x, endMs }) {
  const all = gaps(chunks);
  const drawn = bars(all, endMs / BARS);
  const longest = drawn.reduce((most, { ms }) => Math.max(most, ms), 1);
  const named = longGaps(all);
  return html`<g>
    ${drawn.map(({ from, to, ms }, index) => {
      const height = Math.max(1, (GAPS_HEIGHT * ms) / longest);
      return html`<rect
        key=${index}
        class=${named.some((gap) => gap.from >= from && gap.to <= to) ? "gap gap-long" : "gap"}
        x=${x(from)}
        width=${Math.max(0.8, x(to) - x(from) - 0.6)}
        y=${GAPS_TOP + GAPS_HEIGHT - height}
        height=${height}
      >
        <title>
          ${`${format.duration(ms)} between ${format.duration(from)} and ${format.duration(to)}`}
        </title>
      </rect>`;
    })}
    ${drawn.map(({ from, to }, index) =>
      [from, ...(index === drawn.length - 1 ? [to] : [])].map(
        (at) =>
          html`<line
            key=${at}
            class="chunk"
            x1=${x(at)}
            x2=${x(at)}
            y1=${TICKS_TOP}
            y2=${TICKS_TOP + 8}
          />`,
      ),
    )}
  </g>`;
}

/** @param {{timeline: Timeline, durationMs: number}} props */
function Drawing({ timeline, durationMs }) {
  const end = endOf(timeline, durationMs);
  const x = (/** @type {number} */ ms) => EDGE + ((WIDTH - 2 * EDGE) * ms) / end;
  const chunks = timesOf(timeline);
  const height = chunks.length > 1 ? HEIGHT : GAPS_TOP;
  const keepAlives = timeline.marks.filter(({ name }) => name === "keep-alive");
  return html`<svg
    class="timeline-drawing"
    data-chunks=${chunks.length > 1}
    viewBox=${`0 0 ${WIDTH} ${height}`}
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    ${ticks(end).map(
      (at) => html`<line key=${at} class="axis" x1=${x(at)} x2=${x(at)} y1="0" y2=${HEIGHT} />`,
    )}
    ${phases(timeline.marks, end).map(
      ({ name, from, to }) => html`<rect
        key=${name}
        class="phase"
        data-phase=${name}
        x=${x(from)}
        width=${Math.max(1, x(to) - x(from))}
        y=${PHASES_TOP}
        height=${PHASES_HEIGHT}
      ><title>${`${name}: ${format.duration(to - from)}`}</title></rect>`,
    )}
    ${keepAlives.map(
      ({ at_ms }, index) => html`<rect
        key=${index}
        class="keep-alive"
        x=${x(at_ms) - 2}
        width="4"
        y=${PHASES_TOP - 3}
        height=${PHASES_HEIGHT + 6}
      ><title>${`keep-alive at ${format.duration(at_ms)}`}</title></rect>`,
    )}
    ${chunks.length > 1 && html`<${Gaps} chunks=${chunks} x=${x} endMs=${end} />`}
  </svg>
  <div class="timeline-axis" aria-hidden="true">
    ${ticks(end).map(
      (at) => html`<span key=${at} style=${{ left: `${x(at) / (WIDTH / 100)}%` }}>
        ${format.duration(at)}
      </span>`,
    )}
  </div>`;
}

/** @param {{marks: import("../types.js").Mark[]}} props */
function Marks({ marks }) {
  const ofExchange = marks.filter(({ name }) => name !== "keep-alive");
  const keepAlives = marks.length - ofExchange.length;
  return html`<dl class="marks">
    ${steps(ofExchange).map(
      ({ name, at_ms, isExact, after_ms }) => html`<div key=${name} data-mark=${name}>
        <dt>${format.words(name)}</dt>
        <dd>
          ${isExact ? "" : "about "}
          ${format.duration(at_ms)}
          ${after_ms !== null && html` <span class="dim">+${format.duration(after_ms)}</span>`}
        </dd>
      </div>`,
    )}
    ${
      keepAlives > 0 &&
      html`<div data-mark="keep-alive"><dt>keep-alives</dt><dd>${keepAlives}</dd></div>`
    }
  </dl>`;
}

/**
 * @param {{chunks: number[], count: number}} props `count`: of all pieces, also those whose times
 *   are not known
 */
function GapsInWords({ chunks, count }) {
  const all = gaps(chunks);
  if (!all.length) return null;
  const longest = all.reduce((a, b) => (b.ms > a.ms ? b : a));
  const pieces = `${format.count(count)} pieces`;
  const timed = count > chunks.length ? `, of the first ${chunks.length} with their times` : "";
  const gap = `longest gap ${format.duration(longest.ms)}, after ${format.duration(longest.from)}`;
  return html`<p class="dim gaps-in-words">${pieces}${timed}; ${gap}</p>`;
}

/** @param {Timeline} timeline
 * @returns {number[]} */
function timesOf(timeline) {
  return timeline.chunks?.map(([at]) => at) ?? [];
}

/** @param {{timeline: Timeline, durationMs: number, traceUrl: string|null}} props */
export function TimelineView({ timeline, durationMs, traceUrl }) {
  const chunks = timesOf(timeline);
  return html`<section class="timeline" aria-label="Timeline">
    <${Drawing} timeline=${timeline} durationMs=${durationMs} />
    <${GapsInWords} chunks=${chunks} count=${timeline.chunk_count ?? chunks.length} />
    <${Marks} marks=${timeline.marks} />
    ${
      traceUrl &&
      html`<p class="trace-link">
        <a href=${traceUrl} target="_blank" rel="noopener noreferrer">Its trace</a>
      </p>`
    }
  </section>`;
}
