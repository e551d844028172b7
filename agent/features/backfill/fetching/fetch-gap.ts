import { PerchError } from '../../../base/errors.ts';
import { MAX_GROUP_MS } from '../../../cameras/card/card-groups.ts';
import {
  EDGE_MS,
  type Fetched,
  type FetchOptions,
  fetchSource,
  type Range,
  rangeOf,
  timesOf,
  zoneOf,
} from '../../../cameras/card/fetch-source.ts';
import type { CardRecording } from '../../../onvif/recordings/card-recordings.ts';
import { findRecordings } from '../../../onvif/recordings/card-services.ts';
import { streamsOf } from '../../../onvif/recordings/parallel.ts';
import type { UsRange } from '../../../playback/index/hidden-ranges.ts';

const HOUR_MS = 3_600_000;
/** Cameras list a file once it is closed, after hours at most. */
const LISTED_MS = 86_400_000;

interface GapOptions extends Omit<FetchOptions, 'gap'> {
  /** Nothing is taken without an equal picture. */
  readonly mustMatch?: boolean;
}

/** What the card lists around a gap. */
interface ListedGap extends Pick<FetchOptions, 'gap'> {
  readonly recordings: readonly CardRecording[];
  /** How far the card's clock seems to be from the camera's. */
  readonly zoneMs: number;
  /** It begins within the gap that was asked for. */
  readonly isCut: boolean;
}

/**
 * Lists what the camera's card may have of a gap. @returns `gap` is its end only, where the card lists more than can be read
 * @param limit how many recordings are read @throws PerchError also if not even the end of the gap is known; the reason of `signal`
 */
export async function listGap(
  { session, clock, path, gap }: Pick<FetchOptions, 'session' | 'clock' | 'path' | 'gap'>,
  signal: AbortSignal,
  limit?: number,
): Promise<ListedGap> {
  const [fromMs, untilMs] = [gap.startUs, gap.endUs].map((us) => us / 1_000 + session.skewMs);
  const { recordings, completeMs } = await findRecordings(session, clock, signal, { fromMs, untilMs, limit });
  const zoneMs = zoneOf(recordings, clock.wallMs() + session.skewMs);
  // In each zone that is tried.
  const reachUs = (completeMs - Math.abs(zoneMs) - HOUR_MS) * 1_000;
  // Each part costs a full listing, and begins up to a group of pictures later than it is cut.
  if (reachUs < Math.min(3 * MAX_GROUP_MS * 1_000, gap.endUs - gap.startUs)) {
    throw new PerchError('unsupported', 'its card lists more recordings than can be read', { path });
  }
  const startUs = Math.max(gap.startUs, Math.round(gap.endUs - reachUs));
  return { gap: { ...gap, startUs }, recordings, zoneMs, isCut: startUs > gap.startUs };
}

/**
 * What need not be asked for again of a gap. The group of pictures across its cut belongs to the next part, which reaches to the first
 * group that came. @param beginMs of that group
 */
export const askedOf = (
  { gap, isCut }: Pick<ListedGap, 'gap' | 'isCut'>,
  beginMs = gap.startUs / 1_000 + MAX_GROUP_MS,
): UsRange => (isCut ? { ...gap, startUs: Math.round(beginMs * 1_000) } : gap);

/**
 * Fills a gap from the camera's card. @returns what was fetched, after the camera has sent all that it has of the gap
 * @throws PerchError what prevents it now; whole groups that came before are recorded. `isInDoubt` in its context: what the card has of the
 * gap is not certain, and will not be. The reason of `signal`
 */
