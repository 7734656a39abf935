import assert from "node:assert/strict";
import { test } from "node:test";
import { aligned, joined, seriesAt, stacked, timeTerms } from "../../../view/page/charts/series.js";

test("series get one time axis, with 0 where one has nothing", () => {
  assert.deepEqual(
    aligned({
      a: [
        [60, 1],
        [180, 3],
      ],
      b: [[120, 2]],
    }),
    {
      names: ["a", "b"],
      times: [60, 120, 180],
      columns: [
        [1, 0, 3],
        [0, 2, 0],
      ],
    },
  );
});

test("a stack is hit where its series is drawn", () => {
  const stack = stacked([
    [1, 0],
    [2, 5],
  ]);
  assert.deepEqual(stack, [
    [1, 0],
    [3, 5],
  ]);
  assert.equal(seriesAt(stack, 0, 0.5), 0);
  assert.equal(seriesAt(stack, 0, 2), 1);
  assert.equal(seriesAt(stack, 0, 4), -1);
});

test("points and bands are sorted by time", () => {
  const { ids, columns } = joined([[90, 300, "x"]], [[60, 200, 400]]);
  assert.deepEqual(ids, ["", "x"]);
  assert.deepEqual(columns, [
    [60, 90],
    [null, 300],
    [200, null],
    [400, null],
  ]);
});

test("a stretch of time is two terms of the filter line", () => {
  assert.deepEqual(timeTerms(1_764_237_600, 1_764_237_660), [
    "time>=2025-11-27T10:00:00Z",
    "time<2025-11-27T10:01:00Z",
  ]);
});
