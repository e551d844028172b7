import type { Static, TObject, TProperties } from 'typebox';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Resolved } from '../../values/quantity.ts';
import { parseWord } from '../../values/word.ts';
import type { Tree } from '../../yaml/tree.ts';

/** A rule that several values break together, reported at one of their keys. */
export interface Fault {
  readonly key: string;
  readonly message: string;
  /** Absent: an error. */
  readonly isWarning?: true;
  /** The value has no effect; the rest of the file applies. */
  readonly isPartial?: true;
}

/** A former name of a key, as MediaMTX still takes it. */
interface Rename {
  readonly to: string;
  readonly convert?: (old: Tree) => Tree;
}
export type Renames = Readonly<Record<string, Rename>>;

export type Harmless = boolean | number | string | readonly (string | number)[];

/**
 * Keys of MediaMTX that do nothing here, each with the value at which that makes no difference: MediaMTX's default,
 * or for a server its being off. They are reported in one line for each group and block of the file.
 */
export interface UnsupportedGroup {
  /** What the keys are about, as the subject of "is not supported". */
  readonly feature: string;
  /** Why, and what to do instead. */
  readonly reason: string;
  readonly keys: Readonly<Record<string, Harmless>>;
  /** Those that only the owner writes into the file: another program may read it. */
  readonly rights?: readonly string[];
}

/** A single text became a list. */
export const asList = (old: Tree): Tree =>
  old.kind === 'scalar' ? { ...positionOf(old), kind: 'sequence', items: [old] } : old;

/** `xDisable: yes` became `x: no`. */
export const inverted = (old: Tree): Tree => {
  const word = old.kind === 'scalar' ? parseWord(old.text) : undefined;
  return word === undefined ? old : scalarAt(old, word ? 'no' : 'yes');
};

/** A text at the position of another value. */
export const scalarAt = (other: Tree, text: string): Tree => ({
  ...positionOf(other),
  kind: 'scalar',
  text,
  isNull: false,
});

export const positionOf = ({ line, column }: Tree) =>
  line === undefined || column === undefined ? {} : { line, column };

/** @param keys durations: `readTimeout` of `readTimeoutMs` */
export function notPositive<Key extends string>(
  settings: Readonly<Record<`${Key}Ms`, number>>,
  keys: readonly Key[],
): readonly Fault[] {
  return keys.filter((key) => settings[`${key}Ms`] <= 0).map((key) => ({ key, message: 'must be longer than zero' }));
}

/** The value of `read`, or the message of its PerchError. Other errors pass. */
export function attempt<T>(read: () => T): { readonly value: T } | { readonly fault: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof PerchError) {
      return { fault: explain(error) };
    }
    throw error;
  }
}

/** The keys of a path for one kind of source. Names and defaults are MediaMTX's. */
export interface SourceKeys<Keys extends TProperties = TProperties> {
  /** URL schemes of `source` in lower case. Messages name the first one. */
  readonly schemes: readonly string[];
  /** A URL for messages. */
  readonly example: string;
  readonly schema: Keys;
  faults(settings: Resolved<Static<TObject<Keys>>> & { readonly source: string }): readonly Fault[];
  /** MediaMTX's keys of this source that do nothing here yet. */
  readonly inert: readonly UnsupportedGroup[];
  readonly renamed: Renames;
}
