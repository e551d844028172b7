import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { CameraBlock } from '../../config/schema/path.ts';
import type { OnvifSession } from '../../onvif/device/onvif-session.ts';
import type { CardRecording } from '../../onvif/recordings/card-recordings.ts';
import { hasUnknownTimes, replayUri } from '../../onvif/recordings/card-services.ts';
import type { Recorder } from '../../record/recorder.ts';
import { rtspLoginTarget } from '../../sources/rtsp/protocol.ts';
import type { LinkShare } from '../../sources/rtsp/replay/link-share.ts';
import { replayRecording } from '../../sources/rtsp/replay/replay.ts';
import { streamLogin } from '../stream-login.ts';
import { CardGroups, type KnownTimes, releaseAll, TakenGroups } from './card-groups.ts';
import { Comparison, isSameTime } from './comparison.ts';
import { type CardGroup, GapRecorder } from './gap-recorder.ts';
import { GroupWriter } from './group-writer.ts';

/** Pictures on both sides of the gap that are compared with those of the card: some groups of most cameras. */
const COMPARED_MS = 12_000;
/** Later data of a card that records than this is of another time zone. */
const ZONE_MS = 10 * 60_000;
const QUARTER_HOUR_MS = 15 * 60_000;
/** Times of recordings are rounded. */
export const EDGE_MS = 1_000;
/** A camera that stops sending is asked for the rest after this. */
const STALL_PAUSE_MS = 30_000;
/** Where it stops as often as this, at the same picture and without a new group, is its end. */
const MAX_STALLS = 3;
/** Damaged groups that are asked for once more. */
const MAX_DAMAGED = 5;
/** The pictures that a path has. */
interface RecordedVideo {
  video(path: string, range: VideoRange): AsyncIterable<RecordedPictures>;
}

interface RecordedPictures {
  readonly timesUs: readonly number[];
  readonly data: readonly Uint8Array[];
  /** They came from a card. */
  readonly isFetched?: boolean;
}

interface VideoRange {
  readonly fromUs: number;
  readonly toUs: number;
  readonly signal: AbortSignal;
  wants(): boolean;
}

export interface FetchOptions {
  readonly path: string;
  readonly session: OnvifSession;
  /** Unix microseconds. */
  readonly gap: { readonly startUs: number; readonly endUs: number };
  readonly playback: RecordedVideo;
  readonly recorder: () => Recorder;
  readonly hasSound: boolean;
  readonly fingerprint: string;
  /** Its login counts together with those of its streams. */
  readonly camera: CameraBlock;
  readonly clock: Clock;
  maxBytesPerSecond(): number;
  readonly link?: LinkShare;
  /** A group was handed to the recorder. */
  readonly onGroup?: (group: CardGroup) => void;
  /** The camera replays. */
  readonly onPlay?: () => void;
  /** A picture that was recorded live is equal to one of the card. */
  readonly onEqual?: () => void;
  /** The card is known to have the stream that is recorded: pictures that came from it are as good as those recorded live. */
  readonly hasSameStream?: boolean;
}

export interface Fetched {
  readonly groups: number;
  readonly seconds: number;
  /** Begin of the first group, Unix milliseconds. */
  readonly beginMs: number | undefined;
  /** The camera's clock minus ours; undefined: no picture was equal, and its clock was believed. */
  readonly differenceMs: number | undefined;
  /** Groups of pictures above 32 MB, which are left out. */
  readonly tooLarge: number;
  /** Length of the longest group of pictures that the card has sent; 0: none. */
  readonly groupMs: number;
}

interface SourceFetched extends Fetched {
  /** Before the gap the card has other pictures than the recordings, and after it the same: its clock was set, and nothing was taken. */
  readonly isDoubted: boolean;
  /** Whether the card has any picture around the gap. */
  readonly hasVideo: boolean;
  /** A replay sent nothing, without saying that there is nothing. */
  readonly isMute: boolean;
  /** Whether a picture before the gap was equal: then the card's clock was not set between that and the gap's end. */
  readonly hasBefore: boolean;
}

