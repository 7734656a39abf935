/**
 * Pads frames so that the azure-eventhub SDK can read them.
 *
 * AMQP lets a sender leave out trailing nulls of a performative, and rhea does. The SDK's own AMQP
 * layer (_pyamqp) indexes the fields by position (`frame[11]`) and breaks on a short list. So
 * every performative is sent with all its fields.
 */

import assert from "node:assert/strict";

/** @param {import("./rhea.js").Connection} connection its later frames are padded */
export function padFrames(connection) {
  const write = connection._write_frame;
  // rhea has no hook for this; package.json pins its version, and a release without this method
  // must not pass in silence.
  assert.equal(typeof write, "function", "rhea's Connection has no _write_frame");
  connection._write_frame = (channel, performative, payload) => {
    if (performative !== undefined) pad(performative);
    write.call(connection, channel, performative, payload);
  };
}

/** @param {import("./rhea.js").Composite} performative */
export function pad(performative) {
  const prototype = Object.getPrototypeOf(performative);
  // The accessors of the prototype are the fields; rhea writes an undefined field as null.
  const fields = Object.keys(prototype).filter((name) => isAccessor(prototype, name));
  if (performative.value.length < fields.length) performative.value.length = fields.length;
}

/**
 * @param {object} prototype
 * @param {string} name
 */
function isAccessor(prototype, name) {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get !== undefined;
}
