/**
 * avsc as the reference of what Avro's bytes are: its own codec, with longs as bigints, since LSNs and the longs of int8 do not fit a double.
 */
import avro from "avsc";
import type { AvroSchema } from "../../schemas/envelope.ts";

const longWith: (methods: object) => avro.Type = Reflect.get(avro.types.LongType, "__with");

const long = longWith({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
});

/** A long that has properties of its own is one, too. */
function typeHook(schema: avro.Schema): avro.Type | undefined {
  return schema === "long" || (typeof schema === "object" && "type" in schema && schema.type === "long") ? long : undefined;
}

/** Every long of it is a bigint; the value of a union stands for itself. */
export function exactAvroType(schema: AvroSchema): avro.Type {
  const copy: avro.Schema = JSON.parse(JSON.stringify(schema));
  return avro.Type.forSchema(copy, { typeHook, wrapUnions: false });
}
