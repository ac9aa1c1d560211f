/**
 * The tables of a replication stream, as it describes them, each with the encoder of its rows. A row that went through the encoder of another shape of
 * its table would have its values in the wrong columns; so an altered table is compiled anew before its next row, in the middle of a transaction too.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Flow".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { EventEncoder } from "./event-encoder.ts";
import type { Relation } from "./pgoutput.ts";
import { type RelationCompiler, sameRelation } from "./relation-compiler.ts";

export interface StreamTablesOptions {
  /** Whether the service owns this table of the source. */
  readonly owns: (schema: string, table: string) => boolean;
  /** Whether the service has partitioned tables: only then may a partition be described of which the rows come under another name. */
  readonly partitioned: () => boolean;
  /** Something in the stream is not published: said once per table or kind of message. */
  readonly leftOut: (what: string) => void;
}

export interface KnownTable {
  readonly relation: Relation;
  /** Undefined for a table that is not the service's, and for a partition of which the rows come under its root's name. */
  readonly encoder: EventEncoder | undefined;
  readonly underRoot: boolean;
}

export class StreamTables {
  readonly #compiler: RelationCompiler;
  readonly #options: StreamTablesOptions;
  readonly #known = new Map<number, KnownTable>();

  constructor(compiler: RelationCompiler, options: StreamTablesOptions) {
    this.#compiler = compiler;
    this.#options = options;
  }

  /** The stream describes a table. @returns whether it has to be compiled before the next row is read */
  describe(relation: Relation): boolean {
    const known = this.#known.get(relation.oid);
    // A partition that has been detached since looks the same, and its rows come under its own name.
    if (known !== undefined && !known.underRoot && sameRelation(known.relation, relation)) return false;
    if (this.#options.partitioned() || this.#options.owns(relation.schema, relation.name)) return true;
    this.#leaveOut(relation);
    return false;
  }

  /** @throws OfftakeError as RelationCompiler.compile */
  async compile(relation: Relation, xid: number): Promise<void> {
    const { owns, partitioned } = this.#options;
    const { schema, name, oid } = relation;
    const before = this.#known.get(oid)?.encoder;
    if (partitioned() && (await this.#compiler.comesUnderRoot(relation, xid))) {
      this.#known.set(oid, { relation, encoder: undefined, underRoot: true });
      return;
    }
    if (!owns(schema, name)) {
      this.#leaveOut(relation);
      return;
    }
    const encoder = await this.#compiler.compile(relation, xid);
    if (before !== undefined) encoder.goOnFrom(before);
    this.#known.set(oid, { relation, encoder, underRoot: false });
  }

  #leaveOut(relation: Relation): void {
    this.#options.leftOut(`the table ${relation.schema}.${relation.name}, which is in the publication and not among the service's tables`);
    this.#known.set(relation.oid, { relation, encoder: undefined, underRoot: false });
  }

  /**
   * @param oid as the decoder gives it, signed
   * @throws OfftakeError PGOUTPUT_MALFORMED for one that was not described
   */
  table(oid: number): KnownTable {
    const known = this.#known.get(oid >>> 0);
    if (known === undefined)
      throw new OfftakeError("PGOUTPUT_MALFORMED", `The replication stream holds a row of the relation ${oid >>> 0}, which it has not described.`);
    return known;
  }
}
