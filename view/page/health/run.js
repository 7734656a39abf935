/** A run of reconcile or replay that was started here, followed to its end. */
import { signal } from "@preact/signals";
import * as api from "../api.js";
import * as format from "../format.js";
import { html } from "../html.js";
import { counts, isOver, share, stateOf } from "./run_state.js";

const EVERY_MS = 1_000;

/**
 * @typedef {{title: string, beganAt: number, endedAt: number|null, status:
 *   import("./run_state.js").RunStatus}} Run
 */

/** @type {import("@preact/signals").Signal<Run|null>} */
const run = signal(null);

/** Follow a run until it ends, or until another one is followed.
 * @param {string} title
 * @param {string} id
 * @param {() => unknown} onEnd */
export async function follow(title, id, onEnd) {
  const beganAt = Date.now();
  let thisRun = /** @type {Run} */ ({ title, beganAt, endedAt: null, status: {} });
  run.value = thisRun;
  while (run.peek() === thisRun && thisRun.endedAt === null) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    /** @type {import("./run_state.js").RunStatus} */
    const status = await api.run(id).catch(() => ({ runtimeStatus: "Unknown" }));
    if (run.peek() !== thisRun) return;
    thisRun = { ...thisRun, status, endedAt: isOver(status) ? Date.now() : null };
    run.value = thisRun;
  }
  onEnd();
}

export function RunView() {
  const current = run.value;
  if (!current) return null;
  const { title, status, beganAt, endedAt } = current;
  const done = share(status);
  const facts = [
    stateOf(status),
    ...counts(status),
    format.duration((endedAt ?? Date.now()) - beganAt),
  ];
  return html`<p class="run" data-state=${stateOf(status)}>
    ${title}
    : ${facts.join(", ")}
    ${
      endedAt === null &&
      html` <progress aria-label=${title} max="1" value=${done ?? undefined}></progress>`
    }
  </p>`;
}
