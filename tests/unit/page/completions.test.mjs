import assert from "node:assert/strict";
import { test } from "node:test";
import { completions } from "../../../view/page/filter/presets.js";

/** @type {any} */
const about = {
  deployments: ["gpt-4o", "gpt-4.1"],
  keys: [
    { name: "deployment", aliases: [], kind: "text", meaning: "deployment" },
    { name: "ttft_ms", aliases: ["ttft"], kind: "duration", meaning: "time to the first token" },
    { name: "truncated", aliases: [], kind: "flag", meaning: "texts were cut" },
  ],
};
const texts = (/** @type {string} */ word) => completions(word, about).map(({ text }) => text);

test("a word is completed to keys, with the operator that fits", () => {
  assert.deepEqual(texts("de"), ["deployment:"]);
  assert.deepEqual(texts("t"), ["ttft_ms>", "truncated:"]);
  assert.deepEqual(texts("'x"), []);
});

test("values of a key are completed, also after a comma and a negation", () => {
  assert.deepEqual(texts("deployment:"), ["deployment:gpt-4o", "deployment:gpt-4.1"]);
  assert.deepEqual(texts("deployment:!gpt-4o,"), ["deployment:!gpt-4o,gpt-4.1"]);
  assert.deepEqual(texts("truncated:y"), ["truncated:yes"]);
  assert.deepEqual(texts("outcome:ab"), ["outcome:aborted"]);
});
