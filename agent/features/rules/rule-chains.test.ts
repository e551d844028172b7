import { expect, test } from 'vitest';
import {
  boxOf,
  LIGHT,
  PERSON,
  rule,
  SWITCH,
  settle,
  TURN,
  watcher,
} from '../../../test/features/rules/support/rule-box.ts';
import { MINUTE_MS } from '../../base/time/units.ts';
import type { CameraEvent } from '../../record/events/event.ts';

test('what a turned camera sees starts no rule until it is back and rests; a hand at its doorbell does', async () => {
  const { report, clock, ran, own } = await boxOf(
    `${rule('', TURN)}, ${watcher('yard')}, {name: Bell, when: {event: doorbell, path: yard}, then: [{record: yes, path: hall}]}`,
  );
  await report();
  for (let i = 0; i < 9; i += 1) {
    await report({ path: 'yard', type: 'motion' });
    await clock.advance(5_000);
  }
  expect([ran('Watch'), own.metrics()[2]?.[3]]).toEqual([undefined, 9]);
  await report({ path: 'yard', type: 'doorbell' });
  expect(ran('Bell')).toBeDefined();
  await report({ path: 'yard', type: 'motion' });
  expect(ran('Watch')).toBeDefined();
});

test('a camera that Perch turns on its patrol starts no rule either', async () => {
  const { report, camera, ran } = await boxOf(watcher('yard'));
  camera.turning = 'yard';
  await report({ id: 'm', path: 'yard', type: 'motion' });
  camera.turning = '';
  await report({ id: 'm', path: 'yard', type: 'motion', zones: ['Drive'] });
  expect(ran('Watch')).toBeUndefined();
  await report({ path: 'yard', type: 'motion' });
  expect(ran('Watch')).toBeDefined();
});

test.for([
  ['the motion of a gate, at its camera', SWITCH, 'yard', 5_000, false],
  ['the motion of a gate, at another camera', SWITCH, 'hall', 5_000, false],
  ['motion just after the gate has closed', SWITCH, 'hall', 24_000, false],
  ['motion long after the gate has closed', SWITCH, 'hall', 40_000, true],
  ['the picture of a lamp that goes on, at another camera', LIGHT, 'hall', 5_000, false],
  ['motion in the steady light of a lamp', LIGHT, 'hall', 30_000, true],
  ['the picture of a lamp that goes off', LIGHT, 'yard', 65_000, false],
] as const)('%s', async ([, then, path, afterMs, isStarted]) => {
  const { report, clock, ran } = await boxOf(`${rule('', then)}, ${watcher(path)}`);
  await report();
  for (let ms = 0; ms < afterMs; ms += 1_000) {
    await clock.advance(1_000);
    await settle();
  }
  await report({ path, type: 'motion' });
  expect(ran('Watch') !== undefined).toBe(isStarted);
});

test.for([
  ['a person in the motion of another camera, while a relay is on', { type: 'motion', labels: PERSON }, 'person', true],
  ['a person whom Perch finds only later', { type: 'motion' }, 'person', true],
  ['the motion of a gate with a person in it', { type: 'motion', labels: PERSON }, 'motion', false],
  ['the sound of a siren', { type: 'sound' }, 'sound', false],
] as const)('%s starts its rule, or not', async ([, event, kind, isStarted]) => {
  const { report, ran } = await boxOf(`${rule('', SWITCH)}, ${watcher('hall', kind)}`);
  await report();
  await report({ ...event, id: 'h', path: 'hall' } as Partial<CameraEvent>);
  await report({ id: 'h', path: 'hall', labels: PERSON });
  expect(ran('Watch') !== undefined).toBe(isStarted);
});

test('a siren that sounds for an hour keeps rules from its sound, not from what moves at other cameras', async () => {
  const long = SWITCH.replace('10', '3600');
  const { report, own, clock } = await boxOf(
    `${rule('', long)}, ${watcher('hall')}, ${watcher('hall', 'sound').replace('Watch', 'Listen')}`,
  );
  await report();
  await clock.advance(MINUTE_MS);
  await report({ path: 'hall', type: 'sound' });
  await report({ path: 'hall', type: 'motion' });
  expect(own.list().map(({ name, last }) => [name, last !== null])).toEqual([
    ['Gate', true],
    ['Watch', true],
    ['Listen', false],
  ]);
});

test('rules that name each other in a ring run once, however long the ring is', async () => {
  const paths = ['gate', 'yard', 'hall'];
  const ring = paths.map(
    (path, i) =>
      `{name: ${path}, when: {event: motion, path: ${path}}, then: [{preset: Gate, path: ${paths[(i + 1) % 3]}, seconds: 20}], pause: 0s}`,
  );
  const { report, own, camera, clock } = await boxOf(ring.join(', '));
  await report({ type: 'motion' });
  // Each camera that turns reports motion, at once and when it comes back.
  let seen = 0;
  for (let i = 0; i < 120; i += 1) {
    const turned = camera.holds.slice(seen) as [string, ...unknown[]][];
    seen = camera.holds.length;
    for (const [path] of turned) {
      await report({ path, type: 'motion' });
    }
    if (i === 20) {
      await report({ path: 'yard', type: 'motion' });
    }
    await clock.advance(1_000);
  }
  expect([camera.holds.length, own.metrics()[0]?.[3]]).toEqual([1, 1]);
});
