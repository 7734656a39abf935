import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isExchangeId,
  parts,
  quoted,
  terms,
  toggled,
  withTerms,
} from "../../../view/page/filter/terms.js";

test("terms are apart at white space outside quotes", () => {
  assert.deepEqual(terms('outcome:!completed  "two words" model:"a b",c tokens>1'), [
    "outcome:!completed",
    '"two words"',
    'model:"a b",c',
    "tokens>1",
  ]);
});

test("a quote within quotes does not end them", () => {
  assert.deepEqual(terms('"a \\" b" c'), ['"a \\" b"', "c"]);
});

test("a quote that is never closed takes the rest", () => {
  assert.deepEqual(terms('"half a text'), ['"half a text']);
});

test("a term has key, operator and value; a text has a value alone", () => {
  assert.deepEqual(parts("ttft>=2s"), { key: "ttft", operator: ">=", value: "2s" });
  assert.deepEqual(parts("outcome:!a,b"), { key: "outcome", operator: ":!", value: "a,b" });
  assert.deepEqual(parts('"key:no"'), { key: "", operator: "", value: '"key:no"' });
});

test("a value with a space, a comma, a quote or a star is quoted", () => {
  assert.equal(quoted("gpt-4o"), "gpt-4o");
  assert.equal(quoted('Team "A", B\\'), '"Team \\"A\\", B\\\\"');
  assert.equal(quoted("gpt-*"), '"gpt-*"');
});

test("a new term takes the place of one with the same key and operator", () => {
  assert.equal(withTerms("deployment:a tokens>5", ["deployment:b"]), "tokens>5 deployment:b");
  assert.equal(withTerms("time>=1 time<2", ["time>=3", "time<4"]), "time>=3 time<4");
});

test("a term is toggled", () => {
  assert.equal(toggled("", "outcome:aborted"), "outcome:aborted");
  assert.equal(toggled("outcome:aborted tokens>5", "outcome:aborted"), "tokens>5");
});

test("an exchange id is known by its form, with white space around it", () => {
  assert.equal(isExchangeId(" 01A21C82-EC97-7985-96C3-45BD05F45DB9\n"), true);
  assert.equal(isExchangeId("01a21c82-ec97"), false);
});
