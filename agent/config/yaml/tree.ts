import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Report, TextPosition } from './problem.ts';

/** A value of the file with its position; variables of the environment can add values. */
export type Tree = ScalarNode | MapNode | SequenceNode;
export interface ScalarNode extends TextPosition {
  readonly kind: 'scalar';
  /** As in the file: `pass: 0123` keeps its zero, though YAML has a number there. */
  readonly text: string;
  readonly isNull: boolean;
  /** Offsets of the value in the file, quotes included. */
  readonly range?: readonly [start: number, end: number];
  /** The environment variable that it comes from; it has no line then. */
  readonly variable?: string;
}
export interface MapNode extends TextPosition {
  readonly kind: 'map';
  readonly entries: Map<string, Entry>;
}
interface SequenceNode extends TextPosition {
  readonly kind: 'sequence';
  readonly items: Tree[];
}
/** A key's value; the position is the key's. */
export interface Entry extends TextPosition {
  readonly tree: Tree;
}

/** 20,000 cameras of other boxes with their names have 2.4 million, and 100,000 values; each reading of them takes seconds. */
const MAX_CHARACTERS = 4_194_304;
const MAX_VALUES = 120_000;
const MAX_LEVELS = 32;

/** The file as a tree; undefined when it is not YAML, with each error and its line in `report`. */
export function parseTree(text: string, report: Report): MapNode | undefined {
  if (text.length > MAX_CHARACTERS) {
    report.add('error', {}, '', `the file has ${text.length} characters, the limit is ${MAX_CHARACTERS}`);
    return undefined;
  }
  const lines = new LineCounter();
  // The walk below finds duplicate keys: yaml's own search takes quadratic time.
  const document = parseDocument(text, {
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: 'error',
  });
  for (const error of document.errors.slice(0, 20)) {
    const { line, col: column } = lines.linePos(error.pos[0]);
    const above = isReportedLate(error) ? lineAbove(text, error.pos[0]) : undefined;
    const hint = above === undefined ? '' : `; the mistake may be in line ${above}`;
    report.add('error', { line: Math.max(1, line), column }, '', `${yamlMessage(error.message)}${hint}`);
  }
  return document.errors.length > 0 ? undefined : new Walk(document, lines, report).root();
}

/** The parser finds a wrong indentation or an unclosed collection only in the next line. */
const isReportedLate = ({ code, message }: YAMLError): boolean =>
  code === 'BAD_INDENT' || message.startsWith('Sequence item without -');

