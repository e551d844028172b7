import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';
import { PerchError } from '../../base/errors.ts';
import { parseWord } from '../values/word.ts';
import { Report } from './problem.ts';
import { parseTree } from './tree.ts';

export type KeyPath = readonly (string | number)[];
type YamlPair = Pair<Node, Node | null>;

const PARSE = { uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
const WRITE = { lineWidth: 0 } as const;
/** With more changes the whole list is written: each change parses the file. */
const MAX_ITEM_CHANGES = 50;
/** New keys of one block that are added at once. Other work runs before the next ones. */
const BATCH_KEYS = 500;
/** The text is bounded and its aliases are counted when it is loaded. */
const TO_JS = { maxAliasCount: -1 } as const;

/** One value of the file; `undefined` removes it. */
export interface Edit {
  readonly keyPath: KeyPath;
  readonly value: unknown;
}

export const editText = (text: string, keyPath: KeyPath, value: unknown): string => editAll(text, [{ keyPath, value }]);

/**
 * The file's text with values changed, added, or removed in turn.
 * Only the lines of those values change; all others stay byte for byte. Where lines cannot be replaced (a flow collection, an
 * anchor), yaml's document writes the whole text, which keeps comments, order and anchors, but not the spacing. Blocks are compared
 * key by key, and lists of blocks item by item, so comments inside them stay too.
 * @param isLoaded the loader has accepted this text
 */
export function editAll(text: string, edits: readonly Edit[], isLoaded = false): string {
  const steps = editSteps(text, edits, isLoaded);
  for (;;) {
    const { done, value } = steps.next();
    if (done) {
      return value;
    }
  }
}

/** Like `editAll`, in steps: each parses the whole file, and other work can run between them. */
export function* editSteps(text: string, edits: readonly Edit[], isLoaded: boolean): Generator<undefined, string> {
  try {
    let written = read(text, isLoaded ? parseDocument(text, PARSE) : parse(text));
    for (let at = 0; at < edits.length; ) {
      const siblings = newSiblings(written.values, edits, at);
      const together = siblings.length > 1 ? addTogether(written, siblings) : undefined;
      if (together) {
        written = together;
        at += siblings.length;
        yield;
        continue;
      }
      const { keyPath, value } = edits[at] as Edit;
      at += 1;
      for (const change of changesOf(valueAt(written.values, keyPath), keyPath, value)) {
        written = applyChange(written, change);
        yield;
      }
    }
    return written.text;
  } catch (error) {
    // yaml throws these for an alias whose anchor is missing, or would be removed by the change.
    if (error instanceof ReferenceError || (error instanceof Error && error.message.startsWith('Unresolved alias'))) {
      throw new PerchError('badInput', 'another line of the file refers to this anchor: edit the file', {}, error);
    }
    throw error;
  }
}

/** The edits from `at` on that add further keys to one block. */
function newSiblings(values: unknown, edits: readonly Edit[], at: number): readonly Edit[] {
  const parent = edits[at]?.keyPath.slice(0, -1) ?? [];
  const block = valueAt(values, parent);
  if (!isBlock(block) || Object.keys(block).length === 0) {
    return [];
  }
  const keys = new Set<string | number | undefined>();
  const isNext = ({ keyPath, value }: Edit): boolean => {
    const key = keyPath.at(-1);
    const isNew = !keys.has(key) && own(block, String(key)) === undefined && value !== undefined;
    keys.add(key);
    return isNew && isDeepStrictEqual(keyPath.slice(0, -1), parent);
  };
  const candidates = edits.slice(at, at + BATCH_KEYS);
  const end = candidates.findIndex((edit) => !isNext(edit));
  return end < 0 ? candidates : candidates.slice(0, end);
}

/** Inserts the lines of all with one parsing; undefined where inserting lines is not enough. */
function addTogether({ text, document, values }: ParsedText, edits: readonly Edit[]): ParsedText | undefined {
  const splices = edits.flatMap(({ keyPath, value }) => spliceOf(text, document.contents, keyPath, value) ?? []);
  const [first, ...others] = splices;
  if (
    !first ||
    splices.length < edits.length ||
    splices.some(({ start, end }) => start !== first.start || end !== start)
  ) {
    return undefined;
  }
  const lines = first.text + others.map((one) => one.text.replace(/^\n/, '')).join('');
  const parent = (edits[0] as Edit).keyPath.slice(0, -1);
  const added = Object.fromEntries(edits.map(({ keyPath, value }) => [String(keyPath.at(-1)), value]));
  const expected = withValue(values, parent, { ...(valueAt(values, parent) as Block), ...added });
  return spliced(text, { ...first, text: lines }, expected);
}

/** The text with the splice, or undefined if it has other values than expected. */
function spliced(text: string, { start, end, text: lines }: Splice, expected: unknown): ParsedText | undefined {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const next = text.slice(0, start) + lines.replaceAll('\n', newline) + text.slice(end);
  const document = parseDocument(next, PARSE);
  const parsed = document.errors.length === 0 ? read(next, document) : undefined;
  return parsed && isDeepStrictEqual(pruned(parsed.values), pruned(expected)) ? parsed : undefined;
}

/** The file as plain values, aliases resolved. @throws PerchError when it is not YAML */
export const readPlain = (text: string): unknown => toJs(parse(text));

/** A text and its values. */
interface ParsedText {
  readonly text: string;
  readonly document: Document;
  readonly values: unknown;
}

function changesOf(before: unknown, keyPath: KeyPath, after: unknown): readonly Edit[] {
  if (isBlock(before) && isBlock(after) && Object.keys(before).length > 0 && Object.keys(after).length > 0) {
    const keys = new Set([...Object.keys(after), ...Object.keys(before)]);
    return [...keys].flatMap((key) => changesOf(own(before, key), [...keyPath, key], own(after, key)));
  }
  if (isDeepStrictEqual(before, after) || isSameWord(before, after)) {
    return [];
  }
  return isListOfBlocks(before) && isListOfBlocks(after)
    ? itemChangesOf(before, keyPath, after)
    : [{ keyPath, value: after }];
}

/** Removes missing items, from the last on; else compares the items at the same index. */
function itemChangesOf(before: readonly Block[], keyPath: KeyPath, after: readonly Block[]): readonly Edit[] {
  const gone: number[] = [];
  let kept = 0;
  for (const [i, item] of before.entries()) {
    if (isDeepStrictEqual(item, after[kept])) {
      kept += 1;
    } else {
      gone.unshift(i);
    }
  }
  if (kept === after.length && gone.length <= MAX_ITEM_CHANGES) {
    return gone.map((i) => ({ keyPath: [...keyPath, i], value: undefined }));
  }
  const last = before.slice(after.length).map((_, i) => before.length - 1 - i);
  const changes = [
    ...after.flatMap((item, i) => changesOf(before[i], [...keyPath, i], item)),
    ...last.map((i) => ({ keyPath: [...keyPath, i], value: undefined })),
  ];
  return changes.length > MAX_ITEM_CHANGES ? [{ keyPath, value: after }] : changes;
}

/** `yes` in the file stays for true: to YAML 1.2 it is a text. */
const isSameWord = (before: unknown, after: unknown): boolean =>
  typeof before === 'string' && typeof after === 'boolean' && parseWord(before) === after;

const own = (block: Block, key: string): unknown => (Object.hasOwn(block, key) ? block[key] : undefined);
const isListOfBlocks = (value: unknown): value is readonly Block[] =>
  Array.isArray(value) && value.length > 0 && value.every(isBlock);

function applyChange({ text, document, values }: ParsedText, { keyPath, value }: Edit): ParsedText {
  const expected = withValue(values, keyPath, value);
  const splice = spliceOf(text, document.contents, keyPath, value);
  const parsed = splice && spliced(text, splice, expected);
  if (parsed) {
    return parsed;
  }
  const rewritten = rewrite(document, keyPath, expected, value === undefined);
  return read(rewritten, parse(rewritten));
}

const read = (text: string, document: Document): ParsedText => ({ text, document, values: toJs(document) });

/** The document of a text that passes the loader's limits; its aliases resolve. */
function parse(text: string): Document {
  const report = new Report('');
  if (!parseTree(text, report)) {
    const { line, message } = report.all()[0] ?? {};
    throw new PerchError(
      'badInput',
      `repair the configuration file before changing settings: line ${line}: ${message}`,
      {
        why: 'brokenFile',
      },
    );
  }
  return parseDocument(text, PARSE);
}

const toJs = (document: Document): unknown => document.toJS(TO_JS);

/** A block without keys counts as no value. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(pruned);
  }
  if (!isBlock(value)) {
    return value;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, pruned(item)]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** Writes the value with yaml's document, at the deepest collection of the key path that exists. */
function rewrite(document: Document, keyPath: KeyPath, expected: unknown, isRemoved: boolean): string {
  let depth = 1;
  while (depth < keyPath.length && takesKey(document.getIn(keyPath.slice(0, depth), true), keyPath[depth])) {
    depth += 1;
  }
  const deepest = keyPath.slice(0, depth);
  const value = valueAt(expected, deepest);
  // The next item of a list takes the place of a removed one.
  if (value === undefined || (isRemoved && depth === keyPath.length)) {
    document.deleteIn(deepest);
  } else if (document.contents === null || isScalar(document.contents)) {
    document.contents = document.createNode(expected) as typeof document.contents;
  } else {
    document.setIn(deepest, value);
  }
  return document.toString(WRITE);
}

const takesKey = (node: unknown, key: string | number | undefined): boolean =>
  isMap(node) || (isSeq(node) && typeof key === 'number');

/** A replacement for the characters from `start` to `end`. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The replacement that makes the change; undefined where replacing lines is not enough. */
function spliceOf(text: string, node: Node | null, keyPath: KeyPath, value: unknown): Splice | undefined {
  const [key, ...rest] = keyPath;
  if (key === undefined || (isCollection(node) && node.flow)) {
    return undefined;
  }
  if (isSeq(node) && typeof key === 'number') {
    return spliceItem(text, node.items as Node[], key, rest, value);
  }
  if (isMap(node) && !(node as YAMLMap).flow) {
    return spliceKey(text, node.items as YamlPair[], String(key), rest, value);
  }
  const isEmpty = node === null || (isScalar(node) && node.value === null);
  return isEmpty && value !== undefined ? append(text, render({ [String(key)]: nested(rest, value) }, 0)) : undefined;
}

function spliceKey(
  text: string,
  pairs: readonly YamlPair[],
  key: string,
  rest: KeyPath,
  value: unknown,
): Splice | undefined {
  const pair = pairs.find((one) => isScalar(one.key) && String(one.key.value) === key);
  const last = pairs.at(-1);
  if (!pair) {
    if (value === undefined || !last) {
      return undefined;
    }
    const column = columnOf(text, startOf(last.key));
    return insertAfterLine(text, endOfPair(text, last), render({ [key]: nested(rest, value) }, column), column);
  }
  const isFull = isCollection(pair.value) && pair.value.items.length > 0;
  if (rest.length > 0 && isFull) {
    return spliceOf(text, pair.value, rest, value);
  }
  if (value === undefined) {
    return rest.length > 0 ? undefined : removeLines(text, startOf(pair.key), endOfPair(text, pair), /^\s*$/);
  }
  return replaceValue(text, pair, nested(rest, value));
}

function replaceValue(text: string, pair: YamlPair, value: unknown): Splice | undefined {
  const { key, value: old } = pair;
  const hasProperties = old !== null && (('anchor' in old && old.anchor) || old.tag);
  if (hasProperties || !isScalar(key)) {
    return undefined;
  }
  const start = startOf(key);
  const rendered = render({ [String(key.value)]: value }, columnOf(text, start));
  const isInline = !rendered.includes('\n');
  const keyEnd = key.range?.[1] ?? start;
  const colon = text.indexOf(':', keyEnd) + 1;
  if (isInline && isScalar(old)) {
    const inline = stringify(value, WRITE).trimEnd();
    const isAbsent = old.range?.[0] === old.range?.[1];
    const [from, to] = isAbsent ? [colon, colon] : [startOf(old), endOf(text, old)];
    return { start: from, end: to, text: isAbsent ? ` ${inline}` : inline };
  }
  return { start, end: endOfPair(text, pair), text: rendered };
}

function spliceItem(
  text: string,
  items: readonly Node[],
  index: number,
  rest: KeyPath,
  value: unknown,
): Splice | undefined {
  const item = items[index];
  const last = items.at(-1);
  if (item && rest.length > 0) {
    return spliceOf(text, item, rest, value);
  }
  if (item && value === undefined) {
    return removeLines(text, startOf(item), endOf(text, item), /^\s*- +$/);
  }
  if (!item && last && index === items.length && value !== undefined) {
    const lineStart = text.lastIndexOf('\n', startOf(items[0] ?? last) - 1) + 1;
    const column = text.indexOf('-', lineStart) - lineStart;
    return insertAfterLine(text, endOf(text, last), render([nested(rest, value)], column), column);
  }
  return undefined;
}

/** Removes whole lines, unless the first one has something else before `start`. */
function removeLines(text: string, start: number, end: number, before: RegExp): Splice | undefined {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  return before.test(text.slice(lineStart, start))
    ? { start: lineStart, end: lineEnd(text, end), text: '' }
    : undefined;
}

/** Inserts lines after the line of `position`, and after comments that follow it in the same block: they belong to it. */
function insertAfterLine(text: string, position: number, lines: string, column: number): Splice {
  const at = commentsEnd(text, lineEnd(text, position), column);
  const indented = `${' '.repeat(column)}${lines}`;
  const isAtLineStart = at === 0 || text[at - 1] === '\n';
  return { start: at, end: at, text: isAtLineStart ? `${indented}\n` : `\n${indented}\n` };
}

const append = (text: string, lines: string): Splice => insertAfterLine(text, text.length, lines, 0);

/**
 * The end of the comment lines from `start` on that are indented by at least `column`, blank lines included.
 * A list may be in the column of its key: comments there rather belong to the next key.
 */
function commentsEnd(text: string, start: number, column: number): number {
  let end = start;
  for (let at = start; at < text.length; ) {
    const next = lineEnd(text, at);
    const line = text.slice(at, next).trimEnd();
    const indent = line.search(/\S/);
    if (indent >= 0 && (indent < column || line[indent] !== '#')) {
      return indent < column ? end : start;
    }
    end = indent < 0 ? end : next;
    at = next;
  }
  return end;
}

/** Offset after the line break of the line of `position`. */
function lineEnd(text: string, position: number): number {
  const found = text.indexOf('\n', position);
  return found < 0 ? text.length : found + 1;
}

const startOf = (node: Node): number => node.range?.[0] ?? 0;
const columnOf = (text: string, position: number): number => position - (text.lastIndexOf('\n', position - 1) + 1);

/** The end of a node's own text, without trailing line breaks. */
function endOf(text: string, node: Node): number {
  const end = node.range?.[1] ?? 0;
  return Math.max(startOf(node), text.slice(0, end).trimEnd().length);
}

function endOfPair(text: string, { key, value }: YamlPair): number {
  const colon = text.indexOf(':', key.range?.[1] ?? 0) + 1;
  return value && value.range?.[0] !== value.range?.[1] ? endOf(text, value) : colon;
}

/** YAML text; all lines but the first are indented by at least `column`. */
function render(value: unknown, column: number): string {
  const lines = stringify(value, WRITE).trimEnd().split('\n');
  return lines.map((line, i) => (i === 0 || line === '' ? line : ' '.repeat(column) + line)).join('\n');
}

/** `value` inside the blocks and lists that `keyPath` names. */
function nested(keyPath: KeyPath, value: unknown): unknown {
  return keyPath
    .toReversed()
    .reduce<unknown>((inner, key) => (typeof key === 'number' ? [inner] : { [key]: inner }), value);
}

function valueAt(root: unknown, keyPath: KeyPath): unknown {
  return keyPath.reduce<unknown>((at, key) => {
    return (isBlock(at) || Array.isArray(at)) && Object.hasOwn(at, key) ? (at as Block)[key] : undefined;
  }, root);
}

function withValue(root: unknown, [key, ...rest]: KeyPath, value: unknown): unknown {
  if (key === undefined) {
    return value;
  }
  if (typeof key === 'number') {
    const items: unknown[] = Array.isArray(root) ? [...root] : [];
    const isRemoved = rest.length === 0 && value === undefined;
    items.splice(key, 1, ...(isRemoved ? [] : [withValue(items[key], rest, value)]));
    return items;
  }
  const entries = new Map(isBlock(root) ? Object.entries(root) : []);
  if (rest.length === 0 && value === undefined) {
    entries.delete(key);
  } else {
    entries.set(key, withValue(entries.get(key), rest, value));
  }
  return Object.fromEntries(entries);
}

type Block = Readonly<Record<string | number, unknown>>;
export const isBlock = (value: unknown): value is Block =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
