/**
 * Compression of record batches. Offtake writes none, lz4 or zstd, as the topic asks; it reads all four of Kafka's.
 *
 * Source: Apache Kafka documentation, topic configuration `compression.type`.
 */
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";
import { OfftakeError } from "../../services/runtime/errors.ts";

export type Compression = "none" | "lz4" | "zstd";

/** The codes of a batch's attributes. */
export const compressionCodes: Readonly<Record<Compression, number>> = { none: 0, lz4: 3, zstd: 4 };

/** What to write to a topic with this `compression.type`; `producer` and the two that Offtake does not write leave it to the broker. */
export function compressionOf(topicSetting: string): Compression {
  return topicSetting === "lz4" || topicSetting === "zstd" ? topicSetting : "none";
}

export function compress(compression: Compression, bytes: Buffer): Buffer {
  return codec(compressionCodes[compression]).compressSync(bytes);
}

/** @param code bits 0 to 2 of the batch's attributes */
export function decompress(code: number, bytes: Buffer): Buffer {
  return codec(code).decompressSync(bytes);
}

function codec(code: number) {
  const found = compressionsAlgorithmsByBitmask[code as keyof typeof compressionsAlgorithmsByBitmask];
  if (found === undefined) throw new OfftakeError("KAFKA_BATCH_DAMAGED", `A record batch names the compression ${code}, which Kafka does not have.`);
  return found;
}
