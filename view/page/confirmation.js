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
  const current = question.value;
  useEffect(() => {
    if (current) dialog.current?.showModal();
  }, [current]);
  if (!current) return null;
  return html`<dialog
    class="dialog"
    ref=${dialog}
    aria-labelledby="confirmation"
    onClose=${() => current.answer(false)}
  >
    <h2 id="confirmation">${current.title}</h2>
    <ul>${current.consequences.map((sentence) => html`<li key=${sentence}>${sentence}</li>`)}</ul>
    <div class="dialog-actions">
      <button type="button" onClick=${() => current.answer(false)}>Cancel</button>
      <button
        type="button"
        class=${current.dangerous ? "primary danger" : "primary"}
        onClick=${() => current.answer(true)}
      >${current.action}</button>
    </div>
  </dialog>`;
}
