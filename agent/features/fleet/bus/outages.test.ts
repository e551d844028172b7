import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { Outages } from './outages.ts';

test('an outage is reported when it is known and when it is over, and one from before the start is not', async () => {
  const clock = new FakeClock();
  const nowUs = () => clock.wallMs() * 1000;
  const more = { path: 'gate', type: 'perch.offline', text: '', source: 'perch' } as const;
  const outages: CameraEvent[] = [{ id: 'past', ...more, startUs: nowUs() - 300e6, endUs: nowUs() - 100e6 }];
  const reported: [string, boolean][] = [];
  const end = Outages.watch(
    clock,
    (fromUs, toUs) => outages.filter(({ startUs, endUs = toUs }) => startUs <= toUs && endUs >= fromUs),
    ({ id, endUs }) => void reported.push([id, endUs !== undefined]),
  );
  outages.push({ id: 'a', ...more, startUs: nowUs(), endUs: undefined });
  await clock.advance(60_000);
  await clock.advance(600_000);
  expect(reported).toEqual([['a', false]]);
  outages[1] = { id: 'a', ...more, startUs: nowUs() - 660e6, endUs: nowUs() + 1e6 };
  await clock.advance(60_000);
  await clock.advance(60_000);
  expect(reported).toEqual([
    ['a', false],
    ['a', true],
  ]);
  end();
});
