import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PerchError } from '../../../base/errors.ts';
import type { ObjectType } from './contract.ts';
import { parseLabels, readLabels, typeOf } from './labels.ts';

test.for<[string, ObjectType | undefined]>([
  ['person', 'person'],
  ['Person', 'person'],
  ['car', 'vehicle'],
  ['motorcycle', 'vehicle'],
  ['bus', 'vehicle'],
  ['truck', 'vehicle'],
  ['train', 'vehicle'],
  ['bicycle', 'bicycle'],
  [' dog\t', 'animal'],
  ['bird', 'animal'],
  ['giraffe', 'animal'],
  ['teddy bear', undefined],
  ['potted plant', undefined],
  ['boat', undefined],
  ['', undefined],
  ['constructor', undefined],
])('the class %s is of the type %s', ([label, type]) => {
  expect(typeOf(label)).toBe(type);
});

test('a file of labels has one in each line, and blank lines at its end do not count', () => {
  expect(parseLabels('\ufeffperson\r\n\r\n car \r\n\r\n', 'x')).toEqual(['person', '', 'car']);
  expect(parseLabels('cat', 'x')).toEqual(['cat']);
});

test.for([
  ['', 'no line of the labels my.txt is a person'],
  ['chair\ntable', 'no line of the labels my.txt is a person'],
  ['person\n'.repeat(2_001), 'have 2001 lines, the limit is 2000'],
])('other files are refused', ([text = '', reason = '']) => {
  expect(() => parseLabels(text, 'my.txt')).toThrow(new RegExp(reason));
});

test('a file is read up to its limit, and a missing one is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perch-labels-'));
  try {
    const file = join(folder, 'labels.txt');
    await writeFile(file, 'person\ncar\n');
    expect(await readLabels(file)).toEqual(['person', 'car']);
    await writeFile(file, `person\n${'x'.repeat(64 << 10)}`);
    await expect(readLabels(file)).rejects.toThrow('have more than 65536 bytes');
    await expect(readLabels(join(folder, 'none'))).rejects.toThrow(PerchError);
    await expect(readLabels(folder)).rejects.toThrow('cannot be read');
  } finally {
    await rm(folder, { recursive: true });
  }
});
