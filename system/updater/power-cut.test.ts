import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { byLength } from '../../test/peers/programs/peers.ts';
import { LOSSES, type Loss, PowerCuts } from '../../test/support/disks/unsynced-loss.ts';
import {
  askForUpdate,
  type Ill,
  NEW,
  OLD,
  UPDATE_ID,
  UpdaterMachine,
  updaterOn,
  updaterPaths,
} from '../../test/support/harness/updater-machine.ts';

const FOLDERS = ['/srv/door'];
const NEVER = Number.POSITIVE_INFINITY;
/** Data lost at each cut, and steps until a second cut. In the short length one of them for each cut, in turn. */
const CUTS: readonly (readonly [Loss, number])[] = byLength(
  [
    ['nothing', NEVER],
    ['contents and names', NEVER],
    ['contents and names', 9],
  ],
  LOSSES.flatMap((loss) => [NEVER, 0, 1, 3, 9, 22].map((again) => [loss, again] as const)),
);

let cuts: PowerCuts;
beforeAll(() => {
  cuts = new PowerCuts(join(tmpdir(), 'perch-updater-'));
});
afterAll(() => cuts[Symbol.dispose]());

/** A machine with a pending update. */
function machineWith(ills: UpdaterMachine['ills']) {
  const paths = updaterPaths();
  cuts.switchOn('nothing');
  const machine = new UpdaterMachine(paths, cuts);
  machine.ills = ills;
  askForUpdate(paths, NEW, { folders: FOLDERS });
  cuts.happened = 0;
  const updater = () => updaterOn(paths, machine);
  const run = async (work: Promise<void>): Promise<'done' | 'cut'> =>
    work.then(
      () => 'done' as const,
      (error: unknown) => {
        if (cuts.isCut) {
          return 'cut' as const;
        }
        throw error;
      },
    );
  const isUnderWay = () => existsSync(join(paths.own, 'journal.json'));
  /** The box starts: before Perch, Perch, after Perch. Without a journal systemd starts neither. */
  const start = async (): Promise<'done' | 'cut'> => {
    const resume = async () => {
      rmSync(paths.answers, { recursive: true, force: true });
      if (isUnderWay()) {
        const kept = ['run', 'updater.cjs', 'node'].map((name) => readFileSync(join(paths.own, 'good', name), 'utf8'));
        expect(kept).toEqual(['program', 'program', 'program']);
        await updater().resume();
      }
    };
    if ((await run(resume())) === 'cut') {
      return 'cut';
    }
    machine.running = machine.installed.perch;
    return isUnderWay() ? run(updater().watch()) : 'done';
  };
  const dispose = (): void => {
    cuts.switchOn('nothing');
    rmSync(paths.folder, { recursive: true });
  };
  return { paths, machine, updater, run, isUnderWay, start, [Symbol.dispose]: dispose };
}

type Box = ReturnType<typeof machineWith>;

async function untilQuiet({ start }: Box, loss: Loss, again: number): Promise<void> {
  cuts.switchOn(loss);
  cuts.left = again;
  for (let starts = 0; starts < 20; starts += 1) {
    if ((await start()) === 'done') {
      cuts.left = NEVER;
      return;
    }
    cuts.switchOn(loss);
  }
  throw new Error('the machine never came to rest');
}

const STEP = byLength(CUTS.length, 1);
const KINDS = ['good', 'dead', 'silent', 'uninstallable'] as const;

test.for(KINDS)(
  'the power is cut before whatever is done to the disk while a version that is %s is installed: the box ends with one whole version, says which, and takes the next one',
  async (kind) => {
    const ills: Readonly<Record<string, Ill>> = kind === 'good' ? {} : { [NEW]: kind };
    const happened = await allThatHappens(ills);
    expect(happened).toBeGreaterThan(50);
    for (const [loss, again] of CUTS) {
      const turn = KINDS.indexOf(kind) + CUTS.findIndex((cut) => cut[0] === loss && cut[1] === again);
      for (let first = turn % STEP; first < happened; first += STEP) {
        const at = `cut after ${first}, again after ${again}, ${loss} lost`;
        using box = machineWith(ills);
        cuts.left = first;
        expect(await box.run(box.updater().update()), at).toBe('cut');
        await untilQuiet(box, loss, again).catch((cause: unknown) => {
          throw new Error(at, { cause });
        });
        await checkEnd(box, kind === 'good', at);
      }
    }
  },
);

async function allThatHappens(ills: UpdaterMachine['ills']): Promise<number> {
  using box = machineWith(ills);
  expect(await box.run(box.updater().update())).toBe('done');
  const { happened } = cuts;
  await checkEnd(box, ills[NEW] === undefined, 'without a cut');
  return happened;
}

async function checkEnd({ paths, machine, run, updater }: Box, mayBeNew: boolean, at: string): Promise<void> {
  const { installed, running } = machine;
  expect([OLD, ...(mayBeNew ? [NEW] : [])], at).toContain(installed.perch);
  expect([installed['perch-node'], running], at).toEqual([installed.perch, installed.perch]);
  const status = join(paths.own, 'status.json');
  const said = existsSync(status) ? JSON.parse(readFileSync(status, 'utf8')) : undefined;
  // If the cut was before the first journal entry, no update took place.
  expect(said ?? { id: UPDATE_ID, ok: false }, at).toMatchObject({ id: UPDATE_ID, ok: installed.perch === NEW });
  askForUpdate(paths, '1.2.0', { folders: FOLDERS });
  expect(await run(updater().update()), at).toBe('done');
  expect(installed, at).toEqual({ perch: '1.2.0', 'perch-node': '1.2.0' });
}
