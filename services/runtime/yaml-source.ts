/**
 * A YAML text as plain values, with the line and column of each.
 *
 * YAML forgives much that is a slip in a configuration: a second key of the same name wins, `*.example` is a reference to an anchor, `&x` is
 * nothing. So whatever means something else than it seems to is a fault. The library's own messages quote the text, which may be a password,
 * hence the table of messages here.
 *
 * Pure.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, Scalar, visit } from "yaml";
import type { Document, ErrorCode, Node, Pair, YAMLError, YAMLMap } from "yaml";
import { keyText, type LocatedFault, type Path } from "./configuration-fault.ts";

export interface YamlSource {
  /** Mappings, lists and scalars; null for an empty text; undefined when it is not YAML. */
  readonly value: unknown;
  /** What is wrong with the YAML itself. */
  readonly faults: readonly LocatedFault[];
  /** Line and column, from 1, of the key or value at a path; of the nearest mapping around it where the path is not in the text. */
  locate(path: Path, at: "key" | "value"): { line: number; column: number };
}

export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  // Duplicate keys are found below, with the line of the first. A log level of "silent" would silence a second document too.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const fault = (offset: number, message: string): LocatedFault => ({ ...position(offset), message, later: false });

  const broken = syntaxFaults(document, fault);
  const faults = broken.length > 0 ? broken : surprises(document, fault, position);
  return {
    value: broken.length > 0 ? undefined : document.toJS(),
    faults,
    locate: (path, at) => position(offsetOf(document, path, at)),
  };
}

type MakeFault = (offset: number, message: string) => LocatedFault;

/** One slip makes the parser stumble several times: only the first fault of a line is kept. */
function syntaxFaults(document: Document.Parsed, fault: MakeFault): LocatedFault[] {
  const faults: LocatedFault[] = [];
  for (const error of document.errors) {
    const unclosed = error.code === "MISSING_CHAR" && error.message.includes("quote") ? openQuote(document, error.pos[0]) : undefined;
    const next = unclosed === undefined ? fault(error.pos[0], syntaxMessage(error)) : fault(unclosed, "this quote is not closed");
    if (!faults.some(({ line }) => line === next.line)) faults.push(next);
  }
  return faults;
}

/** Where the quoted text starts that was still open at the offset: the parser complains at its end, which may be the end of the file. */
function openQuote(document: Document.Parsed, offset: number): number | undefined {
  let start: number | undefined;
  visit(document, {
    Scalar(_, { type, range }) {
      if ((type === "QUOTE_SINGLE" || type === "QUOTE_DOUBLE") && range && range[0] <= offset) start = range[0];
    },
  });
  return start;
}

const notKeyValue = "not `key: value`: a colon and a space follow a key, on its line, and a text with a colon and a space in it stands in quotes";
const notYaml = "not YAML here: is a quote, a colon or a bracket missing before?";

/** By the library's codes; what is not here cannot be told better than `notYaml`. */
const syntaxMessages: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: "a tab at the start of the line: YAML is indented with spaces",
  BAD_INDENT: "the indentation fits no line above: keys of one mapping start in the same column",
  BLOCK_AS_IMPLICIT_KEY: notKeyValue,
  MULTILINE_IMPLICIT_KEY: notKeyValue,
  MISSING_CHAR: notKeyValue,
  BLOCK_IN_FLOW: "within [ ] and { } everything stands on one line or inside further brackets",
  BAD_SCALAR_START: "a text that starts with this character stands in quotes",
  BAD_ALIAS: "a text that starts with * stands in quotes",
  BAD_DQ_ESCAPE: "a backslash in double quotes starts an escape that YAML does not know: write it twice, or use single quotes",
  RESOURCE_EXHAUSTION: "nested too deep",
  MULTIPLE_DOCS: "a second document starts here (---): the configuration is one",
};

function syntaxMessage({ code, message }: YAMLError): string {
  if (message.startsWith("Flow")) return "a [ or { was opened above and not closed before this line";
  return syntaxMessages[code] ?? notYaml;
}

/** What YAML accepts and means otherwise than it looks. Taken out of the document, so that the rest can be judged. */
function surprises(document: Document.Parsed, fault: MakeFault, position: (offset: number) => { line: number }): LocatedFault[] {
  const faults: LocatedFault[] = [];
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        faults.push(fault(startOf(node), "an alias (*name): write the value out; a text that starts with * stands in quotes"));
        const nothing = new Scalar(null);
        if (node.range) nothing.range = node.range;
        return nothing;
      }
      if (node.anchor !== undefined)
        faults.push(fault(startOf(node), "an anchor (&name): write the value out where it is needed; a text that starts with & stands in quotes"));
      if (node.tag !== undefined) faults.push(fault(startOf(node), "a tag (!name): remove it; a text that starts with ! stands in quotes"));
      if (isMap(node)) node.items = uniqueTexts(node, faults, fault, position);
      return undefined;
    },
  });
  return faults;
}

/** The pairs whose key is a text that was not there before. */
function uniqueTexts(map: YAMLMap, faults: LocatedFault[], fault: MakeFault, position: (offset: number) => { line: number }): Pair[] {
  const first = new Map<string, number>();
  return map.items.filter(({ key }) => {
    if (!isScalar(key) || typeof key.value !== "string") {
      faults.push(fault(isNode(key) ? startOf(key) : startOf(map), "a key that is not a text: put it in quotes"));
      return false;
    }
    if (key.value === "__proto__") {
      // Objects of JavaScript lose it in silence.
      faults.push(fault(startOf(key), "the key `__proto__` cannot be used"));
      return false;
    }
    const before = first.get(key.value);
    if (before === undefined) first.set(key.value, startOf(key));
    else faults.push(fault(startOf(key), `the key \`${keyText(key.value)}\` is here twice: first in line ${position(before).line}`));
    return before === undefined;
  });
}

function offsetOf(document: Document.Parsed, path: Path, at: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = document.contents === null ? 0 : startOf(document.contents);
  for (const [index, step] of path.entries()) {
    if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      if (isNode(node)) offset = startOf(node);
      continue;
    }
    const pair = isMap(node) ? node.items.find((each: Pair) => isScalar(each.key) && each.key.value === step) : undefined;
    if (pair === undefined) return offset;
    const last = index === path.length - 1;
    const { key, value } = pair;
    node = value;
    // A block below its key is pointed at by its key, which is where a missing key of it would be looked for.
    const inPlace = isScalar(value) && value.range?.[0] !== value.range?.[1];
    if (last && at === "value" && inPlace) offset = startOf(value);
    else if (isNode(key)) offset = startOf(key);
  }
  return offset;
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
