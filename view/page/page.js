/** The page: its parts, and what each of them follows. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import * as about from "./about.js";
import * as address from "./address.js";
import * as chartData from "./charts/data.js";
import { Confirmation } from "./confirmation.js";
import * as detail from "./exchange/detail.js";
import { Panel } from "./exchange/panel.js";
import * as feed from "./feed.js";
import { FilterLine } from "./filter/filter_line.js";
import { Header } from "./header.js";
import { Health } from "./health/health.js";
import * as health from "./health/data.js";
import { Help } from "./help.js";
import { html } from "./html.js";
import * as keys from "./keys.js";
import { Notice } from "./notice.js";
import * as playground from "./playground/playground.js";
import { Table } from "./table/table.js";
import * as theme from "./theme.js";

/** The charts' component, once its module is there. */
const Charts = signal(/** @type {any} */ (null));

function Exchanges() {
  return html`<div class="exchanges" data-open=${address.openId.value !== null}>
    <${FilterLine} />
    ${
      chartData.visible.value &&
      (Charts.value
        ? html`<${Charts.value} />`
        : html`<section class="charts" aria-label="Charts" aria-busy="true"></section>`)
    }
    <${Table} />
    <${Panel} />
  </div>`;
}

function Playground() {
  return html`<div class="beside" data-open=${address.openId.value !== null}>
    <${playground.Playground} />
    <${Panel} />
  </div>`;
}

function Page() {
  const view = address.view.value;
  return html`<${Header} />
  <main>
    ${
      view === "playground"
        ? html`<${Playground} />`
        : view === "health"
          ? html`<${Health} />`
          : html`<${Exchanges} />`
    }
  </main>
  <${Notice} />
  <${Help} />
  <${Confirmation} />`;
}

for (const part of [theme, address, feed, detail, chartData, health, playground, keys])
  part.follow();
about.load();
effect(() => {
  const fresh = feed.held.value.length;
  document.title = fresh ? `(${fresh}) fnsse` : "fnsse";
});
effect(() => {
  if (!chartData.visible.value || Charts.peek()) return;
  import("./charts/charts.js").then((module) => {
    Charts.value = module.default;
  });
});
render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("page")));
