/**
 * The request/response nodes `$cbs` (tokens) and `$management` (properties): a request link and a
 * reply link per session.
 */

import { respond } from "./management.js";
import { types } from "./rhea.js";

const CREDIT = 100;
const MAX_REQUEST_BYTES = 65_536;

/** The reply links of a connection, by session and node. */
export class ReplyLinks {
  /** @type {Map<import("./rhea.js").Session, Map<string, import("./rhea.js").Sender>>} */
  #senders = new Map();

  /**
   * @param {import("./rhea.js").Sender} sender
   * @param {string} node
   * @returns {{ closed: () => void }}
   */
  add(sender, node) {
    const { session } = sender;
    const nodes = this.#senders.get(session) ?? new Map();
    this.#senders.set(session, nodes.set(node, sender));
    return {
      closed: () => {
        nodes.delete(node);
        if (nodes.size === 0) this.#senders.delete(session);
      },
    };
  }

  /**
   * Send the reply when the client grants credit; without a reply link it is dropped.
   * @param {import("./rhea.js").Session} session
   * @param {string} node
   * @param {import("rhea").Message} reply
   */
  send(session, node, reply) {
    this.#senders.get(session)?.get(node)?.send(reply);
  }
}

/** Receives requests for a node and responds to each. */
export class RequestLink {
  /**
   * @param {import("./rhea.js").Receiver} receiver
   * @param {string} node
   * @param {import("./namespace.js").Namespace} namespace
   * @param {ReplyLinks} replies
   */
  constructor(receiver, node, namespace, replies) {
    receiver.local.attach.max_message_size = MAX_REQUEST_BYTES;
    receiver.on("message", ({ message, delivery }) => {
      delivery.accept();
      receiver.add_credit(1);
      const reply = node === "$cbs" ? tokenAccepted() : managementReply(message, namespace);
      reply.correlation_id = message.message_id;
      replies.send(receiver.session, node, reply);
    });
    receiver.add_credit(CREDIT);
  }

  closed() {} // there is nothing to undo
}

/**
 * Every token is accepted. The SDK needs a body and an int status.
 * @returns {import("rhea").Message}
 */
function tokenAccepted() {
  return { body: "", application_properties: status(202, "Accepted") };
}

/**
 * @param {import("rhea").Message} request
 * @param {import("./namespace.js").Namespace} namespace
 * @returns {import("rhea").Message}
 */
function managementReply(request, namespace) {
  const response = respond(request.application_properties ?? {}, namespace);
  return {
    body: response.body,
    application_properties: status(response.status, response.description),
  };
}

/**
 * @param {number} code
 * @param {string} description
 */
function status(code, description) {
  // The service writes the first two. The SDK looks for the description under the third name
  // (management_link.py), and the description is what names the hub that is missing.
  return {
    "status-code": types.Int(code),
    "status-description": description,
    statusDescription: description,
  };
}
