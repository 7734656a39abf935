/** The head of the page: the views, completeness in a word, and the switches. */
import { about } from "./about.js";
import { show, view, VIEWS } from "./address.js";
import { visible as chartsVisible, toggle as toggleCharts } from "./charts/data.js";
import { connected, live, status } from "./feed.js";
import * as format from "./format.js";
import { helpShown } from "./help.js";
import { html } from "./html.js";
import { theme, toggle as toggleTheme } from "./theme.js";

/** The state as one sentence, and whether it is good.
 * @param {import("./types.js").Status|null} status
 * @returns {[string, string]} */
function judged(status) {
  if (!status) return ["", ""];
  if (status.hub.state === "failed") return ["bad", "Event Hub not reachable"];
  if (status.hub.state === "connecting") return ["due", "connecting to the Event Hub"];
  const now = status.completeness;
  if (now?.lost) return ["bad", `${format.count(now.lost)} lost`];
  if (now?.dead_letters)
    return [
      "bad",
      `${format.count(now.dead_letters)} dead ${now.dead_letters === 1 ? "letter" : "letters"}`,
    ];
  if (now?.waiting) return ["due", `${format.count(now.waiting)} on their way`];
  if (!now?.delivered) return ["good", `${format.count(status.stored)} stored`];
  return ["good", `all ${format.count(now.delivered)} delivered`];
}

export function Header() {
  const [state, sentence] = judged(status.value);
  const { mode, hub, version } = about.value ?? {};
  return html`<header class="head">
    <a class="brand" href="./" title=${version ? `fnsse ${version}` : "fnsse"}>
      <img src="icon.svg" alt="" width="18" height="18" />
      fnsse
    </a>
    ${
      mode &&
      html`<span
        class="mode"
        title=${mode === "local" ? "The stack of this machine" : "A deployment in Azure"}
      >${mode === "local" ? "local" : (hub ?? "deployment")}</span>`
    }
    <nav aria-label="Views">
      ${VIEWS.map(
        (name) => html`<a
          key=${name}
          href=${name === "exchanges" ? "./" : `?view=${name}`}
          aria-current=${view.value === name ? "page" : undefined}
          onClick=${(/** @type {MouseEvent} */ event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            show(name);
          }}
        >${name}</a>`,
      )}
    </nav>
    <span class="spring"></span>
    ${
      sentence &&
      html`<a
        class="complete"
        data-state=${state}
        title=${status.value?.hub.error ?? "Health and completeness"}
        href="?view=health"
        onClick=${(/** @type {Event} */ event) => {
          event.preventDefault();
          show("health");
        }}
      ><span class="dot" aria-hidden="true"></span>${sentence}</a>`
    }
    <button
      type="button"
      class="switch"
      role="switch"
      aria-checked=${live.value}
      title="Live (.)"
      onClick=${() => {
        live.value = !live.value;
      }}
    >
      <span
        class="pulse"
        data-state=${!connected.value ? "off" : live.value ? "on" : "paused"}
        aria-hidden="true"
      ></span>
      ${connected.value ? "Live" : "Connecting"}
    </button>
    <button
      type="button"
      class="icon"
      aria-pressed=${chartsVisible.value}
      aria-label="Charts"
      title="Charts (g)"
      onClick=${toggleCharts}
    ><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 13V8M8 13V3M13 13V6" /></svg></button>
    <button
      type="button"
      class="icon"
      aria-label=${theme.value === "dark" ? "Light" : "Dark"}
      title=${theme.value === "dark" ? "Light" : "Dark"}
      onClick=${toggleTheme}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="5.5" />
        <path class="half" d="M8 2.5a5.5 5.5 0 0 1 0 11z" />
      </svg>
    </button>
    <button
      type="button"
      class="icon"
      aria-label="Help"
      title="Help (?)"
      onClick=${() => {
        helpShown.value = true;
      }}
    >?</button>
  </header>`;
}
