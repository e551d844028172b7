import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { boxOf, DOWN, rule, SWITCH, settle, TURN } from '../../../test/features/rules/support/rule-box.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { HOUR_MS, MINUTE_MS } from '../../base/time/units.ts';

test('a preset is held for its time, and one that the camera does not have is a problem', async () => {
  const { report, camera, own, configure, clock } = await boxOf(rule('', TURN));
  await report();
  expect(camera.holds).toEqual([['yard', 'Gate', 'Gate', Date.UTC(2026) + 30_000]]);
  expect(own.problems()).toEqual([]);
  configure(rule('', TURN.replace('Gate', 'Barn')));
  expect(own.problems()).toEqual([]);
  // The camera is asked a moment after the change.
  await clock.advance(25_000);
  await settle();
  expect(own.problems()).toMatchObject([{ name: 'Gate', text: "rule 'Gate': camera 'yard' has no preset 'Barn'" }]);
  configure(rule('', TURN));
  expect(own.problems()).toEqual([]);
});

test('an output is switched on, and off after its time; a later run makes that longer', async () => {
  const { report, camera, clock, own } = await boxOf(rule('', SWITCH));
  await report();
  await clock.advance(8_000);
  await report();
  await clock.advance(8_000);
  expect(camera.calls).toEqual(['yard relay-1 on', 'yard relay-1 on']);
  await clock.advance(3_000);
  await settle();
  expect(camera.calls.slice(2)).toEqual(['yard relay-1 off']);
  await clock.advance(HOUR_MS);
  expect([camera.calls.length, own.problems()]).toEqual([3, []]);
});

test('an unknown output, and a camera that does not answer, are problems until the next run', async () => {
  const { report, camera, own, clock, configure } = await boxOf(rule('', SWITCH.replace('relay-1', 'relay-9')));
  await report();
  expect(own.problems()).toMatchObject([
    { why: 'action', text: "rule 'Gate': the camera has no such output: 'relay-9'" },
  ]);
  configure(rule('', SWITCH));
  camera.fault = DOWN;
  await clock.advance(1_000);
  await report();
  expect(own.problems()).toMatchObject([{ text: "rule 'Gate': the camera does not answer" }]);
  camera.fault = undefined;
  await clock.advance(MINUTE_MS);
  await report();
  expect(own.problems()).toEqual([]);
});

test('an output whose camera is away is switched off when it is back, and meanwhile a problem', async () => {
  const { report, camera, own, clock } = await boxOf(rule('', SWITCH));
  await report();
  camera.fault = DOWN;
  for (let i = 0; i < 20; i += 1) {
    await clock.advance(1_000);
    await settle();
  }
  expect(own.problems()).toMatchObject([
    { name: 'yard', why: 'stillOn', text: expect.stringContaining("output 'relay-1' may still be on") },
  ]);
  camera.fault = undefined;
  for (let i = 0; i < 60; i += 1) {
    await clock.advance(1_000);
    await settle();
  }
  expect([camera.isOn.get('yard relay-1'), own.problems()]).toEqual([false, []]);
});

test('a stop of Perch switches outputs off', async () => {
  const { report, camera, own } = await boxOf(rule('', SWITCH));
  await report();
  await own.close();
  expect(camera.calls).toEqual(['yard relay-1 on', 'yard relay-1 off']);
});

test('after a power cut the next start switches off what rules left on, whatever the time is then', async () => {
  const first = await boxOf(rule('', SWITCH));
  await first.report();
  const file = readFileSync(join(first.dataDir, 'rule-outputs.json'), 'utf8');
  expect(JSON.parse(file)).toEqual({ on: [{ path: 'yard', output: 'relay-1' }] });

  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  writeFileSync(join(folder.path, 'rule-outputs.json'), file);
  // Before 1970 the clock of a box without a battery.
  const next = await boxOf('', folder.path);
  next.clock.stepWall(-60 * 365 * 24 * HOUR_MS);
  next.state.isTrusted = false;
  await next.clock.advance(2_000);
  await settle();
  expect(next.camera.calls).toEqual(['yard relay-1 off']);
  const left = () => JSON.parse(readFileSync(join(folder.path, 'rule-outputs.json'), 'utf8'));
  await vi.waitFor(() => expect(left()).toEqual({ on: [] }));
});

test('a file of outputs that is damaged at any byte ends no start, and is a problem unless it is whole', async () => {
  const text = JSON.stringify({ on: [{ path: 'yard', output: 'relay-1' }] });
  for (let length = 0; length <= text.length; length += 1) {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    writeFileSync(join(folder.path, 'rule-outputs.json'), text.slice(0, length));
    const { own, clock, camera } = await boxOf('', folder.path);
    await clock.advance(2_000);
    await settle();
    expect([camera.calls.length, own.problems().length]).toEqual(length === text.length ? [1, 0] : [0, 1]);
  }
});
