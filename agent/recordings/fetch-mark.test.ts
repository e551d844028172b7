import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../test/support/disks/recordings.ts';
import { createLogger } from '../base/log.ts';
import { FetchMark } from './fetch-mark.ts';

function openMarks() {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const markOf = (by: 'gap' | 'command') => new FetchMark(folder.path, by, { clock, log });
  return { folder: folder.path, clock, lines, gap: markOf('gap'), command: markOf('command') };
}

test('of two who want one path the second sees the first, and of two paths neither', () => {
  const { gap, command } = openMarks();
  expect([gap.set('door'), command.set('yard'), gap.set('door')]).toEqual([true, true, true]);
  expect([command.set('door'), gap.set('door')]).toEqual([false, false]);
  gap.clear();
  expect([command.set('door'), gap.isOthers('door')]).toEqual([true, true]);
});

test('a mark is over when it is cleared, or not renewed for a quarter of a minute', async () => {
  const { folder, clock, gap, command } = openMarks();
  command.set('door');
  await clock.advance(14_000);
  expect(gap.isOthers('door')).toBe(true);
  command.set('door');
  await clock.advance(14_000);
  expect(gap.isOthers('door')).toBe(true);
  await clock.advance(2_000);
  expect(gap.isOthers('door')).toBe(false);
  command.set('door');
  command.clear();
  expect([gap.isOthers('door'), readdirSync(folder)]).toEqual([false, []]);
});

test('while a mark cannot be written nothing is to be fetched, which is logged once', () => {
  const { folder, lines, gap } = openMarks();
  const obstacle = join(folder, 'fetching-gap.json.new');
  for (const count of [1, 2]) {
    mkdirSync(obstacle);
    expect([gap.set('door'), gap.set('door'), gap.isUnwritable]).toEqual([false, false, true]);
    expect(lines).toHaveLength(count);
    rmdirSync(obstacle);
    expect([gap.set('door'), gap.isUnwritable]).toEqual([true, false]);
  }
});

test.for(['', '{', '[]', 'null', '{"path":"door"}', '{"path":"door","ms":"now"}'])('%s is no mark', (text) => {
  const { folder, gap } = openMarks();
  writeFileSync(join(folder, 'fetching-command.json'), text);
  expect(gap.isOthers('door')).toBe(false);
});

test('the first mark makes the data folder', () => {
  const { folder, gap } = openMarks();
  rmdirSync(folder);
  expect([gap.set('door'), readdirSync(folder)]).toEqual([true, ['fetching-gap.json']]);
});
