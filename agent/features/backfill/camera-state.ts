import type { CardSummary } from '../../onvif/recordings/card-recordings.ts';
import { LinkShare } from '../../sources/rtsp/replay/link-share.ts';
import type { Unfilled } from './settled.ts';
import { StreamWatch } from './stream-watch.ts';

/** After a failure. */
export const FIRST_PAUSE_MS = 60_000;

/** What is known of a camera's card. */
export interface CameraState {
  /** Null: it has none; undefined: not asked yet. */
  card: CardSummary | null | undefined;
  gaps: number;
  /** When they were counted last, monotonic. */
  countedMs: number;
  /** A person has asked for them, and the card was not read since. */
  isAsked: boolean;
  /** Gaps that were given up and are missing still, by reason. */
  unfilled: Readonly<Record<Unfilled, number>>;
  /** Monotonic. */
  dueMs: number;
  pauseMs: number;
  /** When the camera was asked last while no gap was left, or it had no card, monotonic. */
  askedMs: number;
  /** How often it had none, one after the other. */
  absences: number;
  /** Since the camera came back. */
  failures: number;
  /** Begin of its last turn, monotonic. */
  servedMs: number;
  readonly watch: StreamWatch;
  readonly link: LinkShare;
  wasRecorded: boolean;
  error: string | undefined;
  errorMs: number;
  fetchedSeconds: number;
  /** Groups of pictures above 32 MB, which were left out. */
  tooLarge: number;
}

export const newState = (): CameraState => ({
  ...{ card: undefined, gaps: 0, dueMs: Number.NEGATIVE_INFINITY, pauseMs: FIRST_PAUSE_MS, wasRecorded: false },
  unfilled: { notOnCard: 0, inDoubt: 0 },
  ...{ error: undefined, errorMs: 0, failures: 0, fetchedSeconds: 0, tooLarge: 0, servedMs: Number.NEGATIVE_INFINITY },
  ...{ askedMs: Number.NEGATIVE_INFINITY, absences: 0 },
  ...{ countedMs: Number.NEGATIVE_INFINITY, isAsked: false },
  ...{ watch: new StreamWatch(), link: new LinkShare() },
});
