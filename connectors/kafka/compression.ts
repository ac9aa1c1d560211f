/**
 * Compression of record batches. Offtake writes none, lz4 or zstd, as the topic asks; it reads all four of Kafka's. A few kilobytes may stand for gigabytes: what a batch holds
 * is limited, or one of them would take the memory of a process, and with it all services in it.
 *
 * Source: Apache Kafka documentation, topic configuration `compression.type`.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithms } from "@platformatic/kafka";
import { lz4Content } from "./lz4-frame.ts";
import { snappyContent } from "./snappy.ts";

export type Compression = "none" | "lz4" | "zstd";

/** The codes of a batch's attributes. */
export const compressionCodes: Readonly<Record<Compression, number>> = { none: 0, lz4: 3, zstd: 4 };

/** What to write to a topic with this `compression.type`; `producer` and the two that Offtake does not write leave it to the broker. */
export function compressionOf(topicSetting: string): Compression {
  return topicSetting === "lz4" || topicSetting === "zstd" ? topicSetting : "none";
}

export function compress(compression: Compression, bytes: Buffer): Buffer {
  return compressionsAlgorithms[compression].compressSync(bytes);
}

/**
 * Bytes that a batch may hold, uncompressed. Offtake's own have less than 1 MiB and then one event, of at most 96 MiB (kafka.maxEvent); this is four times that, for what others
 * write to the topic: it is read, too, before it is passed over.
 */
export const mostContentBytes = 4 * (97 << 20);

/**
 * @param code bits 0 to 2 of the batch's attributes, not 0
 * @param most bytes that it may give
 * @throws Error, RangeError for what its compression does not know, and for more than that, before there is memory for all of it
 */
export function decompress(code: number, bytes: Buffer, most = mostContentBytes): Buffer {
  switch (code) {
    case 1:
      return gunzipSync(bytes, { maxOutputLength: most });
    case 2:
      return snappyContent(bytes, most);
    case 3:
      return lz4Content(bytes, most);
    case 4:
      return zstdDecompressSync(bytes, { maxOutputLength: most });
    default:
      throw new Error("a compression that Kafka does not have");
  }
}
