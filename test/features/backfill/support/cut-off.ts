import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Namespace } from '../../../peers/host/namespace.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { type AtEnd, eventually, LOGIN, openMissedBox } from './outage.ts';
import { type Dated, endsOf, expectSame, isSame, recordedPictures, SAME_MS } from './pictures.ts';

const PROGRAM = join(import.meta.dirname, 'card-cameras.ts');
/** Outages are noted once all cameras have had time to connect. */
const CONNECT_MS = 16_000;
/** The box notes the end of an outage within two seconds. */
const STABLE_MS = 3_000;
/** An outage sooner after a fetch looks as if reading the card had ended the stream. */
const APART_MS = 35_000;
/** For the box to see that. */
const CHECK_MS = 5_000;
/** A group of the cameras, and what is on its way when the network is cut: in pictures, since a busy machine leaves some out. */
const GROUP_SECONDS = 5;
/** What is not finished when pictures are compared. */
const OPEN_MS = 3_000;

interface CutOff {
  readonly network: Pick<Namespace, 'name' | 'ip' | 'plug'>;
  readonly cameras: number;
  /** How long each outage lasts. */
  readonly outagesMs: readonly number[];
  /** Keys of each path. */
  readonly keys?: string;
  /** Keys of the box; outages have to be longer than its `readTimeout`. */
  readonly boxKeys?: string;
  /** Pixels. */
  readonly width?: number;
  readonly fps?: number;
  /** What a live picture may come late by: it has the time of its arrival. */
  readonly lateMs?: number;
}

/** Cuts the network of cameras off several times. After each outage the recordings are those of the cards, picture for picture. */
export async function cutOff(
  atEnd: AtEnd,
  { network, cameras, outagesMs, keys = '', boxKeys = '', width = 320, fps = 10, lateMs = SAME_MS }: CutOff,
): Promise<void> {
  const folder = temporaryFolder();
  atEnd(() => folder[Symbol.dispose]());
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM];
  const program = startProcess('ip', ['netns', 'exec', network.name, ...node, `${cameras}`, `${width}`, `${fps}`]);
  atEnd(async () => {
    program.child.stdin.end();
    await program.exited;
  });
  const [line] = await program.waitFor(/^\[\[".*\]\]$/m);
  const addresses = JSON.parse(line.replaceAll('0.0.0.0', network.ip)) as [url: string, source: string][];
  const paths = addresses.map((_, i) => `door${i}`);
  const entries = addresses.map(
    ([url, source], i) =>
      `  door${i}:\n    source: '${source}'\n    record: yes\n    recordDeleteAfter: 0s\n${keys}` +
      `    recordPath: '${join(folder.path, 'recordings/%path/%s-%f')}'\n` +
      `    camera: {onvif: '${url}', user: ${LOGIN.user}, password: ${LOGIN.password}}\n`,
  );
  const dataDir = join(folder.path, 'data');
  const { host, itemOf, skip } = await openMissedBox(atEnd, dataDir, entries.join(''), boxKeys, STABLE_MS);
  const areRecorded = () => paths.every((path) => host.paths.find(path)?.recording?.active) || undefined;
  const readyTimes = () => paths.map((path) => host.paths.find(path)?.readyTime ?? '');
  await eventually(areRecorded);
  await delay(CONNECT_MS);
  const gaps = paths.map((): [number, number][] => []);
  for (const outageMs of outagesMs) {
    const before = await Promise.all(paths.map(async (path) => (await itemOf(path)).fetchedSeconds));
    const cutMs = Date.now();
    await network.plug(false);
    await delay(outageMs);
    await network.plug(true);
    await eventually(areRecorded);
    const backTimes = readyTimes();
    for (const [i, path] of paths.entries()) {
      await eventually(async () => {
        const { state, gaps: left, fetchedSeconds, retryTime } = await itemOf(path);
        // On a busy machine an attempt may fail.
        if (retryTime !== null) {
          skip(Math.max(0, Date.parse(retryTime) - Date.now()));
        }
        return (state === 'idle' && left === 0 && fetchedSeconds > (before[i] ?? 0)) || undefined;
      });
      gaps[i]?.push([cutMs, Date.parse(backTimes[i] ?? '')]);
    }
    expect(readyTimes(), 'live streams since the cameras are back').toEqual(backTimes);
    const file = join(folder.path, `card-${cutMs}.json`);
    const untilMs = Date.now() - OPEN_MS;
    program.child.stdin.write(`${file}\n`);
    await program.waitFor(new RegExp(`^${file}$`, 'm'));
    const card = JSON.parse(readFileSync(file, 'utf8')) as Dated[];
    const groupMs = longestMs(card, GROUP_SECONDS * fps);
    for (const [i, path] of paths.entries()) {
      const recorded = (await recordedPictures(host, path)).filter(([ms]) => ms < untilMs);
      const [first = -1, last = -1] = [recorded[0], recorded.at(-1)].map((end) =>
        card.findLastIndex((one) => isSame(one, end, lateMs)),
      );
      expect([first, last], `first and last picture of ${path} on its card`).not.toContain(-1);
      expect(card[last]?.[0]).toBeGreaterThan(untilMs - groupMs - lateMs);
      const mayMiss = gaps[i]?.flatMap((gap) => endsOf(gap, groupMs, lateMs)) ?? [];
      expectSame(recorded, card.slice(first, last + 1), mayMiss, lateMs);
    }
    skip(APART_MS);
    await delay(CHECK_MS);
  }
}

/** How long so many pictures that follow each other take at most. */
const longestMs = (card: readonly Dated[], pictures: number): number =>
  card.slice(pictures).reduce((longest, [ms], i) => Math.max(longest, ms - (card[i]?.[0] ?? ms)), 0);
