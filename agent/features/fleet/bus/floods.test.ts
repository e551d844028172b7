import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import type { Logger } from '../../../base/log.ts';
import { Floods } from './floods.ts';

test('a box that sends more than 20,000 events in 10 s is a problem, logged once, until it sends fewer', async () => {
  const clock = new FakeClock();
  const warned: object[] = [];
  const floods = new Floods(clock, { warn: (facts: object) => void warned.push(facts) } as unknown as Logger);
  const period = async (ofYard: number) => {
    for (let i = 0; i < ofYard; i += 1) {
      floods.note('yard');
    }
    floods.note('barn');
    await clock.advance(10_000);
    return floods.problems();
  };
  expect(await period(20_000)).toEqual([]);
  const text = expect.stringContaining('perch fleet revoke FOLDER yard');
  const problem = { name: 'yard', why: 'flood', text, since: '2026-01-01T00:00:20.000Z' };
  expect(await period(20_001)).toEqual([problem]);
  expect(await period(30_000)).toEqual([problem]);
  expect(warned).toEqual([{ box: 'yard', events: 20_001, cause: text }]);
  expect(await period(1)).toEqual([]);
  floods.close();
});
