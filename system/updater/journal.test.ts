import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import {
  NEW,
  OLD,
  quickClock,
  UPDATE_ID,
  UpdaterMachine,
  updaterOn,
  updaterPaths,
} from '../../test/support/harness/updater-machine.ts';
import { type Journal, parseJournal } from './journal.ts';

const JOURNAL: Journal = {
  ...{ step: 'going back', id: UPDATE_ID, from: OLD, to: NEW, starts: 1, failures: 0, why: 'unhealthy', text: 'ill' },
  packages: [`perch_${NEW}_all.deb`, `perch-node_${NEW}_amd64.deb`],
  previous: [`perch_${OLD}_all.deb`, `perch-node_${OLD}_amd64.deb`],
  watched: { host: '127.0.0.1', port: 8080, folders: ['/srv/door'], wasIll: true },
};

let paths: ReturnType<typeof updaterPaths>;
let machine: UpdaterMachine;
beforeEach(() => {
  paths = updaterPaths();
  machine = new UpdaterMachine(paths);
});
afterEach(() => rmSync(paths.folder, { recursive: true }));

test('saved state is read again', () => {
  expect(parseJournal(JSON.stringify(JOURNAL))).toEqual(JOURNAL);
});

const WRONG: readonly unknown[] = [undefined, null, true, -1, 0.5, '', 'x', [], {}, ['../../etc/passwd'], [null]];
test.for(Object.keys(JOURNAL).filter((key) => !['why', 'text', 'failures', 'from', 'to'].includes(key)))(
  'a journal without a valid %s is rejected',
  (key) => {
    for (const value of WRONG) {
      expect(parseJournal(JSON.stringify({ ...JOURNAL, [key]: value })), JSON.stringify(value)).toBeUndefined();
    }
  },
);

/** A machine whose Perch is only half installed, with packages of the version before. */
async function resume(text: string): Promise<void> {
  machine.installed = { perch: 'half', 'perch-node': OLD };
  mkdirSync(join(paths.own, 'kept'), { recursive: true });
  await machine.repack('perch', join(paths.own, 'kept', `perch_${OLD}_all.deb`));
  await machine.repack('perch-node', join(paths.own, 'kept', `perch-node_${OLD}_amd64.deb`));
  writeFileSync(join(paths.own, 'journal.json'), text);
  await updaterOn(paths, machine).resume();
}

test.for(['', 'null', '{', '[]', '"x"', '{"step":"going back"}'])(
  'if the disk has "%s" as journal, a complete Perch is installed all the same',
  async (text) => {
    await resume(text);
    expect(machine.installed).toEqual({ perch: OLD, 'perch-node': OLD });
    expect(existsSync(join(paths.own, 'journal.json'))).toBe(false);
    const status = JSON.parse(readFileSync(join(paths.own, 'status.json'), 'utf8'));
    expect(status).toMatchObject({ ok: false, state: 'failed', why: 'failed' });
  },
);

test('with any damage to the journal, the box ends with a complete Perch', async () => {
  const next = random(20_261_122);
  const whole = Buffer.from(JSON.stringify(JOURNAL));
  for (let round = 0; round < 300; round += 1) {
    const text = Buffer.from(mutate(whole, next)).toString('utf8');
    const clock = quickClock();
    await resume(text).catch(() => {});
    for (let starts = 0; starts < 4 && existsSync(join(paths.own, 'journal.json')); starts += 1) {
      await updaterOn(paths, machine, clock)
        .resume()
        .catch(() => {});
      await updaterOn(paths, machine, clock)
        .watch()
        .catch(() => {});
    }
    expect(existsSync(join(paths.own, 'journal.json')), text).toBe(false);
    expect(machine.installed.perch, text).toBe(OLD);
    // Perch must not wait for hours before its start.
    expect(clock.monoMs(), text).toBeLessThan(600_000);
  }
});
