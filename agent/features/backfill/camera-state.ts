import type { CardSummary } from '../../onvif/recordings/card-recordings.ts';
import type { UsRange } from '../../playback/index/hidden-ranges.ts';
import { LinkShare } from '../../sources/rtsp/replay/link-share.ts';
import type { Obstacle } from './obstacles.ts';
import type { BackfillItem } from './routes.ts';
import type { Unfilled } from './settled.ts';
import { StreamWatch } from './stream-watch.ts';

/** After a failure. */
export const FIRST_PAUSE_MS = 60_000;
/** Cameras without gaps are asked again, since a card may have been inserted. */
export const IDLE_MS = 6 * 3_600_000;

/** What a card holds, as far as it was asked. */
export interface Summary {
  /** Null: it has none; undefined: not asked yet. */
  card: CardSummary | null | undefined;
  /** The key of the link by which it was asked for that alone. Secret: contains the password. */
  summaryLink: string | undefined;
  /** Monotonic. */
  summaryDueMs: number;
  summaryPauseMs: number;
}

/** What is known of a camera's card. */
export interface CameraState extends Summary {
  /** Undefined: not counted yet. */
  gaps: number | undefined;
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
  ...{ summaryLink: undefined, summaryDueMs: Number.NEGATIVE_INFINITY, summaryPauseMs: FIRST_PAUSE_MS },
  ...{ card: undefined, gaps: undefined, dueMs: Number.NEGATIVE_INFINITY, pauseMs: FIRST_PAUSE_MS, wasRecorded: false },
  unfilled: { notOnCard: 0, inDoubt: 0 },
  ...{ error: undefined, errorMs: 0, failures: 0, fetchedSeconds: 0, tooLarge: 0, servedMs: Number.NEGATIVE_INFINITY },
  ...{ askedMs: Number.NEGATIVE_INFINITY, absences: 0 },
  ...{ countedMs: Number.NEGATIVE_INFINITY, isAsked: false },
  ...{ watch: new StreamWatch(), link: new LinkShare() },
});

interface Present {
  /** `backfill: yes`. */
  readonly isOn: boolean;
  /** What is fetched from the camera's card now. */
  readonly running: { readonly gap: UsRange | undefined; readonly reachedMs: number } | undefined;
  /** Whether the card of any camera is read. */
  readonly isAnyRead: boolean;
  readonly obstacle: Obstacle | undefined;
  readonly monoMs: number;
  readonly wallMs: number;
}

/** A camera in `/v3/backfill/list`. */
export function itemOf(path: string, state: CameraState, present: Present): BackfillItem {
  const { card, gaps = 0, error, fetchedSeconds, tooLarge, unfilled, link, dueMs, watch } = state;
  const { isOn, running, isAnyRead, obstacle, monoMs, wallMs } = present;
  const { gap, reachedMs = 0 } = running ?? {};
  const text = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  const isKnown = card === null || (card !== undefined && state.gaps !== undefined);
  const known = !isKnown ? 'unknown' : card === null ? 'noCard' : gaps > 0 ? 'waiting' : 'idle';
  const failedMs = error === undefined ? Number.NEGATIVE_INFINITY : dueMs;
  const leftMs = Math.max(failedMs, watch.notBeforeMs) - monoMs;
  return {
    path,
    card: card ? { from: text(card.fromMs), until: text(card.untilMs), recordings: card.recordings } : null,
    state: isOn ? (gap ? 'fetching' : known) : 'off',
    gaps,
    fetching: gap
      ? {
          ...{ from: text(gap.startUs / 1_000) ?? '', until: text(gap.endUs / 1_000) ?? '' },
          share: Math.min(1, Math.max(0, (reachedMs * 1_000 - gap.startUs) / (gap.endUs - gap.startUs))),
        }
      : null,
    waitsFor: running ? null : (obstacle ?? (isAnyRead && gaps > 0 ? 'turn' : null)),
    retryTime: running || obstacle !== undefined || leftMs <= 0 ? null : text(wallMs + leftMs),
    linkBytesPerSecond: link.linkBytesPerSecond ?? null,
    fetchedSeconds: Math.round(fetchedSeconds),
    tooLarge,
    unfilled,
    error: error ?? null,
  };
}
