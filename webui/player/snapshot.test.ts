import { expect, test } from 'vitest';
import { snapshotName } from './snapshot.ts';

const AT = new Date(2026, 10, 3, 6, 4, 2);

test.for([
  ['Front door', 'Front door 2026-11-03 06.04.02.jpg'],
  ['前门', '前门 2026-11-03 06.04.02.jpg'],
  ['<b>a/b</b>\\c:d', 'b a b b c d 2026-11-03 06.04.02.jpg'],
  ['..', '2026-11-03 06.04.02.jpg'],
  ['gpj.\u202ex', 'gpj. x 2026-11-03 06.04.02.jpg'],
] as const)('a picture of %s has the name %s', ([title, name]) => {
  expect(snapshotName(title, AT)).toBe(name);
});

test('a very long name is truncated between characters', () => {
  expect(snapshotName('🐦'.repeat(200), AT)).toBe(`${'🐦'.repeat(80)} 2026-11-03 06.04.02.jpg`);
});
