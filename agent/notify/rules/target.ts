import type { Notice } from './notice.ts';
import type { Rule } from './rules.ts';

/** Pictures of an event, as JPEG. */
export interface NoticePictures {
  /** Undefined without one. */
  full(): Promise<Uint8Array | undefined>;
  /** Undefined without one that is small enough for a push message. */
  thumbnail(): Promise<Uint8Array | undefined>;
}

/** A browser of a user. */
export interface Target {
  readonly id: string;
  readonly user: string;
  readonly isOwner: boolean;
  readonly rules: readonly Rule[];
  /** Unix milliseconds; 0: not. */
  readonly snoozedUntil: number;
  mayKnow(path: string): boolean;
  /** @throws PerchError whose message says what is wrong */
  send(notice: Notice, pictures: NoticePictures): Promise<void>;
}
