import assert from "node:assert/strict";
import { test } from "node:test";

import { BOOKKEEPING_BYTES, PartitionLog } from "../partition_log.js";
import { EARLIEST, LATEST } from "../start_position.js";
import { annotationsOf, bodyOf, eventsOf } from "./messages.js";

const FIELDS = {
  offset: "offset",
  "sequence-number": "sequenceNumber",
  "enqueued-time": "enqueuedTimeMs",
};

/** A log of `count` events, enqueued at these times; the last one goes on. */
function logOf(count, { times = [1000], retentionBytes = 1_000_000 } = {}) {
  const clock = [...times];
  const log = new PartitionLog(retentionBytes, () => (clock.length > 1 ? clock.shift() : clock[0]));
  for (let number = 0; number < count; number += 1) log.append(eventsOf(String(number)));
  return log;
}

function stored(log) {
  const events = [];
  for (
    let next = 0, event;
    (event = log.read(next)) !== undefined;
    next = event.sequenceNumber + 1
  ) {
    events.push(event);
  }
  return events;
}

test("events are read in the order in which they were appended", () => {
  const log = logOf(0);
  log.append([...eventsOf("a"), ...eventsOf("b")]);
  log.append(eventsOf("c"));
  assert.deepEqual(stored(log).map(bodyOf), ["a", "b", "c"]);
  assert.equal(log.read(3), undefined);
});

test("an event carries number, offset, time and key, and its producer's annotations", () => {
  const log = logOf(1, { times: [1000, 2000] });
  const annotations = { "x-opt-partition-key": "k", "x-opt-mine": "m" };
  log.append(eventsOf("keyed", { message_annotations: annotations }));
  assert.deepEqual(annotationsOf(log.read(1)), {
    "x-opt-mine": "m",
    "x-opt-sequence-number": 1,
    "x-opt-offset": String(log.read(1).offset),
    "x-opt-enqueued-time": new Date(2000),
    "x-opt-partition-key": "k",
  });
});

test("a batch's key is the key of its events", () => {
  const log = logOf(0);
  log.append(eventsOf("a"), "of the batch");
  assert.equal(annotationsOf(log.read(0))["x-opt-partition-key"], "of the batch");
});

test("enqueued times never go back", () => {
  const log = logOf(3, { times: [5000, 4000, 6000] });
  assert.deepEqual(
    stored(log).map((event) => event.enqueuedTimeMs),
    [5000, 5000, 6000],
  );
});

test("retention drops the oldest events and readers skip them", () => {
  const retentionBytes = 10 * (BOOKKEEPING_BYTES + 1200);
  const log = logOf(0, { retentionBytes });
  for (let number = 0; number < 100; number += 1) {
    log.append(eventsOf(`${number}`.padEnd(1000)));
  }
  assert.ok(log.retainedBytes <= retentionBytes);
  assert.equal(log.nextSequenceNumber, 100);
  assert.ok(log.firstSequenceNumber >= 90);
  assert.equal(bodyOf(log.read(0)).trim(), String(log.firstSequenceNumber));
  assert.equal(log.start(EARLIEST), log.firstSequenceNumber);
});

test("an event larger than the retention leaves the partition empty", () => {
  const log = logOf(3, { retentionBytes: 100 });
  assert.deepEqual(
    [log.firstSequenceNumber, log.nextSequenceNumber, log.read(0)],
    [3, 3, undefined],
  );
  assert.equal(log.last.sequenceNumber, 2);
  assert.equal(log.start(EARLIEST), 3);
});

test("subscribers are woken once per publication until they leave", () => {
  const log = logOf(0);
  const wakes = [];
  const unsubscribe = log.subscribe(() => wakes.push(log.nextSequenceNumber));
  log.append([...eventsOf("a"), ...eventsOf("b")]);
  log.append(eventsOf("c"));
  unsubscribe();
  log.append(eventsOf("d"));
  assert.deepEqual(wakes, [2, 3]);
});

test("a start position is the first event that the comparison holds for", () => {
  const times = [3, 3, 7, 7, 7, 9, 20];
  const log = logOf(times.length, { times });
  for (const [field, name] of Object.entries(FIELDS)) {
    const values = stored(log).map((event) => event[name]);
    for (let value = -1; value <= values.at(-1); value += 1) {
      for (const inclusive of [false, true]) {
        const first = values.findIndex((other) => other > value || (inclusive && other === value));
        assert.equal(
          log.start({ field, value, inclusive }),
          first === -1 ? times.length : first,
          `${field} ${value} ${inclusive}`,
        );
      }
    }
  }
  assert.equal(log.start(LATEST), times.length);
});

for (const field of ["offset", "sequence-number"]) {
  test(`a ${field} that was never here is refused and says which is the last`, () => {
    assert.throws(() => logOf(0).start({ field, value: 999, inclusive: false }), {
      condition: "com.microsoft:argument-error",
      message: /'999' is invalid.*'-1'/,
    });
  });
}
