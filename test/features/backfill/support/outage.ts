import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FEATURES } from '../../../../agent/app/features/table.ts';
import { type Clock, systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { DemoStreams } from '../../../../agent/demo-camera/demo-streams.ts';
import { backfillFeature } from '../../../../agent/features/backfill/feature.ts';
import type { BackfillItem, BackfillList } from '../../../../agent/features/backfill/routes.ts';
import type { Feature, Host } from '../../../../agent/features/contract.ts';
import type { Sample } from '../../../../agent/media/sample/sample.ts';
import type { Track } from '../../../../agent/media/sample/track.ts';
import { EventJournal } from '../../../../agent/record/events/event-journal.ts';
import { type OnvifCamera, startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import type { Quirks } from '../../../onvif-camera/quirks.ts';
import { startRecorder, temporaryFolder } from '../../../support/disks/recordings.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { type Dated, endsOf, expectSame, picturesOf, recordedPictures, withoutSets } from './pictures.ts';

export const LOGIN = { user: 'admin', password: 'for the camera' };
/** Of the card until now: it records. */
export const SECONDS = 44;
/** What the box has missed. */
export const GAP = [12.35, 26.6] as const;
/** Its recordings end shortly before now. */
export const RECORDED_SECONDS = 40;
export const GROUP_MS = 1_000;
const STABLE_MS = 1_000;
const FPS = 5;
const SIZES = new Map([
  ['main', [160, 90]],
  ['sub', [160, 90]],
] as const);

let feed: DemoStreams | undefined;
/** What the cameras send now: few pictures, since their cards are what matters. */
const smallFeed = (): DemoStreams => {
  feed ??= new DemoStreams(systemClock, SIZES, 5);
  return feed;
};

let filled: { readonly card: SdCard; readonly fromMs: number } | undefined;
/** One for all cameras, since its pictures take seconds to make. */
export function sharedCard() {
  if (!filled) {
    const fromMs = Math.floor(systemClock.wallMs() / 1_000 - SECONDS) * 1_000;
    const filling = { fromMs, seconds: SECONDS, fps: FPS, group: FPS };
    filled = { fromMs, card: filledCard(filling) };
    filled.card.sub = filledCard({ ...filling, size: [128, 72] });
    filled.card.isRecording = true;
  }
  return filled;
}

/** The same, which records what the cameras send now, too. */
export function liveCard(atEnd: AtEnd): SdCard {
  const { card } = sharedCard();
  const live = new SdCard(card.tracks);
  for (const unit of card.units) {
    live.add(unit);
  }
  live.record(smallFeed(), 'main');
  atEnd(() => live.stop());
  return live;
}

/** Repeats `probe` until it returns a value: seldom, since all tests of a file wait at once. */
export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await probe();
    if (found !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Registers what is done at the end of a test; concurrent tests have one each. */
export type AtEnd = (work: () => void | Promise<void>) => void;

/** A camera of which the box has missed a part. */
export interface MissedCamera {
  readonly path: string;
  /** When its card begins, Unix milliseconds. */
  readonly fromMs: number;
  readonly camera: OnvifCamera;
  readonly card: SdCard;
}

export async function startMissedCamera(
  atEnd: AtEnd,
  path: string,
  quirks: Quirks = {},
  card = sharedCard().card,
): Promise<MissedCamera> {
  const { fromMs } = sharedCard();
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card, feed: smallFeed() });
  atEnd(async () => await camera[Symbol.asyncDispose]());
  return { path, fromMs, camera, card };
}

/** Records samples as the box did at their time. */
export async function recordSamples(recordPath: string, path: string, track: Track, samples: readonly Sample[]) {
  await using running = startRecorder('/', { path, recordPath, zone: 'UTC' }, [track]);
  for (const sample of samples) {
    running.stream.write(0, sample);
  }
  running.stream.close();
  await running.recorder.stop();
}

/** The pictures of a card within seconds of it. */
export function samplesOf(
  { card, fromMs }: Pick<MissedCamera, 'card' | 'fromMs'>,
  from: number,
  until: number,
): Sample[] {
  return card.units
    .filter(({ track, unixMs }) => track === 0 && unixMs >= fromMs + from * 1_000 && unixMs < fromMs + until * 1_000)
    .map(({ unixMs, ticks, isKey, data }) => ({
      ...{ pts: ticks, dts: ticks, wall: unixMs, key: isKey, data: withoutSets(data) },
    }));
}

/** What a box has of an outage: recordings before and after it, and its reason. @returns their recordPath and the data folder */
export async function prepareOutage(folder: string, missed: readonly MissedCamera[]) {
  const recordPath = join(folder, 'recordings/%path/%s-%f');
  const dataDir = join(folder, 'data');
  for (const one of missed) {
    for (const [from, until] of [[0, GAP[0]] as const, [GAP[1], RECORDED_SECONDS] as const]) {
      await recordSamples(recordPath, one.path, one.card.tracks[0], samplesOf(one, from, until));
    }
    await noteOutage(dataDir, one.path, one.fromMs);
  }
  return { recordPath, dataDir };
}

export async function noteOutage(
  dataDir: string,
  path: string,
  fromMs: number,
  gap: readonly number[] = GAP,
): Promise<void> {
  const journal = new EventJournal({ folder: join(dataDir, 'gaps'), logger: silentLogger });
  const [startUs = 0, endUs = 0] = gap.map((second) => (fromMs + second * 1_000) * 1_000);
  await journal.append({ id: randomUUID(), path, type: 'offline', source: 'perch', text: '', startUs, endUs });
  await journal.close();
}

/** Lines of `paths` for a camera. @param login default: of the simulated camera */
export function pathLines(
  { path, camera }: MissedCamera,
  recordPath: string,
  keys = '',
  login = { ...LOGIN, url: camera.url, source: camera.rtspUrl() },
): string {
  const { url, source, user, password } = login;
  return (
    `  ${path}:\n    source: '${source}'\n    record: yes\n    recordPath: '${recordPath}'\n    recordDeleteAfter: 0s\n` +
    `    camera: {onvif: '${url}', user: ${user}, password: ${password}}\n${keys}`
  );
}

/** The features of Perch, with gaps filled sooner after a return, some of them by a clock of the test, and one that hands out what features get. */
function featuresWith(found: (host: Host) => void, clock: Clock, stableMs: number): readonly Feature[] {
  const probe: Feature = {
    name: 'probe',
    open: (host) => {
      found(host);
      return {};
    },
  };
  const filling = backfillFeature({ stableMs });
  const clocked = (one: Feature): Feature => ({ ...one, open: (host) => one.open({ ...host, clock }) });
  const early = FEATURES.map((one) => (one.name === 'backfill' ? filling : one));
  return [...early.map((one) => (['backfill', 'archive'].includes(one.name) ? clocked(one) : one)), probe];
}

/** A box that comes back from an outage of these cameras. @param keys more lines of a path */
export async function openMissed(
  atEnd: AtEnd,
  cameras: Readonly<Record<string, Quirks>>,
  keys: (path: string) => string = () => '',
) {
  const folder = temporaryFolder();
  atEnd(() => folder[Symbol.dispose]());
  const missed = await Promise.all(
    Object.entries(cameras).map(([path, quirks]) => startMissedCamera(atEnd, path, quirks)),
  );
  const { recordPath, dataDir } = await prepareOutage(folder.path, missed);
  return {
    missed,
    ...(await openMissedBox(atEnd, dataDir, missed.map((one) => pathLines(one, recordPath, keys(one.path))).join(''))),
  };
}

/** @param paths lines of the configuration */
export async function openMissedBox(atEnd: AtEnd, dataDir: string, paths: string, more = '', stableMs = STABLE_MS) {
  let found: Host | undefined;
  let aheadMs = 0;
  const clock = { ...systemClock, monoMs: () => systemClock.monoMs() + aheadMs };
  const keep = (host: Host): void => {
    found = host;
  };
  const features = featuresWith(keep, clock, stableMs);
  const box = await openAdoptionHarness({}, `${more}paths:\n${paths}`, { features, dataDir });
  atEnd(async () => await box[Symbol.asyncDispose]());
  const host = found ?? expect.fail('no Perch has started');
  const itemOf = async (path: string): Promise<BackfillItem> => {
    const { items } = (await box.call('GET', '/backfill/list')).body as unknown as BackfillList;
    return items.find((one) => one.path === path) ?? expect.fail(`no ${path}`);
  };
  /** Pauses between attempts are over sooner. */
  const skip = (ms: number): void => {
    aheadMs += ms;
  };
  return { box, host, itemOf, skip, isOver: async (path: string) => isOver(await itemOf(path)) };
}

/** All that the card has was fetched. */
const isOver = ({ state, gaps, fetchedSeconds }: BackfillItem): boolean =>
  state === 'idle' && gaps === 0 && fetchedSeconds > 0;

/** The gap is filled with whole groups of the card, each picture once. @param lateMs what the replay begins late */
export async function expectMissedFilled(host: Host, { path, card, fromMs }: MissedCamera, lateMs = 0): Promise<void> {
  const isMeant = ([ms]: Dated) => ms < fromMs + RECORDED_SECONDS * 1_000 - 50;
  const recorded = (await recordedPictures(host, path)).filter(isMeant);
  const [gapMs = 0, untilMs = 0] = GAP.map((second) => fromMs + second * 1_000);
  const mayMiss = [...endsOf([gapMs, untilMs], GROUP_MS), [gapMs, gapMs + lateMs] as const];
  expectSame(recorded, picturesOf(card).filter(isMeant), mayMiss);
  const isOfGap = ([ms]: Dated) => ms > gapMs && ms < untilMs;
  expect(recorded.filter(isOfGap).length).toBeGreaterThan(((untilMs - gapMs - lateMs) / 1_000 - 3) * FPS);
}
