import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Terms of others: a key of the API, RTMP's kind of a limit, a flag of the Raspberry Pi's firmware, an index beyond the last. */
const TERMS = ['DEFAULT_LIMIT', 'DYNAMIC_LIMIT', 'SOFT_TEMPERATURE_LIMIT', 'INDEX_LIMIT', 'NO_LIMIT'];

test('bounds are named MAX_ or MIN_', () => {
  const files = globSync('{agent,system,webui,packaging}/**/*.{ts,tsx}').filter((file) => !file.includes('/dist/'));
  const bound = /^(?:export )?const ((?:\w+_)?(?:LIMIT|MAXIMUM|MINIMUM|MOST|LONGEST|LEAST|SHORTEST)(?:_\w+)?)\b/gm;
  const names = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(bound)].map(([, name = '']) => name));
  expect(files.length).toBeGreaterThan(1_000);
  expect(names.filter((name) => !TERMS.includes(name))).toEqual([]);
});
