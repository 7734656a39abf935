/**
 * How many consumers read each partition for each consumer group.
 *
 * A consumer group exists as soon as a consumer names it. Owner levels ("epochs"), by which a
 * consumer with a checkpoint store displaces others, are ignored: fnsse's own consumers have none.
 */

/** The consumers of a hub. */
export class ConsumerGroups {
  /** @type {Map<string, number>} */
  #consumers = new Map();

  /**
   * A consumer begins to read a partition.
   * @param {string} group
   * @param {string} partitionId
   */
  join(group, partitionId) {
    this.#count(group, partitionId, 1);
  }

  /**
   * A consumer stops reading a partition.
   * @param {string} group
   * @param {string} partitionId
   */
  leave(group, partitionId) {
    this.#count(group, partitionId, -1);
  }

  /** Number of consumers by 'group/partition', for those that have any. */
  describe() {
    return Object.fromEntries([...this.#consumers].filter(([, count]) => count > 0));
  }

  /**
   * @param {string} group
   * @param {string} partitionId
   * @param {number} change
   */
  #count(group, partitionId, change) {
    // Group names ignore case: the SDK's "$Default" and the service's "$default" are one.
    const place = `${group.toLowerCase()}/${partitionId}`;
    this.#consumers.set(place, (this.#consumers.get(place) ?? 0) + change);
  }
}
