import type { Tabled } from './table-cache.ts';

/** A stretch of recordings in another store, from a key frame on. */
export interface StoredPart {
  readonly startUs: number;
  readonly endUs: number;
  /** Time zero of its table. */
  readonly zeroUs: number;
  /** @throws PerchError */
  readTable(): Promise<Tabled>;
}

/** Recordings of a path in another store, oldest first. @throws PerchError */
export type OtherParts = (signal: AbortSignal) => Promise<readonly StoredPart[]>;
