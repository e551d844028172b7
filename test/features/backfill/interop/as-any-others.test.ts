import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { verified } from '../../../support/disks/signed-recordings.ts';
import { eventually, GAP, openMissed } from '../support/outage.ts';

test('hooks run for recordings from the card, and a signature says that no clock of the box dates them', {
  timeout: 60_000,
}, async ({ onTestFinished }) => {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const [created, completed] = ['created', 'completed'].map((name) => join(folder.path, name)) as [string, string];
  const keys =
    '    recordSign: yes\n' +
    `    runOnRecordSegmentCreate: sh -c 'echo "$MTX_SEGMENT_PATH" >> ${created}'\n` +
    `    runOnRecordSegmentComplete: sh -c 'echo "$MTX_SEGMENT_PATH $MTX_SEGMENT_DURATION" >> ${completed}'\n`;
  const { isOver, missed } = await openMissed(onTestFinished, { door: {} }, () => keys);
  await eventually(async () => (await isOver('door')) || undefined);
  const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  const [file = '', seconds = ''] =
    (await eventually(() => linesOf(completed).find((line) => Number(line.split(' ')[1]) > 5)))?.split(' ') ?? [];
  expect(Number(seconds)).toBeGreaterThan(GAP[1] - GAP[0] - 2);
  expect(Number(seconds)).toBeLessThan(GAP[1] - GAP[0] + 2);
  expect(linesOf(created)).toContain(file);
  const startS = Number(/(\d+)-\d+\.mp4$/.exec(file)?.[1]) - (missed[0]?.fromMs ?? 0) / 1_000;
  expect(Math.abs(startS - GAP[0])).toBeLessThan(2);
  await eventually(() => (existsSync(`${file}.sig`) ? true : undefined));
  const { code, text } = await verified(file);
  expect([code, text]).toEqual([0, expect.stringContaining('not by a set clock of the box')]);
});
