import { expect, test } from 'vitest';
import { recoverFile } from '../../../agent/record/recovery/recovery.ts';
import { byLength } from '../../peers/programs/peers.ts';
import {
  type CutMoment,
  faultsOn,
  recordUntilPowerCut,
  recoverAll,
  recoverRest,
  samplesOn,
} from '../../support/disks/power-cut.ts';
import { playAll } from '../../support/disks/power-cut-playback.ts';

/** Each seed is a moment of the cut and a choice of what the disk has kept. */
const SEEDS = byLength(60, 4_000);
/** Each is listed and played twice. */
const PLAYED = byLength(20, 1_500);

test(`a power cut at any operation costs nothing that is older than the flush interval, and nothing is made up: ${SEEDS} cuts`, async () => {
  const faults: string[] = [];
  let promised = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const cut = await recordUntilPowerCut(seed);
    const disk = await recoverAll(cut, seed);
    promised += cut.promised.length;
    faults.push(...(await faultsOn(disk, cut)).map((fault) => `seed ${seed}: ${fault}`));
  }
  expect(faults).toEqual([]);
  expect(promised).toBeGreaterThan(SEEDS * 100);
}, 900_000);

test('recovery done a second time changes nothing', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const cut = await recordUntilPowerCut(seed);
    const disk = await recoverAll(cut, seed);
    const before = await samplesOn(disk);
    for (const [file, { bytes }] of disk.files) {
      const again = await recoverFile(file, cut.nowMs, disk);
      expect(['finished', 'unreadable']).toContain(again.kind);
      expect(disk.files.get(file)?.bytes.equals(bytes)).toBe(true);
    }
    expect([...(await samplesOn(disk)).keys()]).toEqual([...before.keys()]);
  }
});

/** Moments of the cut, by what the disk has done until then: in the first seconds of a file, and at any time. */
const MOMENTS: readonly [string, CutMoment][] = [
  ['in the first six seconds of a recording, with parts of several pages', { operations: 12, pictureBytes: 1_800 }],
  ['at any operation, with parts of several pages', { pictureBytes: 1_800 }],
  ['at any operation, with parts of a page or two', {}],
];

test.for(MOMENTS)(
  `after a power cut %s the listed and played samples were recorded, and a file without a complete part is reported: ${PLAYED} cuts, before and after recovery`,
  { timeout: 900_000 },
  async ([, moment]) => {
    const faults: string[] = [];
    let leftOut = 0;
    for (let seed = 1; seed <= PLAYED; seed += 1) {
      const cut = await recordUntilPowerCut(seed, moment);
      for (const when of ['before', 'after'] as const) {
        const disk = when === 'before' ? cut.disk : await recoverRest(cut.disk, cut);
        const played = await playAll(disk, cut);
        const missing = cut.promised.filter((key) => !played.samples.has(key));
        leftOut += played.leftOut;
        faults.push(...played.faults.map((fault) => `seed ${seed}, ${when} recovery: ${fault}`));
        if (missing.length > 0) {
          faults.push(`seed ${seed}, ${when} recovery: ${missing.length} samples are missing, ${missing[0]} first`);
        }
      }
    }
    expect(faults).toEqual([]);
    expect(leftOut).toBeGreaterThan(0);
  },
);
