/** The exchange that is open, beside the table. */
import { signal } from "@preact/signals";
import { filter, filterBy, open, openId } from "../address.js";
import * as format from "../format.js";
import { toggled, quoted } from "../filter/terms.js";
import { html } from "../html.js";
import { copy } from "../notice.js";
import { Outcome } from "../outcome.js";
import { close } from "../table/selection.js";
import { CaptureView } from "./capture.js";
import { Conversation } from "./conversation.js";
import { detail } from "./detail.js";
import { JsonView } from "./json_view.js";
import { TimelineView } from "./timeline.js";
import { Usage } from "./usage.js";

const TABS = ["Conversation", "Usage", "Event", "Capture"];
const tab = signal(TABS[0]);

/** @typedef {import("../types.js").Exchange} Exchange */

export async function copyCurl() {
  const { exchange } = detail.peek() ?? {};
  if (exchange) await copy(exchange.curl, "as curl");
}

/** @param {Exchange} exchange */
function download(exchange) {
  const address = URL.createObjectURL(
    new Blob([JSON.stringify(exchange.event, null, 2)], { type: "application/json" }),
  );
  const link = document.createElement("a");
  link.href = address;
  link.download = `${exchange.row.id}.json`;
  link.click();
  URL.revokeObjectURL(address);
}

/** A fact that filters the table by a click.
 * @param {{label: string, term?: string, children?: unknown}} props */
function Fact({ label, term = "", children }) {
  const value = term
    ? html`<button
      type="button"
      class="fact-filter"
      title=${`Filter by ${term}`}
      onClick=${() => filterBy(toggled(filter.peek(), term))}
    >${children}</button>`
    : children;
  return html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
}

/** @param {{row: import("../types.js").Row, creator: unknown}} props */
function Facts({ row, creator }) {
  const term = (/** @type {string} */ key, /** @type {string|null} */ value) =>
    value ? `${key}:${quoted(value)}` : "";
  return html`<dl class="exchange-facts">
    <${Fact} label="Deployment" term=${term("deployment", row.deployment)}>
      ${row.deployment || "–"}
    <//>
    <${Fact} label="Model" term=${term("model", row.model)}>${row.model || "–"}<//>
    <${Fact} label="Caller" term=${term("caller", row.caller)}>${row.caller || "–"}<//>
    <${Fact} label="Operation" term=${term("operation", row.operation)}>${row.operation}<//>
    <${Fact} label="Region">${row.region || "–"}<//>
    <${Fact} label="First token">${format.duration(row.ttft_ms)}<//>
    <${Fact} label="Duration">${format.duration(row.duration_ms)}<//>
    <${Fact} label="Tokens in">
      ${format.count(row.tokens_in)}
      ${
        row.tokens_cached
          ? html` <span class="dim">${format.count(row.tokens_cached)} cached</span>`
          : ""
      }
    <//>
    <${Fact} label="Tokens out">${format.count(row.tokens_out)}<//>
    ${row.cost != null && html`<${Fact} label="Cost">${format.cost(row.cost, row.currency)}<//>`}
    ${
      typeof creator === "string" &&
      html`<${Fact} label="Created by">
        <button
          type="button"
          class="fact-filter"
          title="Open the call that created this response"
          onClick=${() => open(creator)}
        >${creator}</button>
      <//>`
    }
  </dl>`;
}

/** Neighbours are those of the session; of the caller, if the exchange belongs to no session.
 * @param {Exchange} exchange
 * @returns {"session"|"caller"} */
export function neighbourKind(exchange) {
  return exchange.row.session ? "session" : "caller";
}

/** @param {{exchange: Exchange}} props */
function Actions({ exchange }) {
  const by = neighbourKind(exchange);
  const of = `of the same ${by}`;
  const [previous, next] = [exchange.previous?.[by], exchange.next?.[by]];
  return html`<div class="actions" role="toolbar" aria-label="Actions">
    <button
      type="button"
      title=${`Previous ${of}`}
      aria-label=${`Previous ${of}`}
      disabled=${!previous}
      onClick=${() => open(previous ?? null)}
    >←</button>
    <button
      type="button"
      title=${`Next ${of}`}
      aria-label=${`Next ${of}`}
      disabled=${!next}
      onClick=${() => open(next ?? null)}
    >→</button>
    <button type="button" title="Copy as curl (c)" onClick=${copyCurl}>Copy as curl</button>
    <button
      type="button"
      onClick=${() => copy(JSON.stringify(exchange.event, null, 2), "the event")}
    >Copy event</button>
    <button type="button" onClick=${() => download(exchange)}>Download</button>
  </div>`;
}

/** @param {KeyboardEvent} event */
function onTabKey(event) {
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (!by) return;
  tab.value = TABS[(TABS.indexOf(tab.value) + by + TABS.length) % TABS.length];
  document.getElementById(`tab-${tab.value}`)?.focus();
}

/** @param {{exchange: Exchange}} props */
function Tabs({ exchange }) {
  const current = tab.value;
  return html`<div
    class="tabs"
    role="tablist"
    aria-label="Views of the exchange"
    onKeyDown=${onTabKey}
  >
    ${TABS.map(
      (name) => html`<button
        key=${name}
        type="button"
        role="tab"
        id=${`tab-${name}`}
        aria-selected=${name === current}
        aria-controls="tab-panel"
        tabindex=${name === current ? 0 : -1}
        onClick=${() => {
          tab.value = name;
        }}
      >${name}</button>`,
    )}
  </div>
  <div role="tabpanel" id="tab-panel" class="tab-panel" aria-labelledby=${`tab-${current}`}>
    ${
      current === "Conversation" &&
      html`<${Conversation}
        key=${exchange.row.id}
        messages=${exchange.conversation}
        event=${exchange.event}
      />`
    }
    ${current === "Usage" && html`<${Usage} figures=${exchange.usage} />`}
    ${
      current === "Event" &&
      html`<${JsonView} label="The event" text=${JSON.stringify(exchange.event, null, 2)} />`
    }
    ${current === "Capture" && html`<${CaptureView} id=${exchange.row.id} />`}
  </div>`;
}

/** @param {{exchange: Exchange}} props */
function Body({ exchange }) {
  const { row } = exchange;
  return html`<${Facts} row=${row} creator=${exchange.event.create_exchange_id} />
  <${TimelineView}
    timeline=${exchange.timeline}
    durationMs=${row.duration_ms ?? 0}
    traceUrl=${exchange.trace_url}
  />
  <${Tabs} exchange=${exchange} />`;
}

export function Panel() {
  const id = openId.value;
  if (id === null) return null;
  const { exchange, problem, id: loadedId } = detail.value ?? {};
  return html`<aside class="panel" aria-label="Exchange" aria-busy=${loadedId !== id}>
    <header>
      <div class="panel-title">
        <h2 tabindex="-1" id="panel-title">
          ${
            exchange
              ? html`<${Outcome} name=${exchange.row.outcome} status=${exchange.row.status} />`
              : "Exchange"
          }
        </h2>
        <button
          type="button"
          class="id mono"
          title="Copy the exchange id"
          onClick=${() => copy(id, "the exchange id")}
        >${id}</button>
        <button type="button" class="close" title="Close (Esc)" aria-label="Close" onClick=${close}>
          ×
        </button>
      </div>
      ${exchange && html`<${Actions} exchange=${exchange} />`}
    </header>
    <div class="panel-body">
      ${
        problem
          ? html`<p class="empty">${problem}</p>`
          : exchange
            ? html`<${Body} exchange=${exchange} />`
            : html`<p class="empty">Loading …</p>`
      }
    </div>
  </aside>`;
}
