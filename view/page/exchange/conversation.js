/** The conversation: the prompt's messages, then the answer's. */
import * as format from "../format.js";
import { html } from "../html.js";
import { laidOut, Text } from "./text.js";

/** @typedef {import("../types.js").Part} Part */

/** @param {{part: Part}} props */
function MediaPart({ part }) {
  const facts = [
    part.media_type,
    part.size == null ? null : format.size(part.size),
    part.name,
  ].filter(Boolean);
  return html`<div class="part part-media">
    <span class="tag">${part.kind}</span> ${facts.join(" · ")}
    ${part.text && html`<${Text} text=${part.text} />`}
  </div>`;
}

/** @param {{part: Part}} props */
function CallPart({ part }) {
  const label = part.kind === "tool_call" ? "calls" : "result of";
  return html`<div class=${`part part-${part.kind}`}>
    <div class="part-head">
      <span class="tag">${label}</span> <b class="mono">${part.name ?? ""}</b>${" "}
      <span class="dim mono">${part.id ?? ""}</span>
    </div>
    <${Text} mono text=${laidOut(part.text ?? "")} />
  </div>`;
}

/** @param {{part: Part}} props */
function OtherPart({ part }) {
  return html`<div class="part part-tool_call">
    <span class="tag">${part.name ?? "other"}</span>
    <${Text} mono text=${laidOut(part.text ?? "")} />
  </div>`;
}

/** @param {{part: Part}} props */
function PartView({ part }) {
  if (part.kind === "other") return html`<${OtherPart} part=${part} />`;
  if (part.kind === "tool_call" || part.kind === "tool_result")
    return html`<${CallPart} part=${part} />`;
  if (part.kind === "image" || part.kind === "file" || part.kind === "audio")
    return html`<${MediaPart} part=${part} />`;
  return html`<div class=${`part part-${part.kind}`}>
    ${part.kind !== "text" && html`<span class="tag">${part.kind}</span>`}
    <${Text} text=${part.text ?? ""} />
  </div>`;
}

/** The error in the answer's place, or at its end. Its source is the outcome.
 * @param {{outcome: unknown, error: Record<string, unknown>}} props */
function ErrorMessage({ outcome, error }) {
  const code = error.code ?? error.statusCode;
  return html`<li class="message" data-source="error">
    <h4>
      ${format.words(String(outcome))}${" "}
      ${code != null && html`<span class="mono">${String(code)}</span>`}
    </h4>
    <${Text}
      text=${typeof error.message === "string" ? error.message : laidOut(JSON.stringify(error))}
    />
  </li>`;
}

/** @param {{messages: import("../types.js").Message[], event: Record<string, any>}} props */
export function Conversation({ messages, event }) {
  if (!messages.length && !event.error)
    return html`<p class="empty">This exchange has no conversation: see its event.</p>`;
  return html`<ol class="conversation">
    ${messages.map(
      (message, index) => html`<li
        key=${index}
        class="message"
        data-role=${message.role}
        data-source=${message.source}
      >
        <h4>
          ${message.role}
          ${message.source === "answer" && html` <span class="dim">answer</span>`}
        </h4>
        ${message.parts.map((part, at) => html`<${PartView} key=${at} part=${part} />`)}
        ${message.parts.length === 0 && html`<p class="dim">empty</p>`}
      </li>`,
    )}
    ${event.error && html`<${ErrorMessage} outcome=${event.outcome} error=${event.error} />`}
  </ol>`;
}
