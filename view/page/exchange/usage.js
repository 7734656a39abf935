/** The usage figures, and where each comes from. */
import * as format from "../format.js";
import { html } from "../html.js";

/** @param {{figures: import("../types.js").UsageFigure[]}} props */
export function Usage({ figures }) {
  if (!figures.length) return html`<p class="empty">No usage is known for this exchange.</p>`;
  return html`<table class="facts">
    <thead>
      <tr>
        <th scope="col">Figure</th>
        <th scope="col" class="number">Value</th>
        <th scope="col">From</th>
      </tr>
    </thead>
    <tbody>
      ${figures.map(
        ({ name, value, source }) => html`<tr key=${name}>
          <th scope="row">${format.words(name)}</th>
          <td class="number">
            ${
              typeof value === "number" && Number.isInteger(value)
                ? format.count(value)
                : String(value ?? "–")
            }
          </td>
          <td class="dim">${source}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}
