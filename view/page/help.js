/** The keys and the filter line, explained. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

export const helpShown = signal(false);

const KEYS = [
  ["j k ↓ ↑", "next and previous row"],
  ["Enter", "open the row; again: go into it"],
  ["Esc", "close the exchange"],
  ["[ ]", "previous and next of the same session or caller"],
  ["/", "filter"],
  [".", "live on or off"],
  ["c", "copy as curl"],
  ["g", "charts on or off"],
  ["?", "this help"],
];

const TERMS = [
  ["outcome:!completed", "not completed"],
  ["deployment:gpt-4o,gpt-4o-mini", "one of them"],
  ["tokens>1000  ttft>=2s", "more tokens, slower than"],
  ['"text in prompt or answer"', "a text"],
  ["01a20f82-bdca-…", "an x-exchange-id finds its row"],
];

/** @param {{title: string, list: string[][]}} props */
function Explained({ title, list }) {
  return html`<section>
    <h3>${title}</h3>
    <dl class="explained">
      ${list.map(
        ([term, meaning]) =>
          html`<div key=${term}><dt class="mono">${term}</dt><dd>${meaning}</dd></div>`,
      )}
    </dl>
  </section>`;
}

export function Help() {
  const dialog = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const isOpen = helpShown.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
  }, [isOpen]);
  if (!isOpen) return null;
  return html`<dialog
    class="dialog help"
    ref=${dialog}
    aria-labelledby="help"
    onClose=${() => {
      helpShown.value = false;
    }}
  >
    <h2 id="help">Keys and filters</h2>
    <${Explained} title="Keys" list=${KEYS} />
    <${Explained} title="Filter: all terms must hold" list=${TERMS} />
    <div class="dialog-actions">
      <button type="button" class="primary" onClick=${() => dialog.current?.close()}>Close</button>
    </div>
  </dialog>`;
}