/** Number (from 1) of the next line above that is not empty; undefined unless only spaces precede `position` in its own line. */
function lineAbove(text: string, position: number): number | undefined {
  const [own = '', ...above] = text.slice(0, position).split('\n').reverse();
  const lines = above.findIndex((line) => /^\s*[^\s#]/.test(line));
  return own.trim() !== '' || lines < 0 ? undefined : above.length - lines;
}

/** The parser's message without the parts that quote the file, which may be a password. */
function yamlMessage(message: string): string {
  if (message.startsWith('Maximum call stack')) {
    return 'nested too deeply';
  }
  const shown = message.replace(/(?<=\w): .*/s, '').replace(/[!\\]\S+/g, '…');
  return `not valid YAML: ${shown.slice(0, 1).toLowerCase()}${shown.slice(1, 200)}`;
}

/** Ends a walk after its error was reported. */
class Stop extends Error {}

class Walk {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #report: Report;
  /** Finished trees only, so an alias inside its own anchor does not resolve. */
  readonly #anchors = new Map<string, { tree: Tree; values: number }>();
  /** Counts the values of every alias again: a few lines cannot expand to millions. */
  #values = 0;

  constructor(document: Document, lines: LineCounter, report: Report) {
    this.#document = document;
    this.#lines = lines;
    this.#report = report;
  }

  root(): MapNode | undefined {
    const before = this.#report.count('error');
    try {
      const tree = this.#convert(this.#document.contents, { line: 1, column: 1 }, '', 0);
      if (tree.kind === 'scalar' && tree.isNull) {
        return { kind: 'map', entries: new Map() };
      }
      if (tree.kind !== 'map') {
        this.#report.add('error', tree, '', 'the file is not a list of keys: write for example paths:');
      }
      return tree.kind === 'map' && this.#report.count('error') === before ? tree : undefined;
    } catch (error) {
      if (error instanceof Stop) {
        return undefined;
      }
      throw error;
    }
  }

  #convert(node: Node | null, position: TextPosition, key: string, level: number): Tree {
    const here = this.#positionOf(node) ?? position;
    const before = this.#values;
    this.#count(1, here, key);
    if (level > MAX_LEVELS) {
      this.#stop(here, key, `nested more than ${MAX_LEVELS} levels deep`);
    }
    if (isAlias(node)) {
      return this.#resolve(node.source, here, key);
    }
    const tree = this.#convertOwn(node, here, key, level);
    const anchor = node && 'anchor' in node ? node.anchor : undefined;
    if (anchor) {
      this.#anchors.set(anchor, { tree, values: this.#values - before });
    }
    return tree;
  }

  #convertOwn(node: Node | null, here: TextPosition, key: string, level: number): Tree {
    if (isMap(node)) {
      return { kind: 'map', ...here, entries: this.#entriesOf(node, here, key, level) };
    }
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.#convert(item as Node, here, `${key}[${i}]`, level + 1));
      return { kind: 'sequence', ...here, items };
    }
    const value: unknown = isScalar(node) ? node.value : null;
    const text = isScalar(node) && typeof value !== 'string' ? (node.source ?? '') : String(value ?? '');
    const range = isScalar(node) && node.range ? { range: [node.range[0], node.range[1]] as const } : {};
    return { kind: 'scalar', ...here, text, isNull: value === null, ...range };
  }

  #entriesOf(map: YAMLMap, here: TextPosition, key: string, level: number): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const pair of map.items) {
      const keyNode = pair.key as Node | null;
      const position = this.#positionOf(keyNode) ?? here;
      if (!isScalar(keyNode) || keyNode.value === null) {
        this.#stop(position, key, 'a key must be a plain text');
      }
      const name = typeof keyNode.value === 'string' ? keyNode.value : (keyNode.source ?? String(keyNode.value));
      const dotted = key === '' ? name : `${key}.${name}`;
      const tree = this.#convert(pair.value as Node | null, position, dotted, level + 1);
      if (name === '<<') {
        this.#merge(tree, merged, position, dotted);
      } else if (entries.has(name)) {
        const first = entries.get(name)?.line;
        this.#report.add('error', position, dotted, `duplicate key, first in line ${first}`);
      } else {
        entries.set(name, { ...position, tree });
      }
    }
    for (const [name, entry] of merged) {
      if (!entries.has(name)) {
        entries.set(name, entry);
      }
    }
    return entries;
  }

  /** `<<: *base` and `<<: [*first, *second]`: the earlier one wins, and a key of the map itself wins over both. */
  #merge(tree: Tree, merged: Map<string, Entry>, position: TextPosition, key: string): void {
    const sources = tree.kind === 'sequence' ? tree.items : [tree];
    for (const source of sources) {
      if (source.kind !== 'map') {
        this.#stop(position, key, 'only an alias of a block of keys can be merged');
      }
      for (const [name, entry] of source.entries) {
        if (!merged.has(name)) {
          merged.set(name, entry);
        }
      }
    }
  }

  #resolve(name: string, here: TextPosition, key: string): Tree {
    const found = this.#anchors.get(name);
    if (!found) {
      this.#stop(here, key, 'the alias has no anchor before it: a text that begins with * needs quotes');
    }
    this.#count(found.values, here, key);
    return found.tree;
  }

  #count(values: number, here: TextPosition, key: string): void {
    this.#values += values;
    if (this.#values > MAX_VALUES) {
      this.#stop(here, key.slice(0, 100), `the file has more than ${MAX_VALUES} values, aliases expanded`);
    }
  }

  #positionOf(node: Node | null): TextPosition | undefined {
    const start = node?.range?.[0];
    if (start === undefined) {
      return undefined;
    }
    const { line, col: column } = this.#lines.linePos(start);
    return { line: Math.max(1, line), column: Math.max(1, column) };
  }

  #stop(position: TextPosition, key: string, message: string): never {
    this.#report.add('error', position, key, message);
    throw new Stop(message);
  }
}
