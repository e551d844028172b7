import { linkOf } from '../../cameras/onvif/onvif-link.ts';
import { resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { linkRate } from '../../config/values/link-rate.ts';
import type { UsRange } from '../../playback/index/hidden-ranges.ts';
import type { Recorder } from '../../record/recorder.ts';
import type { Host } from '../contract.ts';
import { type CameraState, IDLE_MS } from './camera-state.ts';
import { askedOf, fetchGap, listGap } from './fetching/fetch-gap.ts';
import { gapsByFault } from './fetching/gaps.ts';
import { openCard } from './fetching/open-card.ts';
import { BACKFILL } from './keys.ts';
import { changesWithModes } from './obstacles.ts';
import { FARTHEST_MS, type Settled, type Unfilled } from './settled.ts';

/** Less is missing of a gap of which all whole groups of pictures have come. */
const PART_SECONDS = 30;
/** A disk on which recorders wait longer than this has no time for a gap. */
const BUSY_MS = 200;

/** State of a camera's turn. */
export interface Turn {
  readonly path: string;
  readonly stop: AbortController;
  /** Undefined: the camera is asked what its card holds. */
  gap: UsRange | undefined;
  /** Of the gap, what is settled if it is in doubt. */
  asked: UsRange | undefined;
  /** The camera has begun to replay. */
  isRead: boolean;
  /** Up to here groups of the gap have come, Unix milliseconds. */
  reachedMs: number;
}

interface Work {
  readonly turn: Turn;
  readonly settings: PathSettings;
  readonly state: CameraState;
  readonly settled: Settled;
}

/** Asks a camera what its card holds, and fetches one gap. @returns whether no gap is left @throws PerchError */
export async function fillGap(
  { turn, settings, state, settled }: Work,
  next: UsRange | undefined,
  { clock, log, recordings, config }: Pick<Host, 'clock' | 'log' | 'recordings' | 'config'>,
): Promise<boolean> {
  const { path } = turn;
  const { signal } = turn.stop;
  const link = linkOf(settings);
  if (!link) {
    return true;
  }
  const { session, card } = await openCard(link, clock, signal);
  state.card = card ?? null;
  state.summaryLink = link.key;
  state.summaryDueMs = clock.monoMs() + IDLE_MS;
  if (!card || !next) {
    return true;
  }
  const { serial, model } = await session.information();
  const { endpoint } = link.settings;
  const identity = { ...(serial && { serial: `${model} ${serial}` }), ...(endpoint && { endpoint }) };
  if (await settled.isOther(path, identity)) {
    log.info({ path }, 'another camera than before: gaps before now are not filled from its card');
    return false;
  }
  const listed = await listGap({ path, session, gap: next, clock }, signal);
  const { gap } = listed;
  turn.gap = gap;
  turn.asked = askedOf(listed);
  log.info(
    { path, from: new Date(gap.startUs / 1_000), seconds: seconds(gap) },
    'filling a gap from the card of the camera',
  );
  const maxBytesPerSecond = () => {
    if (recordings.busyMs > BUSY_MS) {
      return 1;
    }
    const now = resolvePath(config(), path)?.settings ?? settings;
    return linkRate(pathSettingsIn(now, BACKFILL).backfillMaxRate) ?? state.link.maxBytesPerSecond;
  };
  const recorders = new Set<Recorder>();
  const { beginMs, ...fetched } = await fetchGap(
    {
      ...{ path, session, clock, maxBytesPerSecond, link: state.link, playback: recordings.playback },
      onGroup: ({ endMs }) => {
        turn.reachedMs = endMs;
      },
      onPlay: () => {
        turn.isRead = true;
      },
      recorder: () => {
        const recorder = recordings.recorders.fetcher(path, settings, 'card');
        recorders.add(recorder);
        return recorder;
      },
      mustMatch: settled.isOfOther(path, gap),
      hasSound: settings.audio,
      fingerprint: settings.sourceFingerprint,
      camera: settings.camera ?? {},
    },
    listed,
    signal,
  ).finally(() => {
    for (const recorder of recorders) {
      recordings.recorders.fetched(recorder);
    }
  });
  state.fetchedSeconds += fetched.seconds;
  state.tooLarge += fetched.tooLarge;
  if (fetched.tooLarge > 0) {
    log.warn(
      { path, camera: session.host, groups: fetched.tooLarge, from: new Date(gap.startUs / 1_000) },
      'groups of pictures above 32 MB are left out of a gap: give the camera a shorter key frame interval',
    );
  }
  const asked = askedOf(listed, beginMs);
  // What is shorter than one group of pictures cannot be fetched.
  const isRest = asked.endUs - asked.startUs < fetched.groupMs * 1_000;
  // With record: motion a card that records so, too, has only a part.
  const isWhole =
    fetched.groups > 0 && (settings.record === 'motion' || seconds(asked) - fetched.seconds < PART_SECONDS);
  await settled.asked(path, asked, isWhole || isRest ? undefined : 'notOnCard');
  log.info(
    { path, ...fetched, seconds: Math.round(fetched.seconds) },
    'the card of the camera has sent what it has of a gap',
  );
  return false;
}

const seconds = ({ startUs, endUs }: UsRange): number => Math.round((endUs - startUs) / 1e6);

interface Gaps {
  /** Newest first. */
  readonly gaps: readonly UsRange[];
  /** How many of those that the card did not fill are missing still, by reason. */
  readonly unfilled: Readonly<Record<Unfilled, number>>;
}

/** The gaps of a path that its card is asked for. */
export async function gapsOf(
  path: string,
  { clock, recordings, config }: Pick<Host, 'clock' | 'recordings' | 'config'>,
  settled: Settled,
): Promise<Gaps> {
  const nowMs = clock.wallMs();
  const keptMs = Math.min(FARTHEST_MS, recordings.space.keptMs(path) ?? FARTHEST_MS);
  const range = { startUs: (nowMs - keptMs) * 1_000, endUs: nowMs * 1_000 };
  const coverage = await recordings.playback.coverage(path, range.startUs, range.endUs);
  const settings = resolvePath(config(), path)?.settings;
  const about = { range, hasModes: changesWithModes(settings), isAroundEvents: settings?.record === 'motion' };
  const missing = gapsByFault(coverage, { ...about, settled: settled.neverAsked(path) });
  const unfilled = settled.unfilled(path).filter((one) => isMissing(one, missing));
  const countOf = (why: Unfilled) => unfilled.filter((one) => one.why === why).length;
  return {
    gaps: gapsByFault(coverage, { ...about, settled: settled.of(path) }),
    unfilled: { notOnCard: countOf('notOnCard'), inDoubt: countOf('inDoubt') },
  };
}

/** Whether more than what whole groups of pictures leave at the ends of a gap is missing of it. */
function isMissing({ startUs, endUs }: UsRange, missing: readonly UsRange[]): boolean {
  const missingUs = missing.reduce(
    (sum, one) => sum + Math.max(0, Math.min(endUs, one.endUs) - Math.max(startUs, one.startUs)),
    0,
  );
  return missingUs >= Math.min(PART_SECONDS * 1e6, (endUs - startUs) / 2);
}
