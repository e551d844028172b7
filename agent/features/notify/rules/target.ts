import type { Notice } from './notice.ts';
import type { Rule } from './rules.ts';

/** Pictures of an event, as JPEG. */
export interface NoticePictures {
  /** Undefined: there is no picture. */
  full(): Promise<Uint8Array | undefined>;
  /** Undefined: there is no picture small enough for a push message. */
  thumbnail(): Promise<Uint8Array | undefined>;
}

/** A receiver of notifications: a browser of a user, or a channel of the owner. */
export interface Target {
  readonly id: string;
  readonly user: string;
  readonly isOwner: boolean;
  readonly rules: readonly Rule[];
  /** End of the snooze, in Unix milliseconds; 0: not snoozed. */
  readonly snoozedUntil: number;
  mayKnow(path: string): boolean;
  /** Whether the person has paused the messages of this camera. */
  isQuiet?(path: string): boolean;
  /** @throws PerchError whose message says what is wrong */
  send(notice: Notice, pictures: NoticePictures): Promise<void>;
}
