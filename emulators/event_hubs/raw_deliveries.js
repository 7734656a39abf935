/**
 * Lets publications pass through rhea as bytes.
 *
 * rhea decodes a delivery of message format 0 and hands over those of any other format as they
 * are. Encoding a decoded message again would not give back its bytes. So a producer's session
 * marks format 0, and the emulator reads the bytes itself (publication.js).
 */

import assert from "node:assert/strict";

const PLAIN_FORMAT = 0;
const MARKED_PLAIN_FORMAT = 0xffffffff;

/**
 * Deliver the publications of this receiver's session as bytes; drop those that are aborted.
 * @param {import("./rhea.js").Receiver} receiver
 */
export function receiveRaw(receiver) {
  const { incoming } = receiver.session;
  if (Object.hasOwn(incoming, "on_transfer")) return; // another producer's link did it
  const receive = incoming.on_transfer;
  assert.equal(typeof receive, "function", "rhea's Incoming has no on_transfer");
  incoming.on_transfer = (/** @type {any} */ frame, /** @type {any} */ link) => {
    const { performative } = frame;
    if (performative.message_format === PLAIN_FORMAT && isProducerLink(link)) {
      performative.message_format = MARKED_PLAIN_FORMAT;
    }
    if (performative.aborted && link._incomplete !== undefined) {
      incoming.next_transfer_id += 1;
      link._incomplete.settled = true; // the sender waits for no outcome
      link._incomplete = undefined;
    } else {
      receive.call(incoming, frame, link);
    }
  };
}

const producerLinks = new WeakSet();

/** @param {import("./rhea.js").Receiver} receiver whose deliveries are wanted as bytes */
export function markAsProducer(receiver) {
  producerLinks.add(receiver);
}

/** @param {object} link */
function isProducerLink(link) {
  return producerLinks.has(link);
}
