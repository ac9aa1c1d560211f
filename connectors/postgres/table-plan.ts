/**
 * What the events of one table are made of: compiled from its relation message and the catalog (relation-compiler.ts), run by encoder and key.
 */
import type { EnvelopeColumn } from "../../schemas/envelope.ts";

/** What the encoder of one table is made of. */
export interface TablePlan {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly EnvelopeColumn[];
  /** Ids of the registered schemas; keyId is undefined for a table without a key. */
  readonly keyId: number | undefined;
  readonly valueId: number;
  /** REPLICA IDENTITY FULL: the key is the catalog's of today, and the stream's rows may be older than it. */
  readonly keyFromCatalog: boolean;
}
