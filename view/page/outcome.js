/** An outcome: its colour and its word. */
import { words } from "./format.js";
import { html } from "./html.js";

/** @param {{name: string, status?: number|null}} props */
export function Outcome({ name, status = null }) {
  return html`<span class="outcome" data-outcome=${name}>
    <span class="dot" aria-hidden="true"></span>
    ${words(name)}
    ${status !== null && status !== 200 && html`<span class="status">${status}</span>`}
  </span>`;
}
