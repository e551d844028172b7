import { expect, test } from 'vitest';
import { recoverFile } from '../../agent/record/recovery/recovery.ts';
import { byLength } from '../peers/peers.ts';
import { faultsOn, recordUntilPowerCut, recoverAll, samplesOn } from '../power-cut.ts';

/** Each seed is a moment of the cut and a choice of what the disk has kept. */
const SEEDS = byLength(120, 4_000);

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
