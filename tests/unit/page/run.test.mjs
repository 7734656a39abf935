import assert from "node:assert/strict";
import { test } from "node:test";
import { counts, isOver, share, stateOf } from "../../../view/page/health/run_state.js";

test("a run is over when Durable Functions say so", () => {
  const live = ["Pending", "Running", "ContinuedAsNew", "Suspended", null].map((runtimeStatus) =>
    isOver({ runtimeStatus }),
  );
  assert.deepEqual(live, [false, false, false, false, false]);
  assert.deepEqual(
    ["Completed", "Failed", "Terminated"].map((runtimeStatus) => isOver({ runtimeStatus })),
    [true, true, true],
  );
  assert.equal(stateOf({ runtimeStatus: "ContinuedAsNew" }), "running");
});

test("how far it is, what it did, and why it waits", () => {
  const customStatus = {
    waiting: "the queue still holds 2 envelopes",
    windows_done: 1,
    windows_total: 4,
    queued: 1200,
    unreadable: 0,
  };
  assert.equal(share({ customStatus }), 0.25);
  assert.deepEqual(counts({ customStatus }), [
    "1 of 4 hours",
    "1,200 queued",
    "waits: the queue still holds 2 envelopes",
  ]);
  assert.deepEqual([share({}), counts({})], [null, []]);
});
