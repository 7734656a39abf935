/** The text of an answer, read as it comes: server-sent events, or one JSON document. */

/** The text that one object of an answer adds.
 * @param {any} object */
function textOf(object) {
  if (object.error) return `${object.error.code ?? "error"}: ${object.error.message ?? ""}`;
  if (object.type === "response.output_text.delta") return object.delta ?? "";
  const choice = object.choices?.[0];
  const message = choice?.delta ?? choice?.message ?? {};
  const calls = (message.tool_calls ?? []).map(
    (/** @type {any} */ call) =>
      (call.function?.name ? `\n${call.function.name} ` : "") + (call.function?.arguments ?? ""),
  );
  return (message.content ?? "") + (message.refusal ?? "") + calls.join("");
}

/** @param {string} text */
function parsed(text) {
  try {
    return textOf(JSON.parse(text));
  } catch {
    return "";
  }
}

/** The decoder of a stream of events: lines in, pieces of the answer's text out. */
export class EventReader {
  #rest = "";

  /** @param {string} text
   * @returns {string} */
  read(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    return lines
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trim())
      .filter((data) => data !== "[DONE]")
      .map(parsed)
      .join("");
  }
}

/** Read an answer to its end.
 * @param {Response} response
 * @param {(text: string) => void} onText called with each piece */
export async function read(response, onText) {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const whole = await response.text();
    return onText(parsed(whole) || whole);
  }
  const events = new EventReader();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    onText(events.read(piece.value));
  }
}
