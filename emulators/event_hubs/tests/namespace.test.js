import assert from "node:assert/strict";
import { test } from "node:test";

import { Hub, Namespace } from "../namespace.js";
import { parseSelector } from "../start_position.js";
import { eventsOf } from "./messages.js";

const SIZE = { partitions: 3, retentionBytes: 100_000 };

const counts = (hub) => hub.partitions.map((log) => log.nextSequenceNumber);

function publish(hub, partitionKey) {
  hub.publish({ events: eventsOf("a"), partitionKey });
}

test("publications without a key go round", () => {
  const hub = new Hub("h", SIZE);
  for (let number = 0; number < 7; number += 1) publish(hub);
  assert.deepEqual(counts(hub), [3, 2, 2]);
});

test("publications with one key share a partition and many keys use all", () => {
  const hub = new Hub("h", SIZE);
  for (let number = 0; number < 5; number += 1) publish(hub, "same");
  assert.deepEqual(counts(hub).toSorted(), [0, 0, 5]);
  for (let number = 0; number < 30; number += 1) publish(hub, `key ${number}`);
  assert.ok(Math.min(...counts(hub)) > 0);
});

test("an unknown hub or partition is named", () => {
  const namespace = new Namespace(["openai-logs"], SIZE);
  assert.equal(namespace.hub("OpenAI-Logs").name, "openai-logs");
  assert.throws(() => namespace.hub("nope"), { message: /'nope' could not be found.*openai-logs/ });
  assert.throws(() => namespace.hub("openai-logs").partition("3"), {
    condition: "com.microsoft:argument-out-of-range",
    message: /between 0 and 2.*'3'/,
  });
});

test("the SDK's selectors are parsed, others are refused", () => {
  const selector = (field, operator, value) =>
    `amqp.annotation.x-opt-${field} ${operator} '${value}'`;
  assert.deepEqual(parseSelector(selector("sequence-number", ">=", "7")), {
    field: "sequence-number",
    value: 7,
    inclusive: true,
  });
  assert.equal(parseSelector(selector("offset", ">", "@latest")), "latest");
  assert.equal(parseSelector(selector("offset", ">", "-1")).value, -1);
  for (const wrong of ["", selector("colour", ">", "1"), selector("offset", ">", "1e3")]) {
    assert.throws(() => parseSelector(wrong), { condition: "com.microsoft:argument-error" });
  }
});
