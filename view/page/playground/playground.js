/**
 * The playground: a prompt through the proxy, the answer as it comes, then the event that it made.
 */
import { effect, signal } from "@preact/signals";
import { about } from "../about.js";
import { open } from "../address.js";
import * as api from "../api.js";
import { latest } from "../feed.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { read } from "./answer.js";

/**
 * @typedef {{id: string|null, status: number|null, text: string, startedAt: number, firstAt:
 *   number|null, endedAt: number|null, problem: string, event: "waiting"|"arrived"|""}} Run
 */

/** @type {import("@preact/signals").Signal<Run|null>} */
const run = signal(null);
/** @type {AbortController|null} */
let abort = null;

/** @param {Partial<Run>} change */
function change(change) {
  const now = run.peek();
  if (now) run.value = { ...now, ...change };
}

/** @param {object} request */
async function send(request) {
  abort = new AbortController();
  open(null);
  run.value = {
    id: null,
    status: null,
    text: "",
    startedAt: performance.now(),
    firstAt: null,
    endedAt: null,
    problem: "",
    event: "",
  };
  try {
    const response = await api.playground(request, abort.signal);
    change({
      status: response.status,
      id: response.headers.get("x-exchange-id"),
      event: "waiting",
    });
    await read(response, (text) => {
      const now = run.peek();
      if (text && now) change({ text: now.text + text, firstAt: now.firstAt ?? performance.now() });
    });
  } catch (error) {
    change({
      problem: abort.signal.aborted ? "You disconnected." : brokeOff(/** @type {Error} */ (error)),
    });
  }
  change({ endedAt: performance.now() });
}

/** @param {Error} error */
function brokeOff(error) {
  return error instanceof api.ApiError ? error.message : "The answer broke off before its end.";
}

/** Select the exchange of the run as soon as its event is there. */
export function follow() {
  effect(() => {
    const row = latest.value;
    const now = run.peek();
    if (!row || !now || row.id !== now.id || now.event === "arrived") return;
    change({ event: "arrived" });
    open(row.id);
  });
}

/** @param {Event} event */
function onSubmit(event) {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
  send({
    prompt: form.get("prompt"),
    deployment: form.get("deployment"),
    stream: form.has("stream"),
    tools: form.has("tools"),
    fault: form.get("fault") || null,
  });
}

/** @param {KeyboardEvent} event */
function onPromptKey(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  /** @type {HTMLTextAreaElement} */ (event.target).form?.requestSubmit();
}

/** @param {{running: boolean}} props */
function Form({ running }) {
  const { deployments = [], faults = [] } = about.value ?? {};
  return html`<form class="playground-form" onSubmit=${onSubmit}>
    <label>
      Prompt
      <textarea name="prompt" rows="5" required onKeyDown=${onPromptKey}>
        What does a proxy do?
      </textarea>
    </label>
    <div class="fields">
      <label>
        Deployment
        <input
          name="deployment"
          required
          list="deployments"
          autocomplete="off"
          value=${deployments[0] ?? "gpt-4o"}
        />
      </label>
      <datalist id="deployments">
        ${deployments.map((name) => html`<option key=${name} value=${name} />`)}
      </datalist>
      ${
        faults.length > 0 &&
        html`<label>
          Fault of the stand-in
          <select name="fault">
            <option value="">none</option>
            ${faults.map(
              ({ name, title }) => html`<option key=${name} value=${name}>${title}</option>`,
            )}
          </select>
        </label>`
      }
    </div>
    <div class="choices">
      <label><input type="checkbox" name="stream" checked />Stream</label>
      <label><input type="checkbox" name="tools" />Tools</label>
      <span class="spring"></span>
      ${
        running &&
        html`<button
          type="button"
          title="Disconnect, as a client does that leaves"
          onClick=${() => abort?.abort()}
        >Disconnect</button>`
      }
      <button type="submit" class="primary" disabled=${running}>Send <kbd>Ctrl ↵</kbd></button>
    </div>
  </form>`;
}

/** @param {Run} now */
function sentences(now) {
  const list = [];
  if (now.status !== null) list.push(`HTTP ${now.status}`);
  if (now.firstAt !== null)
    list.push(`first token after ${format.duration(now.firstAt - now.startedAt)}`);
  if (now.endedAt !== null) list.push(`end after ${format.duration(now.endedAt - now.startedAt)}`);
  return list.join(" · ");
}

/** @param {{now: Run}} props */
function Answer({ now }) {
  const state =
    now.event === "arrived"
      ? "Its event is on the Event Hub."
      : now.endedAt !== null && now.event === "waiting"
        ? "Its event is on its way …"
        : "";
  return html`<section class="answer" aria-label="Answer" aria-busy=${now.endedAt === null}>
    <div class="answer-text text" tabindex="0" role="region" aria-label="Text of the answer">
      ${now.text}
      ${now.endedAt === null && html`<span class="caret" aria-hidden="true"></span>`}
    </div>
    ${now.problem && html`<p class="problem">${now.problem}</p>`}
    <p class="dim" role="status">${sentences(now)}</p>
    ${now.id && html`<p class="dim"><span class="mono">x-exchange-id: ${now.id}</span></p>`}
    ${
      state &&
      html`<p role="status">
        ${state}${" "}
        ${
          now.event === "arrived" &&
          html`<button type="button" class="quiet" onClick=${() => open(now.id)}>Show it</button>`
        }
      </p>`
    }
  </section>`;
}

export function Playground() {
  const now = run.value;
  if (about.value && !about.value.can?.playground) {
    return html`<section class="view" aria-label="Playground">
      <p class="empty">Not available: the page was started without a proxy to call.</p>
    </section>`;
  }
  return html`<section class="view playground" aria-label="Playground">
    <h1>Playground</h1>
    <p class="dim">
      Sends a prompt through the proxy${" "}
      ${about.value?.proxy && html`<span class="mono">${about.value.proxy}</span>`}${" "}
      and selects the event that it made.
    </p>
    <${Form} running=${now !== null && now.endedAt === null} />
    ${now && html`<${Answer} now=${now} />`}
  </section>`;
}
