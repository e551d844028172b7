import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../agent/base/log.ts';
import type { CameraEvent } from '../../../agent/record/events/event.ts';
import { EventJournal } from '../../../agent/record/events/event-journal.ts';
import { byLength } from '../../peers/programs/peers.ts';
import { random } from '../../support/base/random.ts';
import { PowerCutDisk } from '../../support/disks/power-cut-disk.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

/** Each seed is a moment of the cut and a choice of what the disk has kept. */
const SEEDS = byLength(150, 4_000);
const FOLDER = '/data/events';
const DECEMBER_MS = Date.UTC(2026, 11, 1);

interface Cut {
  /** Contents of the disk at the next start of the machine. */
  readonly disk: PowerCutDisk;
  readonly notified: readonly CameraEvent[];
  /** Events whose storage was confirmed to the caller. */
  readonly acknowledged: ReadonlySet<string>;
}

/** Three callers report events of two cameras, one at a time, over the end of a month, until the power fails. */
async function tellUntilPowerCut(seed: number, keepsNames: number): Promise<Cut> {
  const next = random(seed);
  const disk = new PowerCutDisk(4 + Math.floor(next() * 80));
  await disk.makeFolder(dirname(FOLDER));
  await disk.syncFolder('/');
  const journal = new EventJournal({ folder: FOLDER, logger: silentLogger, fs: disk });
  const notified: CameraEvent[] = [];
  const acknowledged = new Set<string>();
  let callers = 3;
  const call = async (caller: number): Promise<void> => {
    for (let i = 0; i < 20; i += 1) {
      const startUs = (DECEMBER_MS - 5_000 + i * 1_000) * 1000;
      const path = i % 5 === caller ? 'yard/gate' : 'cam';
      const event = {
        id: `${caller}-${i}`,
        path,
        type: 'motion',
        startUs,
        endUs: startUs,
        text: '',
        source: 'api',
      } as const;
      notified.push(event);
      await journal.append(event);
      await journal.sync();
      acknowledged.add(event.id);
    }
    callers -= 1;
  };
  for (let caller = 0; caller < 3; caller += 1) {
    void call(caller);
  }
  while (!disk.isOff && callers > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { disk: disk.afterCut(next, new Uint8Array(0), { keepsNames }), notified, acknowledged };
}

/** As Perch reads them at its next start. */
async function eventsOn(disk: PowerCutDisk): Promise<CameraEvent[]> {
  using folder = temporaryFolder();
  for (const [name, { bytes }] of disk.files) {
    const file = join(folder.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  const events: CameraEvent[] = [];
  const journal = new EventJournal({ folder: join(folder.path, FOLDER), logger: silentLogger });
  await journal.replay({ addEvent: (event) => events.push(event) });
  return events;
}

const DISKS = { 'ext4, which keeps some of the names that were not flushed': 0.5, 'FAT or exFAT, which keep none': 0 };

for (const [name, keepsNames] of Object.entries(DISKS)) {
  test(`events that were acknowledged survive a power cut on ${name}: ${SEEDS} cuts`, async () => {
    const lost: string[] = [];
    let kept = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { disk, notified, acknowledged } = await tellUntilPowerCut(seed, keepsNames);
      const found = await eventsOn(disk);
      const ids = new Set(found.map(({ id }) => id));
      lost.push(...[...acknowledged].filter((id) => !ids.has(id)).map((id) => `seed ${seed}: ${id}`));
      expect(notified).toEqual(expect.arrayContaining(found));
      kept += acknowledged.size;
    }
    expect(lost).toEqual([]);
    expect(kept).toBeGreaterThan(SEEDS * 5);
  }, 600_000);
}
