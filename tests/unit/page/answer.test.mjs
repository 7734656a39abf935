import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader } from "../../../view/page/playground/answer.js";

const delta = (/** @type {object} */ value) =>
  `data: ${JSON.stringify({ choices: [{ delta: value }] })}\n\n`;
const stream =
  delta({ role: "assistant" }) +
  ": keep-alive\n\n" +
  delta({ content: "Grüße, " }) +
  delta({ content: "東京" }) +
  delta({ tool_calls: [{ function: { name: "f", arguments: "{}" } }] }) +
  "data: {broken\r\n\r\n" +
  "data: [DONE]\n\n";
const text = "Grüße, 東京\nf {}";

test("the text of a stream, whole", () => {
  assert.equal(new EventReader().read(stream), text);
});

test("the text of a stream, character by character", () => {
  const reader = new EventReader();
  assert.equal([...stream].map((character) => reader.read(character)).join(""), text);
});

test("an error inside a stream is shown", () => {
  assert.equal(
    new EventReader().read('data: {"error": {"code": "429", "message": "Slow down."}}\n\n'),
    "429: Slow down.",
  );
});
