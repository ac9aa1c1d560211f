/**
 * Passes over values of Avro by their type: fields that this version does not know must not stop it, and one byte too many or too few makes nonsense of
 * all that follows.
 *
 * Source: Apache Avro specification, "Binary Encoding".
 */
import avro from "avsc";
import { OfftakeError } from "../services/runtime/errors.ts";
import type { AvroCursor } from "./avro-bytes.ts";
import type { AvroForm } from "./postgres-types.ts";

export type Skip = (cursor: AvroCursor) => void;

/** @throws OfftakeError EVENT_MALFORMED for a type that Avro does not have */
export function skipOf(type: avro.Type): Skip {
  if (type instanceof avro.types.RecordType) {
    const steps = type.fields.map((field) => skipOf(field.type));
    return (cursor) => {
      for (const step of steps) step(cursor);
    };
  }
  const skips = branchesOf(type)?.map(skipOf);
  if (skips !== undefined)
    return (cursor) => {
      const branch = skips[cursor.long()];
      if (branch === undefined) throw new OfftakeError("EVENT_MALFORMED", "An event has a union branch that its schema does not have.");
      branch(cursor);
    };
  if (type instanceof avro.types.ArrayType) return blocks(skipOf(type.itemsType));
  if (type instanceof avro.types.MapType) {
    const value = skipOf(type.valuesType);
    return blocks((cursor) => {
      cursor.slice();
      value(cursor);
    });
  }
  if (type instanceof avro.types.EnumType) return (cursor) => cursor.skipLong();
  if (type instanceof avro.types.FixedType) {
    const { size } = type;
    return (cursor) => cursor.skip(size);
  }
  if (type.typeName === "null") return () => {};
  if (isForm(type.typeName)) {
    const form = type.typeName;
    return (cursor) => void passOver(cursor, form);
  }
  throw new OfftakeError("EVENT_MALFORMED", `A schema has the type ${type.typeName}, which this version cannot pass over.`);
}

/** Of an array or a map. */
function blocks(item: Skip): Skip {
  return (cursor) => {
    for (let count = cursor.long(); count !== 0; count = cursor.long()) {
      if (count < 0) {
        cursor.skipLong();
        count = -count;
      }
      for (; count > 0; count -= 1) {
        const before = cursor.at;
        item(cursor);
        // Items without bytes: a damaged count of them would be counted down for days.
        if (cursor.at === before) break;
      }
    }
  };
}

/** The types of a union, undefined for any other type. */
export function branchesOf(type: avro.Type): avro.Type[] | undefined {
  return type instanceof avro.types.UnwrappedUnionType || type instanceof avro.types.WrappedUnionType ? type.types : undefined;
}

export function isForm(name: string): name is AvroForm {
  return ["boolean", "int", "long", "float", "double", "bytes", "string"].includes(name);
}

/** Passes over a value. @returns where it begins: of a string or bytes the content */
export function passOver(cursor: AvroCursor, form: AvroForm): number {
  const start = cursor.at;
  switch (form) {
    case "string":
    case "bytes":
      return cursor.slice();
    case "int":
    case "long":
      cursor.skipLong();
      return start;
    case "boolean":
      cursor.skip(1);
      return start;
    case "float":
      cursor.skip(4);
      return start;
    case "double":
      cursor.skip(8);
      return start;
  }
}
