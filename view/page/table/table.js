/** The live table of exchanges. */
import { computed, useSignalEffect } from "@preact/signals";
import { Component } from "preact";
import { useRef } from "preact/hooks";
import { filter, filterBy, open, openId } from "../address.js";
import {
  held,
  loading,
  loadOlder,
  pointed,
  problem,
  release,
  rows,
  scrolled,
  total,
} from "../feed.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { COLUMNS } from "./columns.js";
import { activeId, activeIndex, choose } from "./selection.js";
import { VirtualList } from "./virtual_list.js";

/** The height of a row, which `.row` of table.css has too. */
const ROW_HEIGHT = 30;

/** The time that a full bar stands for: the longest of the newest rows, rounded up. */
const barMs = computed(() => {
  const longest = rows.value
    .slice(0, 200)
    .reduce((max, row) => Math.max(max, row.duration_ms ?? 0), 1);
  const step = 10 ** Math.floor(Math.log10(longest));
  return Math.ceil(longest / step) * step;
});

/** @param {{row: import("../types.js").Row, scale: number}} props */
function TimingBar({ row, scale }) {
  const share = (/** @type {number} */ ms) => `${Math.min(100, (100 * ms) / scale).toFixed(1)}%`;
  return html`<span class="bar" aria-hidden="true">
    <span
      class="bar-all"
      data-outcome=${row.outcome}
      style=${{ width: share(row.duration_ms ?? 0) }}
    ></span>
    ${
      row.ttft_ms != null &&
      html`<span class="bar-wait" style=${{ width: share(row.ttft_ms) }}></span>`
    }
  </span>`;
}

/**
 * @typedef {{row: import("../types.js").Row, index: number, active: boolean, open: boolean, scale:
 *   number}} RowProps
 */

/** @extends {Component<RowProps>} */
class TableRow extends Component {
  /** @param {RowProps} next */
  shouldComponentUpdate(next) {
    const now = /** @type {RowProps} */ (this.props);
    return (
      next.row !== now.row ||
      next.index !== now.index ||
      next.active !== now.active ||
      next.open !== now.open ||
      next.scale !== now.scale
    );
  }

  render() {
    const { row, index, active, open: isOpen, scale } = /** @type {RowProps} */ (this.props);
    return html`<div
      class="row"
      role="row"
      id=${`row-${row.id}`}
      data-id=${row.id}
      data-outcome=${row.outcome}
      aria-rowindex=${index + 2}
      aria-selected=${isOpen}
      tabindex=${active ? 0 : -1}
      data-active=${active}
    >
      ${COLUMNS.map(
        (column) =>
          html`<div key=${column.key} role="gridcell" class=${`cell cell-${column.key}`}>
            ${column.cell(row)}
          </div>`,
      )}
      <div role="gridcell" class="cell cell-bar"><${TimingBar} row=${row} scale=${scale} /></div>
    </div>`;
  }
}

function Header() {
  return html`<div class="row row-head" role="row" aria-rowindex="1">
    ${COLUMNS.map(
      ({ key, label, title }) =>
        html`<div key=${key} role="columnheader" class=${`cell cell-${key}`} title=${title}>
          ${label}
        </div>`,
    )}
    <div
      role="columnheader"
      class="cell cell-bar"
      title="Dark: to the first token. Light: the rest"
    >0 – ${format.duration(barMs.value)}</div>
  </div>`;
}

function Empty() {
  if (loading.value) return html`<p class="empty">Loading …</p>`;
  if (problem.value) return html`<p class="empty">${problem.value.message}</p>`;
  if (filter.value) {
    return html`<p class="empty">
      No exchange matches the filter.${" "}
      <button type="button" onClick=${() => filterBy("")}>Show all</button>
    </p>`;
  }
  return html`<p class="empty">
    No exchange yet. Send a request through the proxy, or use the playground.
  </p>`;
}

/** How many rows were held, and the way to see them. */
function Held() {
  const fresh = held.value.length;
  const show = () => {
    document.querySelector(".table .scroller")?.scrollTo({ top: 0 });
    release();
  };
  return html`<div class="held" role="status">
    ${fresh > 0 && html`<button type="button" onClick=${show}>${format.count(fresh)} new</button>`}
  </div>`;
}

/** @param {Event} event */
const idOf = (event) =>
  /** @type {Element} */ (event.target).closest(".row")?.getAttribute("data-id") ?? null;

/** Below the rows: older ones are on their way, or why they did not come. */
function OlderRows() {
  if (!rows.value.length) return null;
  if (loading.value) return html`<span class="dim">loading older …</span>`;
  if (!problem.value || problem.value.status === 400) return null; // the filter line shows a 400
  return html`<span role="status">
    ${problem.value.message} <button type="button" onClick=${loadOlder}>Try again</button>
  </span>`;
}

export function Table() {
  const list = rows.value;
  const grid = useRef(/** @type {HTMLElement|null} */ (null));
  // The focus follows the active row, if it is in the table at all.
  useSignalEffect(() => {
    const id = activeId.value;
    if (id === null || !grid.current?.contains(document.activeElement)) return;
    requestAnimationFrame(() =>
      document.getElementById(`row-${id}`)?.focus({ preventScroll: true }),
    );
  });
  const renderRow = (/** @type {number} */ index) => {
    const row = list[index];
    const active = activeIndex.value === null ? index === 0 : row.id === activeId.value;
    return html`<${TableRow}
      key=${row.id}
      row=${row}
      index=${index}
      active=${active}
      open=${row.id === openId.value}
      scale=${barMs.value}
    />`;
  };
  const onClick = (/** @type {Event} */ event) => {
    const id = idOf(event);
    if (id === null || String(getSelection())) return; // text of the row is being selected
    choose(id);
    open(id === openId.peek() ? null : id);
  };
  const onFocusIn = (/** @type {Event} */ event) => {
    const id = idOf(event);
    if (id !== null && openId.peek() === null) choose(id);
  };
  const attributes = { role: "rowgroup", onClick, onFocusIn };
  return html`<section
    class="table"
    aria-label="Exchanges"
    onPointerEnter=${(/** @type {PointerEvent} */ event) => {
      pointed.value = event.pointerType === "mouse";
    }}
    onPointerLeave=${() => {
      pointed.value = false;
    }}
  >
    <${Held} />
    <div
      class="grid"
      ref=${grid}
      role="grid"
      aria-label="Exchanges"
      aria-rowcount=${list.length ? total.value + 1 : 1}
    >
      <div role="rowgroup"><${Header} /></div>
      ${
        list.length === 0
          ? null
          : html`<${VirtualList}
            count=${list.length}
            rowHeight=${ROW_HEIGHT}
            renderRow=${renderRow}
            visible=${activeIndex.value}
            ready=${!loading.value && !problem.value}
            onNearEnd=${loadOlder}
            onScroll=${(/** @type {number} */ top) => {
              scrolled.value = top > 0;
            }}
            attributes=${attributes}
          />`
      }
    </div>
    ${list.length === 0 && html`<${Empty} />`}
    <p class="foot">
      <span>
        ${format.count(total.value)} ${total.value === 1 ? "exchange" : "exchanges"}
        ${filter.value ? " match" : ""}
      </span>
      <${OlderRows} />
    </p>
  </section>`;
}
