/** Completeness: what was captured and delivered, by the hour, and what is still to come. */
import { status } from "../feed.js";
import * as format from "../format.js";
import { html } from "../html.js";

/** @param {{label: string, value: number|null|undefined, alarm?: boolean}} props */
function Figure({ label, value, alarm = false }) {
  return html`<div data-alarm=${alarm && Boolean(value)}>
    <dt>${label}</dt>
    <dd>${format.count(value)}</dd>
  </div>`;
}

/** `10:00` of `2026/11/27/10`, in local time.
 * @param {string} window */
function startOf(window) {
  const [year, month, day, hour] = window.split("/").map(Number);
  const start = new Date(Date.UTC(year, month - 1, day, hour));
  return [start.getHours(), start.getMinutes()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** A bar for each hour, as high as what was captured in it; what is not delivered stands out.
 * @param {{hours: import("../types.js").Hour[]}} props */
function Hours({ hours }) {
  const most = hours.reduce((max, { captured }) => Math.max(max, captured), 1);
  const incomplete = hours.filter(({ complete }) => !complete).length;
  return html`<div
    class="hours"
    role="img"
    aria-label=${`${hours.length} hours, ${incomplete} of them not complete yet`}
  >
    ${hours.map(({ window, captured, delivered, dead_lettered, complete }) => {
      const rest = Math.max(0, captured - delivered);
      const facts = [`${format.count(captured)} captured`, `${format.count(delivered)} delivered`];
      if (dead_lettered) facts.push(`${format.count(dead_lettered)} dead letters`);
      return html`<span
        key=${window}
        class="hour"
        data-complete=${complete}
        title=${`${startOf(window)}: ${facts.join(", ")}${complete ? "" : ", not complete yet"}`}
        style=${{ height: `${Math.max(8, (100 * captured) / most)}%` }}
      >
        ${
          rest > 0 &&
          html`<span class="hour-rest" style=${{ height: `${(100 * rest) / captured}%` }}></span>`
        }
      </span>`;
    })}
  </div>`;
}

export function CompletenessFigures() {
  const now = status.value?.completeness;
  if (!now) return null;
  const hours = now.hours ?? [];
  return html`<figure class="chart chart-small completeness">
    <figcaption>
      Completeness
      ${hours.length > 0 && html` <span class="dim">from ${startOf(hours[0].window)}</span>`}
    </figcaption>
    <dl>
      <${Figure} label="captured" value=${now.captured} />
      <${Figure} label="delivered" value=${now.delivered} />
      <${Figure} label="waiting" value=${now.waiting} />
      ${
        now.lost
          ? html`<${Figure} label="lost" value=${now.lost} alarm />`
          : html`<${Figure} label="dead letters" value=${now.dead_letters} alarm />`
      }
    </dl>
    ${
      hours.length > 0
        ? html`<${Hours} hours=${hours} />`
        : html`<p class="dim">
          Reconcile counts captures and deliveries; it has not reported yet.
        </p>`
    }
  </figure>`;
}
