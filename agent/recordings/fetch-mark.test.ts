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
  const markOf = (by: 'gap' | 'page' | 'command') => new FetchMark(folder.path, by, { clock, log });
  const [gap, page, command, another] = [markOf('gap'), markOf('page'), markOf('command'), markOf('command')];
  return {
    folder: folder.path,
    clock,
    lines,
    gap,
    page,
    command,
    another,
    marks: () => readdirSync(join(folder.path, 'fetching')),
  };
}

test('of two who want one path the second sees the first, and of two paths neither', () => {
  const { gap, command } = openMarks();
  expect([gap.set('door'), command.set('yard'), gap.set('door')]).toEqual([true, true, true]);
  expect([command.set('door'), gap.set('door')]).toEqual([false, false]);
  gap.clear();
  expect([command.set('door'), gap.otherOf('door')]).toEqual([true, 'command']);
});

test('the first of several imports into one path continues, and the others leave no mark', () => {
  const { page, command, another, marks } = openMarks();
  expect([command.set('door'), page.set('door'), another.set('door'), command.set('door')]).toEqual([
    ...[true, false, false, true],
  ]);
  expect([another.otherOf('door'), page.otherOf('door'), command.otherOf('door')]).toEqual([
    ...['command', 'command', undefined],
  ]);
  expect([page.set('yard'), marks().length]).toEqual([true, 2]);
  command.clear();
  expect([another.set('door'), command.set('door')]).toEqual([true, false]);
});

test('an import for which a gap has to make way keeps its turn', () => {
  const { gap, page, command } = openMarks();
  gap.set('door');
  expect([command.set('door'), page.set('door'), gap.otherOf('door')]).toEqual([false, false, 'command']);
  gap.clear();
  expect([page.set('door'), command.set('door')]).toEqual([false, true]);
});

test('an import that stood still while another one has begun has lost its turn', async () => {
  const { clock, command, another } = openMarks();
  command.set('door');
  await clock.advance(20_000);
  expect([another.set('door'), command.set('door'), another.set('door')]).toEqual([true, false, true]);
});

test('marks of processes that were killed are removed', async () => {
  const { clock, command, another, marks } = openMarks();
  command.set('door');
  await clock.advance(2 * 3_600_000);
  expect([another.set('door'), marks().length]).toEqual([true, 1]);
});

test('a mark is over when it is cleared, or not renewed for a quarter of a minute', async () => {
  const { marks, clock, gap, command } = openMarks();
  command.set('door');
  await clock.advance(14_000);
  expect(gap.otherOf('door')).toBe('command');
  command.set('door');
  await clock.advance(14_000);
  expect(gap.otherOf('door')).toBe('command');
  await clock.advance(2_000);
  expect(gap.otherOf('door')).toBeUndefined();
  command.set('door');
  command.clear();
  expect([gap.otherOf('door'), marks()]).toEqual([undefined, []]);
});

test('while a mark cannot be written nothing is to be fetched, which is logged once', () => {
  const { folder, lines, gap } = openMarks();
  const obstacle = join(folder, 'fetching', 'gap.json.new');
  for (const count of [1, 2]) {
    mkdirSync(obstacle, { recursive: true });
    expect([gap.set('door'), gap.set('door'), gap.isUnwritable]).toEqual([false, false, true]);
    expect(lines).toHaveLength(count);
    rmdirSync(obstacle);
    expect([gap.set('door'), gap.isUnwritable]).toEqual([true, false]);
  }
});

test.for(['', '{', '[]', 'null', '{"path":"door"}', '{"path":"door","ms":"now"}'])('%s is no mark', (text) => {
  const { folder, gap } = openMarks();
  mkdirSync(join(folder, 'fetching'));
  writeFileSync(join(folder, 'fetching', 'command-1.json'), text);
  expect(gap.otherOf('door')).toBeUndefined();
});

test('the first mark makes the data folder', () => {
  const { folder, gap, marks } = openMarks();
  rmdirSync(folder);
  expect([gap.set('door'), marks()]).toEqual([true, ['gap.json']]);
});
