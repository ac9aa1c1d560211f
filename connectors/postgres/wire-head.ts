/**
 * What stands in front of every key and value on a topic: 0x00 and the id of the schema that it was written with.
 *
 * Source: Confluent documentation, "Wire Format".
 */
export function wireHead(schemaId: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(schemaId, 1);
  return head;
}
