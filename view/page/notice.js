/** A short sentence at the foot of the page, which a screen reader reads out. */
import { signal } from "@preact/signals";
import { html } from "./html.js";

const SHOWN_MS = 2_500;
const text = signal("");
let timer = 0;

/** @param {string} sentence */
export function notify(sentence) {
  text.value = sentence;
  clearTimeout(timer);
  timer = setTimeout(() => {
    text.value = "";
  }, SHOWN_MS);
}

/** @param {string} content
 * @param {string} name of what is copied */
export async function copy(content, name) {
  await navigator.clipboard.writeText(content);
  notify(`Copied ${name}`);
}

export function Notice() {
  return html`<div class="notice" role="status" data-shown=${Boolean(text.value)}>
    ${text.value}
  </div>`;
}
