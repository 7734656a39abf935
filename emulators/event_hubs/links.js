/** Maps a link's address to a node, and refuses other addresses with the service's error. */

import { ConsumerLink } from "./consumer_link.js";
import { NodeNotFound, ServiceError, amqpError } from "./errors.js";
import { ProducerLink } from "./producer_link.js";
import { markAsProducer } from "./raw_deliveries.js";
import { RequestLink } from "./request_links.js";

const REQUEST_NODES = ["$cbs", "$management"];
const DEFAULT_GROUP = "$Default";

const ENTITY = /^\/?([^/]+)(?:\/ConsumerGroups\/([^/]+))?(?:\/Partitions\/([^/]+))?\/?$/i;

/**
 * Respond to a client's attach.
 * @param {import("./rhea.js").Sender | import("./rhea.js").Receiver} link
 * @param {import("./namespace.js").Namespace} namespace
 * @param {import("./request_links.js").ReplyLinks} replies
 * @returns {{ closed: () => void } | undefined} undefined if it was closed with an error
 */
export function serve(link, namespace, replies) {
  try {
    return link.is_receiver()
      ? serveReceiver(/** @type {import("./rhea.js").Receiver} */ (link), namespace, replies)
      : serveSender(/** @type {import("./rhea.js").Sender} */ (link), namespace, replies);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    link.close(amqpError(error.condition, error.message));
    return undefined;
  }
}

/**
 * @param {import("./rhea.js").Receiver} receiver
 * @param {import("./namespace.js").Namespace} namespace
 * @param {import("./request_links.js").ReplyLinks} replies
 */
function serveReceiver(receiver, namespace, replies) {
  const address = pathOf(receiver.target?.address);
  receiver.set_source({ address: receiver.source?.address });
  receiver.set_target({ address: receiver.target?.address });
  if (REQUEST_NODES.includes(address)) {
    return new RequestLink(receiver, address, namespace, replies);
  }
  const { hub, partitionId } = entity(address);
  markAsProducer(receiver);
  return new ProducerLink(receiver, namespace, namespace.hub(hub), partitionId);
}

/**
 * @param {import("./rhea.js").Sender} sender
 * @param {import("./namespace.js").Namespace} namespace
 * @param {import("./request_links.js").ReplyLinks} replies
 */
function serveSender(sender, namespace, replies) {
  const address = pathOf(sender.source?.address);
  sender.set_source({ address: sender.source?.address });
  sender.set_target({ address: sender.target?.address });
  if (REQUEST_NODES.includes(address)) return replies.add(sender, address);
  const { hub, group, partitionId } = entity(address);
  return new ConsumerLink(sender, {
    hub: namespace.hub(hub),
    group: group ?? DEFAULT_GROUP,
    partitionId: partitionId ?? "",
    counters: namespace.counters,
  });
}

/**
 * The address without scheme and host: the SDK sends `amqps://host/hub`, others `hub`.
 * @param {string | null | undefined} address
 */
function pathOf(address) {
  const text = address ?? "";
  const path = URL.canParse(text) ? new URL(text).pathname : text;
  return decodeURIComponent(path).replace(/^\/+/, "");
}

/**
 * @param {string} path
 * @throws {NodeNotFound}
 */
function entity(path) {
  const match = ENTITY.exec(path);
  if (match === null) {
    throw new NodeNotFound(`The address '${path}' is neither a hub nor a partition of one.`);
  }
  const [, hub, group, partitionId] = match;
  return { hub, group, partitionId };
}
