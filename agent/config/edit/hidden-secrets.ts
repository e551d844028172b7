import { createHmac, randomBytes } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { keyRangeOf } from '../values/destination.ts';
import { Report } from '../yaml/problem.ts';
import { parseTree } from '../yaml/tree.ts';
import { IN_ADDRESS, IN_QUERY, SecretKeys } from './secrets.ts';

/** Offsets of characters. */
type Range = readonly [start: number, end: number];

const PLACEHOLDER = /<hidden-[0-9a-f]{12}>/g;
/** Shorter secrets occur in many words, so they are hidden only where they are set. */
const MIN_CHARS = 4;
/** A secret such as `none` is also a word of other values, where hiding it would spoil them and give the secret away. */
const PLAIN_WORD = /^\p{L}{1,8}$/u;
/** After a user, as in `curl -u me:none`. */
const BEHIND_USER = /[\p{L}\p{N}_.@-]:$/u;

/**
 * Replaces the secrets of a configuration text by placeholders such as `<hidden-1a2b3c4d5e6f>`, and restores them in an edited text.
 * A placeholder is a keyed hash of its secret: it keeps its meaning in another place and in a newer text of the file, and cannot
 * stand for another secret. The key lasts as long as the process.
 */
export class HiddenSecrets {
  readonly #key = randomBytes(32);
  readonly #keys: SecretKeys;

  constructor(keys: ConfigKeys) {
    this.#keys = new SecretKeys(keys);
  }

  hide(text: string): string {
    let hidden = '';
    let end = 0;
    for (const [from, to] of secretRanges(text, this.#keys)) {
      hidden += text.slice(end, from) + this.#placeholder(text.slice(from, to));
      end = to;
    }
    return hidden + text.slice(end);
  }

  /**
   * @param text edited, with the placeholders of `source` or of an earlier text
   * @param source the present text of the file
   * @throws PerchError badInput for a placeholder whose secret is not in `source`, or that would show its secret
   */
  restore(text: string, source: string): string {
    const wanted = [...text.matchAll(PLACEHOLDER)].map(([placeholder]) => placeholder);
    if (wanted.length === 0) {
      return text;
    }
    const secrets = new Map(
      secretRanges(source, this.#keys).map(([from, to]) => {
        const secret = source.slice(from, to);
        return [this.#placeholder(secret), secret];
      }),
    );
    const restored = text.replace(PLACEHOLDER, (placeholder) => {
      const secret = secrets.get(placeholder);
      if (secret === undefined) {
        throw new PerchError(
          'badInput',
          `'${placeholder}' stands for a password that is not in the file: enter the password`,
        );
      }
      return secret;
    });
    const shown = firstMissing(wanted, this.hide(restored).match(PLACEHOLDER) ?? []);
    if (shown !== undefined) {
      throw new PerchError('badInput', `'${shown}' is not in the place of a password: enter the password there`);
    }
    return restored;
  }

  #placeholder(secret: string): string {
    return `<hidden-${createHmac('sha256', this.#key).update(secret).digest('hex').slice(0, 12)}>`;
  }
}

/** An item of `wanted` that `found` has less often. */
function firstMissing(wanted: readonly string[], found: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const item of found) {
    counts.set(item, (counts.get(item) ?? 0) + 1);
  }
  return wanted.find((item) => {
    const count = counts.get(item) ?? 0;
    counts.set(item, count - 1);
    return count === 0;
  });
}

/** Secrets of a text, ascending and without overlap. Comments and texts that are not YAML are searched for keys of secrets. */
function secretRanges(text: string, keys: SecretKeys): readonly Range[] {
  const tree = parseTree(text, new Report(''));
  const values = new Set<string>();
  const ranges: Range[] = [];
  for (const [{ secret, syntax }, scalar] of tree ? keys.scalars(tree) : []) {
    const key = syntax === 'destination' ? keyRangeOf(scalar.text) : undefined;
    if (key) {
      values.add(scalar.text.slice(...key));
    }
    if (secret && scalar.range && scalar.text !== '') {
      const [from, to] = scalar.range;
      ranges.push([from, from + text.slice(from, to).trimEnd().length]);
      values.add(scalar.text);
    }
  }
  const lines = captured(text, keys.line).flatMap((range) => valueOfLine(text, range, tree !== undefined));
  const passwords = [...lines, ...captured(text, IN_ADDRESS)];
  for (const [from, to] of passwords) {
    values.add(text.slice(from, to));
  }
  ranges.push(...passwords, ...captured(text, IN_QUERY), ...occurrences(text, values), ...whole(text, PLACEHOLDER));
  return merged(ranges);
}

/** The value in the rest of a line after a secret's key. @param isParsed then only comments are of interest */
function valueOfLine(text: string, [from, to]: Range, isParsed: boolean): readonly Range[] {
  const before = text.slice(text.lastIndexOf('\n', from - 1) + 1, from);
  if (isParsed && !/(?:^|\s)#/.test(before)) {
    return [];
  }
  const rest = text.slice(from, to);
  const [value = ''] = rest.split(/[{[]/.test(before) ? /[,}\]]|\s#/ : /\s#/);
  const length = value.trimEnd().length;
  return /^(?:''|"")?$/.test(value.slice(0, length)) ? [] : [[from, from + length]];
}

const WORD = /[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu;
/** A value that ends here is a part of a longer word, or a key. */
const CONTINUES = /^(?:[\p{L}\p{N}]|["']?:(?:\s|$))/u;

/** Values as whole words, except as keys; a plain word only after a user. */
function occurrences(text: string, values: ReadonlySet<string>): readonly Range[] {
  const lengths = new Set([...values].map(({ length }) => length).filter((length) => length >= MIN_CHARS));
  return [...text.matchAll(WORD)].flatMap(({ index }) =>
    [...lengths].flatMap((length): Range[] => {
      const end = index + length;
      const value = text.slice(index, end);
      const isFound = values.has(value) && !CONTINUES.test(text.slice(end, end + 3));
      const isSecret = !PLAIN_WORD.test(value) || BEHIND_USER.test(text.slice(Math.max(0, index - 2), index));
      return isFound && isSecret ? [[index, end]] : [];
    }),
  );
}

const whole = (text: string, pattern: RegExp): Range[] =>
  [...text.matchAll(pattern)].map(({ index, 0: found }) => [index, index + found.length]);

/** Ranges of a pattern's first group. */
const captured = (text: string, pattern: RegExp): Range[] =>
  [...text.matchAll(new RegExp(pattern.source, `${pattern.flags}d`))].flatMap(({ indices }) =>
    indices?.[1] ? [indices[1]] : [],
  );

/** Ascending; ranges that overlap are one. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const all: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last && from < last[1]) {
      last[1] = Math.max(last[1], to);
    } else if (from < to) {
      all.push([from, to]);
    }
  }
  return all;
}
