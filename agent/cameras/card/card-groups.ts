import { PerchError } from '../../base/errors.ts';
import { release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import type { ReplayControl } from '../../sources/rtsp/replay/replay.ts';
import type { ReplayTrack } from '../../sources/rtsp/replay/replay-track.ts';
import { type Comparison, digestOf, isSameTime } from './comparison.ts';
import type { CardGroup, CardUnit } from './gap-recorder.ts';

/** Jitter of times from the arrival of packets. */
const TOLERANCE_MS = 100;
/** Pictures of this much of the gap are known before the comparison is judged. */
const COMPARED_MS = 2_000;
/** Groups that wait for the comparison. */
const MAX_HELD_BYTES = 8 << 20;
const MAX_HELD_GROUPS = 1_000;
/** A larger group is left out. */
const MAX_WHOLE_BYTES = 32 << 20;
/** Cameras take fewer pictures a second. */
const MAX_TAKEN_PER_SECOND = 256;
/** Each unit takes this more than its data. */
const UNIT_BYTES = 200;
/** A card that sends more than this, or for longer by its own time, without a new group has none. */
const MAX_GROUP_BYTES = 4 * MAX_WHOLE_BYTES;
export const MAX_GROUP_MS = 10 * 60_000;

interface OpenGroup {
  readonly units: CardUnit[];
  readonly video: Track;
  audio: Track | undefined;
  /** By the card. */
  readonly startMs: number;
  readonly firstDts: number;
  lastDts: number;
  pictures: number;
  bytes: number;
  isDamaged: boolean;
}

/** How the times of a recording differ from ours. */
export interface KnownTimes {
  readonly differenceMs: number;
  readonly isMatched: boolean;
}

interface GroupsOptions {
  /** Ours, Unix milliseconds. */
  readonly gap: { readonly fromMs: number; readonly untilMs: number };
  /** The card's time of ticks 0. */
  readonly originMs: number;
  /** The card's time minus ours, as its clock says. */
  readonly assumedMs: number;
  /** From an earlier replay of the recording. */
  readonly known: KnownTimes | undefined;
  readonly comparison: Comparison;
  /** Without an equal picture nothing is taken: the card's times, or its channels, are in doubt. */
  readonly mustMatch: boolean;
  /** No picture of the card is equal, on neither side of the gap: it has another stream, and its times are believed. */
  readonly isOther: boolean;
  /** The replay can be repeated once its times are known: then groups that wait for that need not be held. */
  readonly canRepeat: boolean;
  /** From other recordings of the card, too. */
  readonly taken: TakenGroups;
  /** Whether the replay begins too late, with this time of the card. */
  isLate(firstMs: number): boolean;
  /** Whether a group that begins then is taken although it is damaged. */
  takesDamaged(startMs: number): boolean;
  take(group: CardGroup): void;
  /** A group has come whole, also one that is not missing. */
  onWhole?(lengthMs: number): void;
  /** Whether what was taken still waits for the disk. */
  isBehind(): boolean;
}

/** The groups that were taken last: what comes again begins where the last one ended. */
export class TakenGroups {
  /** Times by digest of the key picture. */
  readonly #startMs = new Map<string, number>();

  /** @returns false if more groups begin within a second than a camera takes pictures */
  add(digest: string, startMs: number): boolean {
    this.#startMs.delete(digest);
    const [[oldest, oldestMs] = ['', 0]] = this.#startMs;
    const isFull = this.#startMs.size >= MAX_TAKEN_PER_SECOND;
    if (isFull) {
      this.#startMs.delete(oldest);
    }
    this.#startMs.set(digest, startMs);
    return !isFull || startMs - oldestMs >= 1_000;
  }

  has(digest: string, startMs: number): boolean {
    return isSameTime(this.#startMs.get(digest) ?? Number.NaN, startMs);
  }
}

/** Cuts a replay into whole groups of pictures, dates them, and passes on those that are missing. */
export class CardGroups implements ReplayControl {
  isDone = false;
  /** Undefined: not known yet. */
  differenceMs: number | undefined;
  isMatched = false;
  /** What `take` threw, or why the replay leads nowhere. */
  failure: unknown;
  /** Groups of the gap that are larger than what is held, which are left out: the card's times of their begin. */
  readonly tooLargeMs: number[] = [];
  /** Begin of a damaged group, which is not taken, nor is what follows: the camera may send it better. */
  damagedMs: number | undefined;
  /** The replay begins too late, with this time of the card: nothing was taken. */
  lateMs: number | undefined;
  /** The card's time of the last picture that came, in whole milliseconds. */
  seenMs: number | undefined;
  readonly #options: GroupsOptions;
  readonly #tracks = new Map<ReplayTrack, Track>();
  #open: OpenGroup | undefined;
  #held: { readonly group: OpenGroup; readonly endMs: number }[] = [];
  #hasDropped = false;
  /** End of the last group that was passed on. */
  #endMs = Number.NEGATIVE_INFINITY;
  #last: CardGroup | undefined;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.differenceMs = options.known?.differenceMs;
    this.isMatched = options.known?.isMatched ?? false;
  }

  /** Undefined: not known yet, or the camera's clock was set within what came. */
  get known(): KnownTimes | undefined {
    const { differenceMs, isMatched } = this;
    const isSet = [...this.#tracks.keys()].some(({ times }) => times.shiftMs !== 0);
    return differenceMs === undefined || isSet ? undefined : { differenceMs, isMatched };
  }

  /** The times are known now, but groups that had waited for that were not held. */
  get mustRepeat(): boolean {
    return this.#hasDropped && this.differenceMs !== undefined;
  }

  get isBehind(): boolean {
    return this.#options.isBehind();
  }

  /** Nothing is taken: before the gap the card has other pictures than the recordings. Its clock may have been set. */
  get isDoubted(): boolean {
    const { known, isOther, comparison } = this.#options;
    return this.differenceMs !== undefined && known === undefined && !isOther && comparison.differsBefore;
  }

  onTrack(replayed: ReplayTrack, track: Track): void {
    this.#tracks.set(replayed, track);
  }

  onHole(replayed: ReplayTrack): void {
    if (replayed.isVideo) {
      this.#close(undefined);
    }
  }

  onDamage(replayed: ReplayTrack): void {
    if (replayed.isVideo && this.#open) {
      this.#open.isDamaged = true;
    }
  }

  onUnit(replayed: ReplayTrack, pts: number, dts: number, key: boolean, data: Uint8Array): void {
    const track = this.#tracks.get(replayed);
    const { isVideo, times } = replayed;
    if (!track || this.isDone) {
      release(data);
      return;
    }
    if (isVideo) {
      const cardMs = times.unixMsOf(pts);
      if (this.seenMs === undefined && this.#options.isLate(cardMs)) {
        this.lateMs = cardMs;
        this.isDone = true;
        release(data);
        return;
      }
      this.seenMs = Math.round(cardMs);
      if (key) {
        this.#close(cardMs);
        const startMs = cardMs;
        const group = { units: [], video: track, audio: undefined, startMs, firstDts: dts, lastDts: dts };
        this.#open = { ...group, pictures: 0, bytes: 0, isDamaged: false };
      }
      if (this.differenceMs === undefined) {
        this.#options.comparison.found(data, cardMs, this.#options.assumedMs);
      }
    }
    const open = this.#open;
    if (!open) {
      release(data);
      return;
    }
    open.bytes += data.length + UNIT_BYTES;
    if (open.bytes > MAX_WHOLE_BYTES) {
      release(data);
      releaseAll(open.units.splice(0));
    } else {
      open.units.push({ isVideo, pts, dts, key, data });
    }
    if (open.bytes > MAX_GROUP_BYTES || times.unixMsOf(pts) - open.startMs > MAX_GROUP_MS) {
      this.#fail(new PerchError('unsupported', 'its card sends pictures without a new group of them'));
    }
    if (isVideo) {
      open.lastDts = dts;
      open.pictures += 1;
    } else {
      open.audio = track;
    }
  }

  /**
   * The replay is over. @param isWhole the camera has sent all that it has of the recording
   * @returns the last group, whose end another recording may have: it is not passed on
   */
  finish(isWhole: boolean): CardGroup | undefined {
    if (isWhole) {
      this.#close(undefined, true);
      this.#decide(true);
    }
    this.#dropHeld();
    releaseAll(this.#open?.units ?? []);
    this.#open = undefined;
    return this.#last;
  }

  /**
   * @param nextMs the card's time of the next key picture; undefined: none follows
   * @param keepsLast the last group is kept, not passed on
   */
  #close(nextMs: number | undefined, keepsLast = false): void {
    const group = this.#open;
    this.#open = undefined;
    if (!group) {
      return;
    }
    const { video, pictures, firstDts, lastDts, startMs, bytes } = group;
    const stepMs = pictures > 1 ? ((lastDts - firstDts) * 1000) / video.clockRate / (pictures - 1) : 40;
    const ownMs = startMs + ((lastDts - firstDts) * 1000) / video.clockRate + stepMs;
    // A later key picture after a hole that the camera has not flagged does not make the group longer.
    const endMs =
      nextMs !== undefined && nextMs > startMs && nextMs <= ownMs + 2 * stepMs + TOLERANCE_MS ? nextMs : ownMs;
    const { gap, assumedMs, comparison, onWhole } = this.#options;
    onWhole?.(endMs - startMs);
    if (bytes > MAX_WHOLE_BYTES) {
      const startOursMs = startMs - (this.differenceMs ?? assumedMs);
      if (startOursMs >= gap.fromMs && startOursMs < gap.untilMs) {
        this.tooLargeMs.push(startMs);
      }
      releaseAll(group.units);
      return;
    }
    this.#held.push({ group, endMs });
    const isCompared = endMs - assumedMs > gap.fromMs + COMPARED_MS;
    const isKnown =
      isCompared && (comparison.isEmpty || comparison.differenceMs !== undefined || comparison.differsBefore);
    const heldBytes = this.#held.reduce((sum, one) => sum + one.group.bytes, 0);
    const isFull = heldBytes > MAX_HELD_BYTES || this.#held.length >= MAX_HELD_GROUPS;
    const isOpen = this.differenceMs === undefined && comparison.differenceMs === undefined && !comparison.isEmpty;
    if (isFull && isOpen && this.#options.canRepeat) {
      this.#hasDropped = true;
      this.#dropHeld();
    } else if (this.differenceMs !== undefined || isKnown || isFull) {
      this.#decide(keepsLast);
    }
  }

  /** Dates the groups that wait, and passes on those that are missing. */
  #decide(keepsLast: boolean): void {
    const { comparison, assumedMs, mustMatch } = this.#options;
    if (this.differenceMs === undefined) {
      const found = comparison.differenceMs;
      this.isMatched = found !== undefined;
      this.differenceMs = found ?? assumedMs;
      this.isDone ||= this.isDoubted;
    }
    if (this.#hasDropped) {
      this.isDone = true;
      this.#dropHeld();
      return;
    }
    const held = this.#held;
    this.#held = [];
    for (const [i, { group, endMs }] of held.entries()) {
      this.isDone ||= !this.isMatched && mustMatch;
      this.#pass(group, endMs, keepsLast && i === held.length - 1);
    }
  }

  #dropHeld(): void {
    for (const { group } of this.#held) {
      releaseAll(group.units);
    }
    this.#held = [];
  }

  #pass(group: OpenGroup, cardEndMs: number, isLast: boolean): void {
    const { gap, originMs, taken, comparison, take } = this.#options;
    const differenceMs = this.differenceMs ?? 0;
    const [startMs, endMs] = [group.startMs - differenceMs, cardEndMs - differenceMs];
    const digest = keyDigestOf(group);
    this.isDone ||= startMs >= gap.untilMs;
    const earliestMs = Math.max(gap.fromMs, this.#endMs);
    const isWithin = startMs >= earliestMs - TOLERANCE_MS && endMs <= gap.untilMs + TOLERANCE_MS;
    const isTaken = taken.has(digest, startMs) || comparison.has(digest, startMs);
    if (!this.isDone && isWithin && !isTaken && group.isDamaged && !this.#options.takesDamaged(startMs)) {
      this.damagedMs = startMs;
      this.isDone = true;
    }
    if (this.isDone || !isWithin || isTaken) {
      releaseAll(group.units);
      return;
    }
    // Within the tolerance groups are moved, so that recordings do not overlap.
    const moveMs = Math.max(0, earliestMs - startMs);
    this.#endMs = Math.min(endMs + moveMs, gap.untilMs);
    const { video, audio } = group;
    const times = { startMs: startMs + moveMs, endMs: this.#endMs, originMs: originMs - differenceMs + moveMs };
    const dated = { ...times, units: unitsUntil(gap.untilMs, group, times.originMs), video, audio };
    if (isLast) {
      this.#last = dated;
      return;
    }
    try {
      if (!taken.add(digest, startMs)) {
        releaseAll(dated.units);
        throw new PerchError('unsupported', 'its card sends more groups of pictures than a camera takes pictures');
      }
      take(dated);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.failure = error;
    this.isDone = true;
  }
}

/** The units before a time. What is decoded after a picture that is left out may need it. */
function unitsUntil(untilMs: number, { units, video, audio }: OpenGroup, originMs: number): CardUnit[] {
  let isOver = false;
  return units.filter(({ isVideo, pts, data }) => {
    const isLate = originMs + (pts * 1000) / (isVideo ? video : (audio ?? video)).clockRate >= untilMs;
    isOver ||= isVideo && isLate;
    if (isVideo ? !isOver : !isLate) {
      return true;
    }
    release(data);
    return false;
  });
}

/** Digest of its key picture. */
export const keyDigestOf = ({ units }: Pick<CardGroup, 'units'>): string => {
  const first = units.find(({ isVideo }) => isVideo);
  return first ? digestOf(first.data) : '';
};

export function releaseAll(units: readonly CardUnit[]): void {
  for (const { data } of units) {
    release(data);
  }
}