export async function fetchGap(
  wanted: GapOptions,
  { gap, recordings, zoneMs }: ListedGap,
  signal: AbortSignal,
): Promise<Fetched> {
  const { session, path } = wanted;
  const options = { ...wanted, gap };
  let [isDoubted, isSet, isMute, isSeen] = [false, false, false, false];
  let matched: Fetched | undefined;
  let groupMs = 0;
  // A clock that states local time had another zone before daylight saving began or ended.
  // A card that records on motion only states an earlier end, too, without being of another zone.
  for (const tryMs of new Set([zoneMs, zoneMs + HOUR_MS, zoneMs - HOUR_MS, 0])) {
    const assumedMs = session.skewMs + tryMs;
    const sources = sourcesWithin(recordings, rangeOf(options, assumedMs));
    // A recorder has channels, a camera two streams; one with the wrong time may have recorded anything then.
    const mustMatch = wanted.mustMatch === true || sources.length > 1 || zoneMs !== 0 || tryMs !== 0;
    for (const all of sources) {
      const {
        hasVideo,
        hasBefore,
        isMute: wasMute,
        isDoubted: wasSet,
        ...fetched
      } = await fetchSource(options, all, assumedMs, mustMatch, signal);
      if (fetched.groups > 0 || hasBefore) {
        mustBeListed(options, recordings, fetched.differenceMs ?? assumedMs);
        return fetched;
      }
      groupMs = Math.max(groupMs, fetched.groupMs);
      isMute ||= wasMute;
      isSeen ||= hasVideo;
      if (wasSet) {
        isSet = true;
        continue;
      }
      // The clock may have been set after the gap: then only what follows is equal.
      matched ??= fetched.differenceMs === undefined ? undefined : fetched;
      // An hour off there may be anything.
      isDoubted ||= mustMatch && hasVideo && (tryMs === zoneMs || tryMs === 0);
    }
  }
  if (isSet) {
    const text = 'the clock of its card was set around the gap: what it has of that time is not certain';
    throw new PerchError('unsupported', text, { path, isInDoubt: true });
  }
  if (matched) {
    mustBeListed(options, recordings, matched.differenceMs ?? 0);
    return matched;
  }
  mustBeListed(options, recordings, session.skewMs + zoneMs);
  if (isDoubted) {
    const text = 'nothing on its card equals the recordings around the gap: its times or channels are in doubt';
    throw new PerchError('unsupported', text, { path, isInDoubt: true });
  }
  if (isMute && !isSeen && isRecent(wanted, gap)) {
    throw new PerchError('timeout', 'the camera lists recordings of the gap, but sends nothing of them', { path });
  }
  return { groups: 0, seconds: 0, beginMs: undefined, differenceMs: undefined, tooLarge: 0, groupMs };
}

/** @throws PerchError if the card may hold more of the gap in a file that is still open, and not listed */
function mustBeListed(
  { gap, clock, path }: FetchOptions,
  recordings: readonly CardRecording[],
  differenceMs: number,
): void {
  const endMs = gap.endUs / 1_000;
  const isListed = recordings.some((one) => timesOf(one).untilMs - differenceMs >= endMs - EDGE_MS);
  if (!isListed && isRecent({ clock }, gap)) {
    throw new PerchError('unavailable', 'the camera does not list recordings up to the end of the gap yet', { path });
  }
}

/** Whether a gap is of the last day: what prevents filling it may pass. */
const isRecent = ({ clock }: Pick<FetchOptions, 'clock'>, { endUs }: FetchOptions['gap']): boolean =>
  clock.wallMs() - endUs / 1_000 < LISTED_MS;

/**
 * The recordings of each source, and each of its streams, that may have something of the range, oldest first. The stream that has most of
 * it is the first of its source: one with clips of events may be equal, too.
 */
function sourcesWithin(recordings: readonly CardRecording[], range: Range): (readonly CardRecording[])[] {
  const within = recordings.filter((one) => {
    const { fromMs, untilMs } = timesOf(one);
    return fromMs < range.untilMs && untilMs > range.fromMs;
  });
  const withinMs = (all: readonly CardRecording[]): number =>
    all.map(timesOf).reduce((sum, one) => {
      return sum + Math.min(one.untilMs, range.untilMs) - Math.max(one.fromMs, range.fromMs);
    }, 0);
  return [...Map.groupBy(within, ({ source = '' }) => source).values()].flatMap((all) =>
    streamsOf(all.sort((a, b) => (a.fromMs ?? 0) - (b.fromMs ?? 0))).toSorted((a, b) => withinMs(b) - withinMs(a)),
  );
}