export interface Range {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The gap and what is compared, by the card's clock. */
export const rangeOf = ({ gap }: Pick<FetchOptions, 'gap'>, assumedMs: number): Range => ({
  fromMs: gap.startUs / 1_000 + assumedMs - COMPARED_MS,
  untilMs: gap.endUs / 1_000 + assumedMs + COMPARED_MS,
});

/** When a recording may have pictures. */
export function timesOf(recording: CardRecording): Range {
  const { fromMs, untilMs }: Partial<CardRecording> = hasUnknownTimes(recording) ? {} : recording;
  return { fromMs: fromMs ?? Number.NEGATIVE_INFINITY, untilMs: untilMs ?? Number.POSITIVE_INFINITY };
}

/** How far the card's clock is from the camera's: cameras that state local time as UTC. */
export function zoneOf(recordings: readonly CardRecording[], cameraMs: number): number {
  const latestMs = recordings
    .filter(({ isRecording }) => isRecording)
    .reduce((latest, { untilMs = Number.NEGATIVE_INFINITY }) => Math.max(latest, untilMs), Number.NEGATIVE_INFINITY);
  const aheadMs = latestMs - cameraMs;
  return Number.isFinite(aheadMs) && Math.abs(aheadMs) > ZONE_MS && Math.abs(aheadMs) < 15 * 3_600_000
    ? Math.round(aheadMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS
    : 0;
}

/**
 * Fetches what the recordings of one source, which may overlap, have of a gap: whole groups of pictures.
 * @param assumedMs the camera's clock minus ours, unless pictures on both sides of the gap say otherwise
 * @param mustMatch nothing is taken without an equal picture
 * @throws PerchError what prevents it now; whole groups that came before are recorded. The reason of `signal`
 */
export async function fetchSource(
  options: FetchOptions,
  recordings: readonly CardRecording[],
  assumedMs: number,
  mustMatch: boolean,
  signal: AbortSignal,
): Promise<SourceFetched> {
  const { path, gap } = options;
  const recorder = new GapRecorder(options.recorder(), path);
  const written = new GroupWriter(recorder, gap.startUs / 1_000, options.onGroup);
  const lateness = new Lateness();
  const damaged: number[] = [];
  const tooLarge = new Set<number>();
  let [hasVideo, isMute, hasBefore, isOther, isDoubted] = [false, false, false, false, false];
  let differenceMs: number | undefined;
  let groupMs = 0;
  try {
    for (const recording of recordings) {
      let known: KnownTimes | undefined;
      let stops: (number | undefined)[] = [];
      let canRepeat = true;
      lateness.begin();
      for (let isOver = isDoubted; !isOver; ) {
        const beginMs = originOf(recording, options, assumedMs);
        const restMs = known ? written.endMs + known.differenceMs - EDGE_MS : beginMs;
        const [originMs, fromMs] = [Math.max(beginMs, restMs) - lateness.earlierMs, written.endMs];
        const comparison = await comparisonOf(options, signal);
        const groups = new CardGroups({
          gap: { fromMs, untilMs: gap.endUs / 1_000 },
          ...{ originMs, assumedMs: differenceMs ?? assumedMs, known },
          ...{ mustMatch: mustMatch && differenceMs === undefined, taken: written.taken, isOther, canRepeat },
          takesDamaged: (startMs) => damaged.length > MAX_DAMAGED || damaged.some((one) => isSameTime(one, startMs)),
          isLate: (firstMs) => lateness.isLate(firstMs, originMs, fromMs + (differenceMs ?? assumedMs)),
          comparison,
          take: (group) => written.write(group),
          onWhole: (lengthMs) => {
            groupMs = Math.max(groupMs, lengthMs);
          },
          isBehind: () => recorder.isBehind,
        });
        const isEnd = (seenMs: number | undefined): boolean => {
          stops = written.endMs > fromMs ? [] : [...stops, seenMs];
          return stops.length >= MAX_STALLS && new Set(stops).size === 1;
        };
        const replayed = await replayInto(groups, recording, options, { originMs, assumedMs, isEnd }, signal);
        if (lateness.mustRepeat(groups, originMs)) {
          stops = [];
          continue;
        }
        hasVideo ||= groups.seenMs !== undefined;
        isMute ||= groups.seenMs === undefined && stops.length > 0;
        if (groups.isDoubted) {
          isDoubted = comparison.hasFoundLive || (await isEqualAfter(recordings, options, assumedMs, signal));
          isOther = !isDoubted;
          isOver = isDoubted;
          continue;
        }
        ({ known } = groups);
        hasBefore ||= comparison.hasFoundBefore;
        if (comparison.hasFoundLive) {
          options.onEqual?.();
        }
        differenceMs ??= groups.isMatched ? groups.differenceMs : undefined;
        for (const ms of groups.tooLargeMs) {
          tooLarge.add(Math.round(ms / EDGE_MS));
        }
        ({ isOver } = replayed);
        if (isOver) {
          written.keep(replayed.kept);
        }
        if (!isOver && stops.length >= MAX_STALLS) {
          throw new PerchError('timeout', 'the camera stops sending in the middle of its recording', { path });
        }
        if (groups.damagedMs !== undefined) {
          damaged.push(groups.damagedMs);
        } else if (groups.mustRepeat) {
          // A camera whose clock was set within it would have no known times again.
          canRepeat = false;
        } else if (!isOver) {
          await options.clock.sleep(STALL_PAUSE_MS, signal);
          signal.throwIfAborted();
        }
      }
    }
    written.end();
  } finally {
    written.end(true);
    await recorder.end();
  }
  const { groups, seconds, beginMs } = written;
  const fetched = { groups, seconds, beginMs, differenceMs, tooLarge: tooLarge.size, groupMs };
  return { ...fetched, hasVideo, isMute, hasBefore, isDoubted };
}

/** Whether the card has pictures after the gap that were recorded live, too. */
async function isEqualAfter(
  recordings: readonly CardRecording[],
  options: FetchOptions,
  assumedMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const endMs = options.gap.endUs / 1_000;
  const fromMs = endMs + assumedMs - EDGE_MS;
  for (const recording of recordings.filter((one) => timesOf(one).untilMs > fromMs)) {
    const originMs = Math.max(fromMs, timesOf(recording).fromMs - EDGE_MS);
    const comparison = await comparisonOf(options, signal);
    const groups = new CardGroups({
      ...{ gap: { fromMs: endMs, untilMs: endMs }, originMs, assumedMs, known: undefined },
      ...{ comparison, mustMatch: true, isOther: true, canRepeat: true, taken: new TakenGroups() },
      isLate: () => false,
      takesDamaged: () => true,
      isBehind: () => false,
      take: ({ units }) => releaseAll(units),
    });
    const { kept } = await replayInto(groups, recording, options, { originMs, assumedMs, isEnd: () => true }, signal);
    releaseAll(kept?.units ?? []);
    if (comparison.hasFoundLive) {
      return true;
    }
  }
  return false;
}

const originOf = (recording: CardRecording, options: FetchOptions, assumedMs: number): number =>
  Math.max(rangeOf(options, assumedMs).fromMs, timesOf(recording).fromMs - EDGE_MS);

/**
 * @param isEnd whether a camera that stops sending at this time of its card has no more
 * @returns whether all has come, and the last group of the recording
 */
async function replayInto(
  groups: CardGroups,
  recording: CardRecording,
  options: FetchOptions,
  {
    originMs,
    assumedMs,
    isEnd,
  }: { originMs: number; assumedMs: number; isEnd: (seenMs: number | undefined) => boolean },
  signal: AbortSignal,
): Promise<{ readonly isOver: boolean; readonly kept: CardGroup | undefined }> {
  const { path, session, clock, hasSound, fingerprint, camera } = options;
  const untilMs = Math.min(rangeOf(options, assumedMs).untilMs, timesOf(recording).untilMs + EDGE_MS);
  let isOver = false;
  let kept: CardGroup | undefined;
  try {
    const url = await replayUri(session, recording.token);
    const { user, password } = session.credentials ?? {};
    const loginWatch = streamLogin(() => rtspLoginTarget(url, path), camera);
    const end = await replayRecording(
      {
        ...{ name: path, url, user, password, loginWatch, fingerprint, hasSound, clock },
        ...{ fromMs: originMs, untilMs },
        maxBytesPerSecond: () => options.maxBytesPerSecond(),
        link: options.link,
        onPlay: options.onPlay,
      },
      groups,
      signal,
    );
    const { seenMs = Number.NEGATIVE_INFINITY } = groups;
    isOver = end !== 'silent' || seenMs >= untilMs - 2 * EDGE_MS || isEnd(groups.seenMs);
    kept = groups.finish(isOver && groups.damagedMs === undefined);
    isOver &&= groups.damagedMs === undefined && !groups.mustRepeat;
  } finally {
    groups.finish(false);
  }
  if (groups.failure !== undefined) {
    throw groups.failure;
  }
  return { isOver, kept };
}

/** The recorded pictures on both sides of the gap. */
async function comparisonOf(
  { path, gap, playback, hasSameStream }: FetchOptions,
  signal: AbortSignal,
): Promise<Comparison> {
  const comparison = new Comparison(gap.startUs / 1_000);
  for (const [fromUs, toUs] of [
    [gap.startUs - COMPARED_MS * 1_000, gap.startUs],
    [gap.endUs, gap.endUs + COMPARED_MS * 1_000],
  ] as const) {
    const pictures = playback.video(path, { fromUs, toUs, signal, wants: () => true });
    for await (const { data, timesUs, isFetched } of pictures) {
      for (const [i, sample] of data.entries()) {
        comparison.recorded(sample, (timesUs[i] ?? 0) / 1_000, isFetched && !hasSameStream);
      }
    }
  }
  return comparison;
}

/** Cameras begin with a key picture. */
const LATE_MS = 2_000;
/** Beyond this the recording has a hole. */
const MAX_LATE_MS = 60_000;

/** Replays that begin later than asked for, so that pictures are missed: they are asked for once more, earlier by that. */
class Lateness {
  /** What the next replay is asked for earlier. */
  earlierMs = 0;
  #knownMs = 0;
  #canBeLate = true;

  /** Replays of another recording follow. */
  begin(): void {
    this.earlierMs = this.#knownMs;
    this.#canBeLate = this.#knownMs === 0;
  }

  /** @param firstMs begin of a replay @param askedMs what was asked for @param wantedMs the first picture that is missing; by the card */
  isLate(firstMs: number, askedMs: number, wantedMs: number): boolean {
    const lateMs = firstMs - askedMs;
    return this.#canBeLate && lateMs > LATE_MS && lateMs <= MAX_LATE_MS && firstMs > wantedMs - LATE_MS;
  }

  /** A replay has ended. @returns whether it is to be repeated: it was late, or asked for what is before the recording only */
  mustRepeat({ lateMs, seenMs }: Pick<CardGroups, 'lateMs' | 'seenMs'>, askedMs: number): boolean {
    if (lateMs !== undefined) {
      this.#knownMs = lateMs - askedMs + EDGE_MS;
      this.#canBeLate = false;
      this.earlierMs = this.#knownMs;
      return true;
    }
    const isBefore = seenMs === undefined && this.earlierMs > 0;
    this.earlierMs = isBefore ? 0 : this.earlierMs;
    return isBefore;
  }
}
