/** The SDK asks `$management` before it opens a link, so the client here is another: rhea's own. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";

import rhea from "rhea";
import frames from "rhea/lib/frames.js";

import { Namespace } from "../namespace.js";
import { AmqpServer } from "../server.js";

const HUB = "openai-logs";
const namespace = new Namespace([HUB], { partitions: 3, retentionBytes: 100_000 });
let connection;
let server;

before(async () => {
  server = new AmqpServer(namespace, { host: "127.0.0.1", port: 0, idleTimeoutS: 60 });
  await once(server.listener, "listening");
  const { port } = server.listener.address();
  connection = rhea.create_container().connect({ host: "127.0.0.1", port, reconnect: false });
  await once(connection, "connection_open");
});

after(() => server.stop());

const REFUSALS = [
  ["open_sender", "no-such-hub", "amqp:not-found", /'no-such-hub' could not be found/],
  ["open_sender", `${HUB}/Partitions/3`, "com.microsoft:argument-out-of-range", /'3'/],
  ["open_sender", "/", "amqp:not-found", /neither a hub nor a partition/],
  [
    "open_receiver",
    `no-such-hub/ConsumerGroups/$Default/Partitions/0`,
    "amqp:not-found",
    /no-such/,
  ],
  [
    "open_receiver",
    `${HUB}/ConsumerGroups/$Default/Partitions/7`,
    "com.microsoft:argument-out-of-range",
    /between 0 and 2.*'7'/,
  ],
];

for (const [open, address, condition, description] of REFUSALS) {
  test(`${open} to ${address} is refused with ${condition}`, async () => {
    const link = connection[open](address);
    await once(link, open === "open_sender" ? "sender_error" : "receiver_error");
    assert.equal(link.error.condition, condition);
    assert.match(link.error.description, description);
  });
}

test("an aborted publication leaves no trace, and later ones arrive", async () => {
  const sender = connection.open_sender(`${HUB}/Partitions/1`);
  await once(sender, "sendable");
  const { session } = sender;
  // rhea cannot abort a delivery, so its frames are written here.
  const delivery = { handle: sender.local.handle, delivery_id: session.outgoing.next_delivery_id };
  session.output(
    frames.transfer({ ...delivery, delivery_tag: Buffer.from("t"), message_format: 0, more: true }),
    Buffer.from("cut"),
  );
  session.output(frames.transfer({ ...delivery, aborted: true }));
  session.outgoing.next_transfer_id += 2;
  session.outgoing.next_delivery_id += 1;
  session.outgoing.next_pending_delivery += 1;
  session.outgoing.deliveries.push({
    id: delivery.delivery_id,
    settled: true,
    remote_settled: true,
  });
  sender.send({ body: "whole" });
  await once(sender, "accepted");
  assert.equal(namespace.counters.publications_accepted, 1);
  assert.equal(namespace.counters.publications_malformed, 0);
});
