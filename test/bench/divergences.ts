/**
 * Divergences written directly into the target while it is compared: what each was, when, and whether it is still there at the end. One that a later change healed is no fault of
 * whoever did not report it.
 */
import type { Client } from "pg";
import type { SeededRandom } from "../../infra/demo/seeded-random.ts";

const kinds = ["deleted", "added", "changed", "empty for NULL", "scale", "negative zero", "swapped", "json order"] as const;
type Kind = (typeof kinds)[number];

interface Injected {
  readonly key: string;
  readonly kind: Kind;
  /** During which pass, from 1. */
  readonly pass: number;
}

/** Beyond all keys of the load. */
const firstAdded = 1_000_000_000_000;

export class Divergences {
  readonly injected: Injected[] = [];
  readonly #target: Client;
  readonly #rows: number;

  /** @param rows of the table, with the ids from 1 */
  constructor(target: Client, rows: number) {
    this.#target = target;
    this.#rows = rows;
  }

  /** One more, of a kind and a row by chance. */
  async inject(pass: number, random: SeededRandom): Promise<void> {
    const kind = kinds[random.between(0, kinds.length - 1)]!;
    const id = random.between(1, this.#rows - 1);
    if (kind === "swapped") {
      const { rowCount } = await this.#target.query(
        "UPDATE bench b SET uid = o.uid FROM bench o WHERE b.id IN ($1, $2) AND o.id IN ($1, $2) AND b.id <> o.id",
        [id, id + 1],
      );
      if (rowCount === 2) this.injected.push({ key: String(id), kind, pass }, { key: String(id + 1), kind, pass });
      return;
    }
    const statements: Record<Exclude<Kind, "swapped">, string> = {
      deleted: "DELETE FROM bench WHERE id = $1",
      added: `INSERT INTO bench (id) SELECT ${firstAdded} + $1::bigint ON CONFLICT DO NOTHING`,
      changed: "UPDATE bench SET n = coalesce(n, 0) + 1 WHERE id = $1",
      "empty for NULL": "UPDATE bench SET note = '' WHERE id = $1 AND note IS NULL",
      scale: "UPDATE bench SET amt = (amt::text || '0')::numeric WHERE id = $1",
      "negative zero": "UPDATE bench SET zero = '-0' WHERE id = $1 AND zero::text = '0'",
      "json order": `UPDATE bench SET doc = '{"qty": 1, "side": "buy"}' WHERE id = $1 AND doc::text = '{"side": "buy", "qty": 1}'`,
    };
    const { rowCount } = await this.#target.query(statements[kind], [id]);
    if (rowCount === 1) this.injected.push({ key: String(kind === "added" ? firstAdded + id : id), kind, pass });
  }

  /** Keys that differ, as they are now. Nobody may write meanwhile. */
  async left(source: Client): Promise<Set<string>> {
    const keys = [...new Set(this.injected.map(({ key }) => key))];
    const texts = async (client: Client): Promise<Map<string, string>> => {
      const { rows } = await client.query<{ id: string; row: string }>("SELECT id, b::text AS row FROM bench b WHERE id = ANY ($1)", [keys]);
      return new Map(rows.map(({ id, row }) => [id, row]));
    };
    const [there, here] = [await texts(source), await texts(this.#target)];
    return new Set(keys.filter((key) => there.get(key) !== here.get(key)));
  }
}
