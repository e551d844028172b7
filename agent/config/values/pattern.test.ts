import { expect, test } from 'vitest';
import { patternOf } from './path-name.ts';
import { compilePattern } from './pattern.ts';

const MAX_MS = 10_000;

test.for([
  ['^([a-z0-9]+-?)+$', `${'a'.repeat(44)}.`],
  ['^([a-z0-9]{1,40}-?)+$', `${'a'.repeat(240)}.`],
  ['^(a|aa)+$', `${'a'.repeat(1000)}.`],
  ['(x+x+)+y', 'x'.repeat(1000)],
  ['^(a?){900}a{100}$', 'a'.repeat(1000)],
  ['a*a*a*a*a*a*a*b', 'a'.repeat(100_000)],
] as const)('%s takes no time on a hostile name', ([source, name]) => {
  const pattern = compilePattern(source);
  const start = performance.now();
  pattern.test(name);
  pattern.exec(name);
  expect(performance.now() - start).toBeLessThan(MAX_MS);
});

// As Go's regexp, which MediaMTX uses.
test.for([
  ['(?i)^cam', 'CAM1', ['CAM']],
  ['^cam(?P<n>\\d+)\\z', 'cam12', ['cam12', '12']],
  ['^cam(?<n>\\d+)$', 'cam12', ['cam12', '12']],
  ['\\A[[:alpha:]]+$', 'yard', ['yard']],
  ['\\A[[:alpha:]]+$', 'yard1', undefined],
  ['^(a)?(b)$', 'b', ['b', undefined, 'b']],
  ['\\pL+', '12é', ['é']],
  ['\\Qa.b\\E', 'xa.b', ['a.b']],
  ['door', 'front/door/1', ['door']],
  ['^live\\/(.+)$', 'live/x', ['live/x', 'x']],
  ['(?U)a+', 'aaa', ['a']],
] as const)('%s on %s', ([source, name, groups]) => {
  const pattern = compilePattern(source);
  expect(pattern.exec(name)).toEqual(groups);
  expect(pattern.test(name)).toBe(groups !== undefined);
});

test.for([
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
  ['(a)\\1', 'invalid escape sequence: `\\1`'],
  ['(', 'missing closing ): `(`'],
  ['((a{1,500}){1,500}){1,500}', 'invalid repeat count: `{1,500}`'],
  ['('.repeat(50_000) + ')'.repeat(50_000), 'nests too deeply'],
])('%.20s is refused with the reason', ([source, reason]) => {
  expect(() => compilePattern(source ?? '')).toThrow(reason);
});

test('the usual catch-all needs no library, and matches every name', () => {
  for (const name of ['all', 'all_others', '~^.*$']) {
    expect(patternOf(name)?.exec('cam1')).toEqual(['cam1']);
  }
  expect(patternOf('cam1')).toBeUndefined();
});
