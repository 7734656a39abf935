import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../../view/page/format.js";

test("a duration has the unit that reads best", () => {
  assert.deepEqual([0, 999.4, 1000, 59_994, 59_996, 125_000].map(format.duration), [
    "0 ms", "999 ms", "1.00 s", "59.99 s", "1 m 00 s", "2 m 05 s",
  ]);
});

test("what is unknown is an en dash, and 0 is a number", () => {
  for (const form of [format.count, format.duration, format.size, format.cost]) assert.equal(form(null), "–");
  assert.equal(format.count(0), "0");
  assert.equal(format.cost(0), "0");
});

test("sizes, counts and small costs", () => {
  assert.equal(format.size(999), "999 B");
  assert.equal(format.size(68_211), "68.2 kB");
  assert.equal(format.count(1_234_567), "1,234,567");
  assert.equal(format.cost(0.00123), "0.0012");
  assert.equal(format.cost(1.239), "1.24");
});

test("the date stands before the time if it is not today's", () => {
  const now = new Date(2026, 10, 27, 12);
  assert.equal(format.time(new Date(2026, 10, 27, 9, 5, 7, 45).toISOString(), now), "09:05:07.045");
  assert.equal(format.time(new Date(2026, 10, 26, 9, 5, 7, 45).toISOString(), now), "2026-11-26 09:05:07.045");
});
