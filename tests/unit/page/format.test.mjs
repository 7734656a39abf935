import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../../view/page/format.js";

test("a duration has the unit that reads best", () => {
  assert.deepEqual([0, 999.4, 1000, 59_994, 59_996, 125_000].map(format.duration), [
    "0 ms",
    "999 ms",
    "1.00 s",
    "59.99 s",
    "1 m 00 s",
    "2 m 05 s",
  ]);
});

test("what is unknown is an en dash, and 0 is a number", () => {
  for (const form of [format.count, format.duration, format.size, format.cost])
    assert.equal(form(null), "–");
  assert.equal(format.count(0), "0");
  assert.equal(format.cost(0), "0");
});

test("a cost has two digits that count, cents at least, and its currency", () => {
  const shown = [1.239, 12, 0.0996, 0.0123, 0.00042, 0.0000021, 0.0000004, 0].map((amount) =>
    format.cost(amount, "USD"),
  );
  assert.deepEqual(shown, [
    "$1.24",
    "$12.00",
    "$0.10",
    "$0.012",
    "$0.00042",
    "$0.000002",
    "<$0.000001",
    "$0",
  ]);
  assert.deepEqual(
    ["EUR", "XYZ", "credits", null].map((currency) => format.cost(0.5, currency)),
    ["€0.50", "XYZ 0.50", "credits 0.50", "0.50"],
  );
});

test("the points of a column of costs stand below each other", () => {
  const column = [1.239, 0.00042, 0.0000004, 0].map((amount) => format.alignedCost(amount, "USD"));
  assert.deepEqual(
    column.map((text) => text.length - Math.max(text.indexOf("."), text.indexOf("\u2008"))),
    [7, 7, 7, 7],
  );
  assert.deepEqual(
    column.map((text) => text.trim()),
    ["$1.24", "$0.00042", "<$0.000001", "$0"],
  );
});

test("sizes and counts", () => {
  assert.equal(format.size(999), "999 B");
  assert.equal(format.size(68_211), "68.2 kB");
  assert.equal(format.count(1_234_567), "1,234,567");
});

test("the date stands before the time if it is not today's", () => {
  const now = new Date(2026, 10, 27, 12);
  assert.equal(format.time(new Date(2026, 10, 27, 9, 5, 7, 45).toISOString(), now), "09:05:07.045");
  assert.equal(
    format.time(new Date(2026, 10, 26, 9, 5, 7, 45).toISOString(), now),
    "2026-11-26 09:05:07.045",
  );
});
