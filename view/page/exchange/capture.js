/** The raw captures: the request's bytes, and the answer's as SSE frames with their times. */
import { useEffect, useState } from "preact/hooks";
import * as format from "../format.js";
import { html } from "../html.js";
import { loadCapture, loadedCapture } from "./detail.js";
import { JsonView } from "./json_view.js";
import { laidOut, Text } from "./text.js";

const FRAMES_AT_ONCE = 200;

/** @param {{headers: Record<string, string>}} props */
function Headers({ headers }) {
  const list = Object.entries(headers);
  if (!list.length) return null;
  return html`<dl class="headers mono">
    ${list.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

/** @param {{frames: import("../types.js").Frame[]}} props */
function Frames({ frames }) {
  const [limit, setLimit] = useState(FRAMES_AT_ONCE);
  return html`<table class="frames mono">
    <thead>
      <tr>
        <th scope="col" class="number">at</th>
        <th scope="col" class="number">bytes</th>
        <th scope="col">frame</th>
      </tr>
    </thead>
    <tbody>
      ${frames.slice(0, limit).map(
        (frame, index) => html`<tr key=${index}>
          <td class="number">${format.duration(frame.at_ms)}</td>
          <td class="number dim">${frame.size}</td>
          <td><${Text} mono text=${frame.text} /></td>
        </tr>`,
      )}
    </tbody>
  </table>
  ${
    frames.length > limit &&
    html`<button type="button" class="quiet" onClick=${() => setLimit(limit + 1_000)}>
      Show more of ${format.count(frames.length)} frames
    </button>`
  }`;
}

/** @param {string} id
 * @param {"request"|"response"} kind */
const addressOf = (id, kind) => `api/exchanges/${encodeURIComponent(id)}/capture/${kind}`;

/** @param {import("../types.js").CapturedRequest|import("../types.js").CapturedResponse} side */
function note(side) {
  const facts = [format.size(side.size)];
  if (side.encoding === "hex") facts.push("in hexadecimal");
  if (side.truncated) facts.push("shown in part");
  return facts.join(", ");
}

/**
 * @param {{title: string, address: string, side:
 *   import("../types.js").CapturedRequest|import("../types.js").CapturedResponse|null, status?:
 *   number|null, frames?: import("../types.js").Frame[]|null}} props
 */
function Side({ title, side, address, status = null, frames = null }) {
  if (!side) return html`<h4>${title}</h4><p class="dim">not captured</p>`;
  return html`<h4>
    ${title} ${status} <span class="dim">${note(side)}</span>${" "}
    <a class="download" href=${address} download>Download</a>
  </h4>
  <${Headers} headers=${side.headers} />
  ${
    frames
      ? html`<${Frames} frames=${frames} />`
      : html`<${JsonView}
        label=${`Body of the ${title.toLowerCase()}`}
        text=${laidOut(side.body)}
      />`
  }`;
}

/** @param {{id: string}} props */
export function CaptureView({ id }) {
  useEffect(() => void loadCapture(id), [id]);
  const loaded = loadedCapture.value;
  if (loaded?.id !== id) return html`<p class="empty">Loading …</p>`;
  if (!loaded.capture) return html`<p class="empty">${loaded.problem}</p>`;
  const { request, response } = loaded.capture;
  return html`<div class="capture">
    <${Side} title="Request" side=${request} address=${addressOf(id, "request")} />
    <${Side}
      title="Answer"
      side=${response}
      address=${addressOf(id, "response")}
      status=${response?.status}
      frames=${response?.frames}
    />
  </div>`;
}
