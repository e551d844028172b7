import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { recordUntilPowerCut, recoverAll } from '../../support/disks/power-cut.ts';
import type { PowerCutDisk } from '../../support/disks/power-cut-disk.ts';
import { record, temporaryFolder } from '../../support/disks/recordings.ts';

/** The step between the cuts that are tried. */
const STRIDE = byLength(31, 1);
const CUTS = byLength(4, 200);

interface Boxes {
  /** The beginning of a box, or its content. */
  readonly boundaries: readonly number[];
  /** One past each fragment. */
  readonly ends: readonly number[];
}

const NESTED = new Set(['moof', 'traf', 'mfra']);

function boxesOf(bytes: Buffer): Boxes {
  const boundaries: number[] = [];
  const ends: number[] = [];
  const visit = (from: number, to: number): void => {
    for (let at = from; at + 8 <= to; at += bytes.readUInt32BE(at)) {
      const type = bytes.toString('latin1', at + 4, at + 8);
      boundaries.push(at, at + 8);
      if (NESTED.has(type)) {
        visit(at + 8, at + bytes.readUInt32BE(at));
      } else if (type === 'mdat') {
        ends.push(at + bytes.readUInt32BE(at));
      }
    }
    boundaries.push(to);
  };
  visit(0, bytes.length);
  return { boundaries, ends };
}

/** A recording before its end and duration are written; and the cuts in its last two fragments and its end. */
function cutsOf(whole: Buffer): { bytes: Buffer; cuts: number[]; ends: readonly number[] } {
  const bytes = Buffer.from(whole);
  bytes.writeUInt32BE(0, bytes.indexOf('mvhd') + 20);
  const { boundaries, ends } = boxesOf(bytes);
  const first = ends.at(-3) ?? 0;
  const near = boundaries.flatMap((at) => Array.from({ length: 17 }, (_, i) => at - 8 + i));
  const cuts = [...new Set(near)].filter((at) => at >= first && at <= bytes.length).sort((a, b) => a - b);
  return { bytes, cuts: cuts.filter((_, i) => i % STRIDE === 0), ends };
}

describeWith(['ffmpeg'], 'recordings that were cut off', () => {
  test('cut at every box boundary, the agent keeps each whole fragment and lists it, and ffmpeg reads it without a warning', async () => {
    using folder = temporaryFolder();
    const [source = ''] = await record(folder.path, 5, { sound: true });
    const { bytes, cuts, ends } = cutsOf(readFileSync(source));
    const files = cuts.map((cut) => {
      const file = join(folder.path, `recordings/cut-${cut}`, basename(source));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes.subarray(0, cut));
      return { cut, file };
    });
    await using agent = await startAgent({
      config: `playback: yes
pathDefaults: { recordPath: ${folder.path}/recordings/%path/%Y-%m-%d_%H-%M-%S-%f, recordDeleteAfter: 0s }
paths: { all_others: }
`,
      env: { TZ: 'UTC' },
    });
    const last = files.at(-1)?.file ?? '';
    await until(() => (readFileSync(last).subarray(-12, -8).toString() === 'mfro' ? true : undefined));
    for (const { cut, file } of files) {
      const endOffset = ends.filter((end) => end <= cut).at(-1) ?? 0;
      await until(() => (agent.process.output().includes(dirname(file)) ? true : undefined));
      const recovered = readFileSync(file);
      // Except for the duration, which is written now.
      recovered.writeUInt32BE(0, recovered.indexOf('mvhd') + 20);
      expect(recovered.subarray(0, endOffset).equals(bytes.subarray(0, endOffset))).toBe(true);
      expect(recovered.toString('latin1', endOffset + 4, endOffset + 8)).toBe('uuid');
      expect(await ffmpegWarnings(['-i', file])).toBe('');
    }
    for (const { cut } of files.filter((_, i) => i % 10 === 0)) {
      const list = await agent.json<{ duration: number }[]>(`/playback/list?path=cut-${cut}`);
      expect(list).toHaveLength(1);
      expect(list[0]?.duration).toBeGreaterThanOrEqual(3);
    }
  });

  test(`recordings decode without a warning after ${CUTS} simulated power cuts`, async () => {
    using folder = temporaryFolder();
    let count = 0;
    for (let seed = 1; seed <= CUTS; seed += 1) {
      const disk: PowerCutDisk = await recoverAll(await recordUntilPowerCut(seed), seed);
      for (const [name, { bytes }] of disk.files) {
        if (bytes.subarray(-12, -8).toString() === 'mfro') {
          const file = join(folder.path, `${seed}-${basename(name)}`);
          writeFileSync(file, bytes);
          expect(await ffmpegWarnings(['-i', file])).toBe('');
          count += 1;
        }
      }
    }
    expect(count).toBeGreaterThanOrEqual(CUTS / 2);
  });
});
