/** Health and completeness, for operators, and what they can do about it. */
import { signal } from "@preact/signals";
import { about } from "../about.js";
import * as api from "../api.js";
import { confirmed } from "../confirmation.js";
import { isExchangeId } from "../filter/terms.js";
import { html } from "../html.js";
import { health, load } from "./data.js";
import { Facts, FactTable } from "./facts.js";
import { follow, RunView } from "./run.js";

/** Actions that begin a run, which takes its time. */
const RUNS = new Set(["reconcile", "replay"]);

/** The result of the last action. */
const result = signal("");

/** @param {"requeue"|"replay"|"erase"|"reconcile"} action
 * @param {object} body
 * @param {import("../confirmation.js").Question} question */
async function operate(action, body, question) {
  if (!(await confirmed(question))) return;
  const title = question.title.replace(/\?$/, "");
  try {
    const response = await api.operate(action, body);
    result.value = `${title}: accepted (HTTP ${response.status}).`;
    const { id } = await response.json();
    if (RUNS.has(action) && id) follow(title, id, load);
  } catch (error) {
    result.value = `${title}: refused. ${/** @type {Error} */ (error).message}`;
  }
  await load();
}

/** @param {string} id */
const requeue = (id) =>
  operate(
    "requeue",
    { id },
    {
      title: "Requeue this dead letter?",
      action: "Requeue",
      consequences: [
        `The envelope of ${id} goes back to the queue, and its event is built again from its ` +
          "captures.",
        "If that works, the event goes to the Event Hub. Consumers that have it already see the " +
          "same exchange_id.",
        "If it fails again, the exchange is back in this list.",
      ],
    },
  );

/** @param {string} from
 * @param {string} to */
const replay = (from, to) =>
  operate(
    "replay",
    { from, to },
    {
      title: "Replay this time range?",
      action: "Replay",
      consequences: [
        `Every exchange that was captured between ${from} and ${to} is delivered to the Event ` +
          "Hub once more, with replayed: true.",
        "Consumers must deduplicate by exchange_id. The events count against the Event Hub's " +
          "throughput.",
        "Live traffic goes first: the replay waits while the queue holds more than 1,000 " +
          "envelopes.",
      ],
    },
  );

const reconcile = () =>
  operate(
    "reconcile",
    {},
    {
      title: "Reconcile now?",
      action: "Reconcile",
      consequences: [
        "Every hour that is not complete yet is judged, and the one that is still open.",
        "What was captured and not delivered is queued again; nothing is delivered twice on " +
          "purpose.",
        "It does nothing while the Event Hub does not answer or the queue has a backlog, and " +
          "says so.",
      ],
    },
  );

/** @param {string} id */
const erase = (id) =>
  operate(
    "erase",
    { id },
    {
      title: "Erase this exchange?",
      action: "Erase for good",
      dangerous: true,
      consequences: [
        `Both captures of ${id} are deleted: prompt and answer cannot be restored from here.`,
        "Its event stays on the Event Hub until the hub's retention ends, and with consumers " +
          "until they erase it.",
        "It cannot be replayed afterwards.",
      ],
    },
  );

/** The moment of a `datetime-local` input, as UTC.
 * @param {FormDataEntryValue|null} local */
const moment = (local) => new Date(String(local)).toISOString().replace(/\.\d+Z$/, "Z");

/** @param {(form: FormData) => void} act */
const submitted = (act) => (/** @type {Event} */ event) => {
  event.preventDefault();
  act(new FormData(/** @type {HTMLFormElement} */ (event.target)));
};

/**
 * @param {{title: string, answer: import("./data.js").Answer|undefined, children: (value: any) =>
 *   unknown}} props
 */
function Part({ title, answer, children }) {
  return html`<section class="health-part">
    <h2>${title}</h2>
    ${
      answer === undefined
        ? html`<p class="dim">Loading …</p>`
        : "problem" in answer
          ? html`<p class="dim">${answer.problem}</p>`
          : children(answer.value)
    }
  </section>`;
}

/** @param {any} value
 * @param {string} key
 * @returns {Record<string, unknown>[]} */
const listOf = (value, key) => (Array.isArray(value) ? value : (value?.[key] ?? []));

/** The status without the dead letters themselves: they have a part of their own.
 * @param {any} status */
const withoutLetters = ({ dead_letters: letters, ...rest }) =>
  letters ? { ...rest, dead_letters: { ...letters, oldest: undefined } } : rest;

function Actions() {
  return html`<section class="health-part">
    <h2>Act</h2>
    <div class="health-actions">
      <form
        onSubmit=${submitted((form) => replay(moment(form.get("from")), moment(form.get("to"))))}
      >
        <h3>Replay</h3>
        <label>From<input type="datetime-local" name="from" required step="1" /></label>
        <label>To<input type="datetime-local" name="to" required step="1" /></label>
        <button type="submit">Replay …</button>
      </form>
      <form
        onSubmit=${submitted((form) => {
          const id = String(form.get("id")).trim();
          if (isExchangeId(id)) erase(id);
          else result.value = "That is not an exchange id.";
        })}
      >
        <h3>Erase</h3>
        <label>
          Exchange id
          <input
            name="id"
            required
            class="mono"
            autocomplete="off"
            placeholder="01a20f82-bdca-755d-9e7d-3cf005c5944d"
          />
        </label>
        <button type="submit" class="danger">Erase …</button>
      </form>
      <form onSubmit=${submitted(() => reconcile())}>
        <h3>Reconcile</h3>
        <p class="dim">It runs by itself as well, by a timer.</p>
        <button type="submit">Reconcile …</button>
      </form>
    </div>
    <p role="status" class="result">${result.value}</p>
    <${RunView} />
  </section>`;
}

export function Health() {
  if (about.value && !about.value.can?.ops) {
    return html`<section class="view" aria-label="Health">
      <h1>Health</h1>
      <p class="empty">
        Not available: the page was started without the app's address or an operator's key.
      </p>
    </section>`;
  }
  const answers = health.value;
  return html`<section class="view health" aria-label="Health">
    <h1>Health and completeness</h1>
    <${Part} title="Now" answer=${answers?.status}>
      ${(/** @type {any} */ value) => html`<${Facts} object=${withoutLetters(value)} />`}
    <//>
    <${Part} title="Hours" answer=${answers?.reports}>
      ${(/** @type {any} */ value) => {
        const list = listOf(value, "reports");
        return list.length
          ? html`<${FactTable} list=${list} />`
          : html`<p class="dim">No hour has been judged yet.</p>`;
      }}
    <//>
    <${Part} title="Dead letters" answer=${answers?.["dead-letters"]}>
      ${(/** @type {any} */ value) => {
        const list = listOf(value, "dead_letters");
        return list.length
          ? html`<${FactTable}
            list=${list}
            action=${(/** @type {any} */ row) =>
              html`<button type="button" onClick=${() => requeue(row.exchange_id)}>
                Requeue …
              </button>`}
          />`
          : html`<p class="dim">None: every event could be built and sent, or still can.</p>`;
      }}
    <//>
    <${Actions} />
  </section>`;
}
