import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bars,
  gaps,
  longGaps,
  phases,
  steps,
  ticks,
} from "../../../view/page/exchange/timeline_scale.js";

test("the axis has round steps up to the end", () => {
  assert.deepEqual(ticks(3_400), [0, 1000, 2000, 3000]);
  assert.deepEqual(ticks(50), [0, 10, 20, 30, 40, 50]);
});

test("each piece but the first has a gap before it", () => {
  assert.deepEqual(gaps([100, 110, 400]), [
    { from: 100, to: 110, ms: 10 },
    { from: 110, to: 400, ms: 290 },
  ]);
  assert.deepEqual(gaps([100]), []);
});

test("gaps that are too narrow to be seen are joined, and none that is long is lost", () => {
  const all = gaps([0, 2, 4, 7, 107, 109, 111]);
  assert.deepEqual(bars(all, 5), [
    { from: 0, to: 7, ms: 3 },
    { from: 7, to: 107, ms: 100 },
    { from: 107, to: 111, ms: 2 },
  ]);
  assert.deepEqual(bars(all, 0), all);
});

test("long gaps stand out from the median; an even stream has none", () => {
  const even = Array.from({ length: 20 }, (_, index) => index * 50);
  assert.deepEqual(longGaps(gaps(even)), []);
  assert.deepEqual(
    longGaps(gaps([...even, 1_950])).map(({ ms }) => ms),
    [1000],
  );
});

test("a mark is measured from the exact one before it, and a rough one from none", () => {
  const marks = [
    { name: "request", at_ms: 0, exact_ms: 1 },
    { name: "recorded", at_ms: 700, exact_ms: 1000 },
    { name: "last byte", at_ms: 900, exact_ms: 1 },
    { name: "delivered", at_ms: 939, exact_ms: 1 },
  ];
  assert.deepEqual(
    steps(marks).map(({ isExact, after_ms }) => [isExact, after_ms]),
    [
      [true, null],
      [false, null],
      [true, 900],
      [true, 39],
    ],
  );
});

test("the phases follow each other to the end, those without a mark left out", () => {
  const marks = [
    { name: "request", at_ms: 0 },
    { name: "headers", at_ms: 90 },
    { name: "first token", at_ms: 130 },
    { name: "last byte", at_ms: 900 },
  ];
  assert.deepEqual(phases(marks, 950), [
    { name: "waiting for headers", from: 0, to: 90 },
    { name: "waiting for the first token", from: 90, to: 130 },
    { name: "answer", from: 130, to: 900 },
  ]);
  assert.deepEqual(phases([{ name: "request", at_ms: 0 }], 950), [
    { name: "answer", from: 0, to: 950 },
  ]);
});
