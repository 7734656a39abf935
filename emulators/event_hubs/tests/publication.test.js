import assert from "node:assert/strict";
import { test } from "node:test";

import { BATCH_FORMAT, MalformedMessage, readPublication } from "../publication.js";
import { batchOf, encoded } from "./messages.js";

const KEY = "x-opt-partition-key";

const bytesOf = ({ header, body }) => Buffer.concat([header, body]);

test("a single event keeps its bytes", () => {
  const message = encoded("hello", { message_id: "m", application_properties: { a: 1 } });
  const publication = readPublication(message, 0);
  assert.deepEqual(publication.events.map(bytesOf), [message]);
  assert.equal(publication.partitionKey, undefined);
});

test("a batch is read into its events in order", () => {
  const messages = ["one", "two", "three"].map((body) => encoded(body));
  const { events } = readPublication(batchOf(messages), BATCH_FORMAT);
  assert.deepEqual(events.map(bytesOf), messages);
});

test("the format, not the content, makes a batch", () => {
  assert.equal(readPublication(batchOf([encoded("a"), encoded("b")]), 0).events.length, 1);
});

for (const key of ["k", "ключ", "x".repeat(300)]) {
  test(`the partition key ${key.slice(0, 5)} is read from a batch and from an event`, () => {
    const keyed = { message_annotations: { [KEY]: key } };
    const keyOf = (bytes, format) => readPublication(bytes, format).partitionKey;
    assert.equal(keyOf(encoded("a", keyed), 0), key);
    assert.equal(keyOf(batchOf([encoded("a")], keyed), BATCH_FORMAT), key);
    assert.equal(keyOf(batchOf([encoded("a", keyed)]), BATCH_FORMAT), key);
  });
}

test("the producer's annotations are kept and the service's are not", () => {
  const own = { "x-opt-mine": "m", other: 1 };
  const message = encoded("a", {
    message_annotations: { ...own, "x-opt-sequence-number": 7, "x-opt-offset": "9" },
  });
  const [event] = readPublication(message, 0).events;
  assert.deepEqual(
    event.annotations.filter((_, at) => at % 2 === 0).map((name) => name.value),
    ["x-opt-mine", "other"],
  );
  assert.deepEqual(bytesOf(event), encoded("a"));
});

test("malformed bytes are refused with one kind of error", () => {
  const valid = encoded("hello", { message_annotations: { a: "b" } });
  const cuts = Array.from({ length: valid.length }, (_, end) => valid.subarray(0, end));
  const flips = Array.from({ length: valid.length }, (_, at) => {
    const bytes = Buffer.from(valid);
    bytes[at] ^= 0xff;
    return bytes;
  });
  let refused = 0;
  for (const bytes of [...cuts, ...flips, Buffer.from([0, 0x53])]) {
    for (const format of [0, BATCH_FORMAT]) {
      try {
        readPublication(bytes, format);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, `${bytes.toString("hex")}: ${error.stack}`);
        refused += 1;
      }
    }
  }
  assert.ok(refused > 2 * (cuts.length - 10), `${refused} refusals`);
});
