import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { random } from '../../test/support/base/random.ts';
import { ProgramOutput } from './program-output.ts';

function outputOf(clock = new FakeClock()) {
  const lines: string[] = [];
  const output = new ProgramOutput(
    { line: (text) => lines.push(text), leftOut: (count) => lines.push(`${count} left out`) },
    clock,
  );
  return { lines, output, push: (text: string) => output.push(Buffer.from(text)) };
}

test('lines are complete, with any split of the output', () => {
  const { lines, output } = outputOf();
  const bytes = Buffer.from('first\r\nsécond\n\n third');
  for (const byte of bytes) {
    output.push(Buffer.of(byte));
  }
  expect(lines).toEqual(['first', 'sécond']);
  output.end();
  expect(lines).toEqual(['first', 'sécond', ' third']);
});

test.for([[1], [3], [1_000]])(
  'of overwritten progress lines only the last is logged (%i bytes at a time)',
  ([size = 1]) => {
    const { lines, push } = outputOf();
    const text = 'frame=1\rframe=2\rframe=3\nend\r\n';
    for (let at = 0; at < text.length; at += size) {
      push(text.slice(at, at + size));
    }
    expect(lines).toEqual(['frame=3', 'end']);
  },
);

test('passwords in addresses are left out, those that a cut has left half of, too', () => {
  const { lines, push } = outputOf();
  push('Input from rtsp://me:pass@h/1: failed\n');
  push(`${'x'.repeat(980)} rtsp://me:password@h/1\n`);
  expect(lines).toEqual(['Input from rtsp://h/1: failed', `${'x'.repeat(980)}…`]);
});

test('a long line is cut after a thousand characters', () => {
  const { lines, push } = outputOf();
  push('a'.repeat(600));
  push('a'.repeat(600_000));
  push('\nb\n');
  expect(lines).toEqual([`${'a'.repeat(1_000)}…`, 'b']);
});

test('a hundred lines are logged at once, then five per second, with a count of the rest', async () => {
  const clock = new FakeClock();
  const { lines, push } = outputOf(clock);
  push('x\n'.repeat(150));
  expect(lines).toHaveLength(100);
  await clock.advance(1_000);
  push('y\n'.repeat(10));
  expect(lines.slice(100)).toEqual(['50 left out', 'y', 'y', 'y', 'y', 'y']);
});

test('for any output of a program, lines are bounded and contain no line break', () => {
  const next = random(11);
  const clock = new FakeClock();
  const { lines, output } = outputOf(clock);
  for (let round = 0; round < 3_000; round += 1) {
    const signs = Array.from(
      { length: Math.floor(next() * 400) },
      () => [10, 13, 0xc3, 0xa9, 64, 58, 47, 0xff][Math.floor(next() * 8)] ?? 0,
    );
    output.push(Buffer.from(signs));
    clock.skip(1_000);
  }
  output.end();
  expect(lines.length).toBeGreaterThan(1_000);
  expect(lines.every((line) => line.length <= 1_001 && !/[\r\n]/.test(line))).toBe(true);
});
