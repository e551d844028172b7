import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BackfillItem } from '../../../../agent/features/backfill/routes.ts';
import { byLength } from '../../../peers/programs/peers.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { random } from '../../../support/base/random.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import {
  eventually,
  expectMissedFilled,
  GAP,
  GROUP_MS,
  liveCard,
  openMissed,
  pathLines,
  prepareOutage,
  startMissedCamera,
} from '../support/outage.ts';
import { type Dated, endsOf, expectSame, picturesOf } from '../support/pictures.ts';

const PROGRAM = join(import.meta.dirname, '../support/box-program.ts');
/** Times real time: the gap is fetched in some seconds. */
const PACE = 6;
const FETCH_MS = 3_000;
const PAUSE_MS = 130_000;
const SKIP_MS = 6_000;
/** A group of what the cameras send now, and what the box takes to say that it records. */
const LIVE_GROUP_MS = 6_000;
/** A part of a recording that is not on the disk yet. */
const PART_MS = 2_000;

const ENDS = ['SIGKILL', 'SIGTERM', 'power cut'] as const;
const LIMIT = { timeout: byLength(300_000, 900_000) };

interface Said extends BackfillItem {
  readonly isRecorded: boolean;
}

function startBox(file: string, dataDir: string) {
  const running = startProcess(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    PROGRAM,
    file,
    dataDir,
    '1000',
  ]);
  const lines = () => running.output().split('\n');
  const last = (): Said | undefined => {
    const line = lines().findLast((one) => one.startsWith('{"path"') && one.endsWith('}'));
    return line === undefined ? undefined : (JSON.parse(line) as Said);
  };
  return {
    ...running,
    says: (isMeant: (said: Said) => boolean) =>
      eventually(() => {
        const said = last();
        return said && isMeant(said) ? said : undefined;
      }),
    pictures: async () => {
      running.child.stdin.write('door\n');
      const [line] = await running.waitFor(/^\[\[.*\]\]$/m);
      return JSON.parse(line) as Dated[];
    },
  };
}

/** The file of the gap that is written last. */
function lastFetched(folder: string, fromMs: number): string | undefined {
  const [startS = 0, endS = 0] = GAP.map((second) => fromMs / 1_000 + second);
  const names = readdirSync(folder).filter(
    (name) => Number.parseInt(name, 10) >= startS - 1 && Number.parseInt(name, 10) < endS,
  );
  return names.map((name) => join(folder, name)).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

const seed = Date.now() % 1_000_000;

test.concurrent(
  `a fetch that a restart, a kill and a loss of what was not flushed interrupt is continued (${seed})`,
  LIMIT,
  async ({ onTestFinished }) => {
    const next = random(seed);
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const door = await startMissedCamera(onTestFinished, 'door', { replayPace: PACE }, liveCard(onTestFinished));
    const { recordPath, dataDir } = await prepareOutage(folder.path, [door]);
    const file = join(folder.path, 'perch.yml');
    mkdirSync(dataDir, { recursive: true });
    const off = ['address', 'tlsAddress', 'rtspAddress'].map((key) => `${key}: '127.0.0.1:0'\n`).join('');
    const none = ['hls', 'webrtc', 'rtmp', 'srt', 'api', 'playback', 'metrics', 'mdns']
      .map((key) => `${key}: no\n`)
      .join('');
    writeFileSync(file, `perch: own\n${off}${none}rtspTransports: [tcp]\npaths:\n${pathLines(door, recordPath)}`);
    const away: [number, number][] = [];
    for (const how of byLength(ENDS.slice(1), [...ENDS, ...ENDS, ...ENDS])) {
      const box = startBox(file, dataDir);
      onTestFinished(async () => void (await box.stop('SIGKILL')));
      await box.says(({ isRecorded }) => isRecorded);
      away.at(-1)?.splice(1, 1, Date.now());
      await box.says(({ state, isRecorded }) => state === 'fetching' && isRecorded);
      await new Promise((resolve) => setTimeout(resolve, next() * FETCH_MS));
      away.push([Date.now() - PART_MS, Number.POSITIVE_INFINITY]);
      const code = await box.stop(how === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL');
      expect(code).toBe(how === 'SIGTERM' ? 0 : null);
      away.push([Date.now() - PART_MS, Number.POSITIVE_INFINITY]);
      const fetched = how === 'power cut' ? lastFetched(join(folder.path, 'recordings/door'), door.fromMs) : undefined;
      if (fetched) {
        truncateSync(fetched, Math.floor(next() * statSync(fetched).size));
      }
    }
    const box = startBox(file, dataDir);
    onTestFinished(async () => void (await box.stop('SIGKILL')));
    await box.says(({ isRecorded }) => isRecorded);
    away.at(-1)?.splice(1, 1, Date.now());
    await box.says(({ state, gaps }) => state === 'idle' && gaps === 0);
    const endMs = Date.now() - LIVE_GROUP_MS;
    const recorded = (await box.pictures()).filter(([ms]) => ms < endMs);
    const [gapMs = 0, untilMs = 0] = GAP.map((second) => door.fromMs + second * 1_000);
    const mayMiss = [...endsOf([gapMs, untilMs], GROUP_MS), ...away.flatMap((gap) => endsOf(gap, LIVE_GROUP_MS))];
    // From the end of the prepared recordings to the first start there is no outage that the box knows.
    const firstMs = away[0]?.[0] ?? 0;
    expectSame(
      recorded,
      picturesOf(door.card).filter(([ms]) => ms < endMs),
      [...mayMiss, [untilMs + 10_000, firstMs]],
    );
    expect(await box.stop()).toBe(0);
  },
);

test.concurrent('a camera that reboots while its card is read is asked again', LIMIT, async ({ onTestFinished }) => {
  const { missed, host, itemOf, skip } = await openMissed(onTestFinished, { door: { replayPace: PACE } });
  const [door = expect.fail('no camera')] = missed;
  await eventually(async () => (await itemOf('door')).state === 'fetching' || undefined);
  await new Promise((resolve) => setTimeout(resolve, FETCH_MS));
  await door.camera.reboot();
  // The reading may have ended the stream: Perch waits for two minutes from when it has seen that.
  // Each time later, since a jump of the clock also ends what a busy machine has not finished.
  let [nextMs, everyMs] = [performance.now() + SKIP_MS, SKIP_MS];
  // The reboot leaves a gap on a slow machine, which this card has not recorded either: so some gaps may be left.
  await eventually(async () => {
    const { state, fetchedSeconds } = await itemOf('door');
    if (state !== 'fetching' && performance.now() > nextMs) {
      skip(PAUSE_MS);
      everyMs *= 1.5;
      nextMs = performance.now() + everyMs;
    }
    return fetchedSeconds > 0 || undefined;
  });
  expect(host.paths.find('door')?.recording?.active).toBe(true);
  await expectMissedFilled(host, door);
});
