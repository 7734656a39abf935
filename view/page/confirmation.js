/** A question before an action: it says what will happen, and waits for the reader. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

/**
 * @typedef {{title: string, consequences: string[], action: string, dangerous?: boolean}} Question
 */

/** @type {import("@preact/signals").Signal<(Question & {answer: (yes: boolean) => void})|null>} */
const question = signal(null);

/** @param {Question} asked
 * @returns {Promise<boolean>} */
export function confirmed(asked) {
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}

export function Confirmation() {
  const dialog = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const shown = question.value;
  useEffect(() => {
    if (shown) dialog.current?.showModal();
  }, [shown]);
  if (!shown) return null;
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby="confirmation" onClose=${() => shown.answer(false)}>
    <h2 id="confirmation">${shown.title}</h2>
    <ul>${shown.consequences.map((sentence) => html`<li key=${sentence}>${sentence}</li>`)}</ul>
    <div class="dialog-actions">
      <button type="button" onClick=${() => shown.answer(false)}>Cancel</button>
      <button type="button" class=${shown.dangerous ? "primary danger" : "primary"} onClick=${() => shown.answer(true)}>${shown.action}</button>
    </div>
  </dialog>`;
}
