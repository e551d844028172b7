import type { Static, TObject, TProperties } from 'typebox';
import type { Resolved } from '../values/quantity.ts';
import type { Fault, Renames, UnsupportedGroup } from './key-rules.ts';

/** The keys of a path for one kind of source. Names and defaults are MediaMTX's. */
export interface SourceKeys<Keys extends TProperties = TProperties> {
  /** Of `source`, lower case; the first is the one that messages name. */
  readonly schemes: readonly string[];
  /** A URL for messages. */
  readonly example: string;
  readonly schema: Keys;
  faults(settings: Resolved<Static<TObject<Keys>>> & { readonly source: string }): readonly Fault[];
  /** MediaMTX's keys of this source that do nothing here yet. */
  readonly inert: readonly UnsupportedGroup[];
  readonly renamed: Renames;
}
