/** Completeness: what was captured and delivered, and what is still to come. */
import { status } from "../feed.js";
import * as format from "../format.js";
import { html } from "../html.js";

/** @param {{label: string, value: number|null|undefined, alarm?: boolean}} props */
function Figure({ label, value, alarm = false }) {
  return html`<div data-alarm=${alarm && Boolean(value)}><dt>${label}</dt><dd>${format.count(value)}</dd></div>`;
}

export function CompletenessFigures() {
  const now = status.value?.completeness;
  return html`<figure class="chart chart-small completeness">
    <figcaption>Completeness</figcaption>
    ${now
      ? html`<dl>
          <${Figure} label="captured" value=${now.captured} />
          <${Figure} label="delivered" value=${now.delivered} />
          <${Figure} label="waiting" value=${now.waiting} />
          <${Figure} label="dead letters" value=${now.dead_letters} alarm />
        </dl>`
      : html`<p class="dim">not available</p>`}
  </figure>`;
}
