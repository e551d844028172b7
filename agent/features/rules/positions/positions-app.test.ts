import { expect, test } from 'vitest';
import { begin, ELSEWHERE, GUARD, PATROL, PLACES } from '../../../../test/features/rules/support/turned-camera.ts';
import type { OnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../../test/onvif-camera/quirks.ts';

const count = ({ operations }: OnvifCamera, one: string) => operations.filter((operation) => operation === one).length;

test('presets are listed once for many moves', async () => {
  const box = await begin({ settings: PATROL });
  await box.pass(280);
  expect(count(box.camera, 'GotoPreset')).toBeGreaterThan(10);
  expect(count(box.camera, 'GetPresets')).toBe(1);
});

const looks = (camera: OnvifCamera) => count(camera, 'GetStatus');

test("a camera that its own app moves returns to its guard position a minute after the app's last move", async () => {
  const box = await begin({ settings: GUARD });
  await box.pass(90);
  box.looksAt(PLACES.Gate);
  box.camera.ptz.goTo(ELSEWHERE);
  await box.pass(40);
  // A second move.
  box.camera.ptz.goTo(PLACES.Door);
  await box.pass(58);
  box.looksAt(PLACES.Door);
  await box.pass(15);
  box.looksAt(PLACES.Gate);
  expect(box.moves()).toHaveLength(2);
  expect(box.lines.filter((line) => line.includes('not by Perch'))).toHaveLength(1);
});

test('a move while nothing has turned the camera, or may, does not hinder a later rule', async () => {
  const box = await begin();
  box.hold('Gate', 60);
  await box.pass(30);
  box.camera.ptz.goTo(PLACES.Door);
  await box.pass(120);
  box.camera.ptz.goTo(ELSEWHERE);
  await box.pass(3_600);
  expect(await box.hold('Yard', 10)).toBeUndefined();
  box.looksAt(PLACES.Yard);
});

test('a camera that moves by itself is in the log once, and a problem from ten minutes on until it rests', async () => {
  const box = await begin({ settings: GUARD });
  await box.pass(90);
  const wander = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 1) {
      box.camera.ptz.goTo({ ...ELSEWHERE, x: -0.9 + (i % 10) / 5 });
      await box.pass(1);
    }
  };
  await wander(300);
  expect(box.lines.filter((line) => line.includes('not by Perch'))).toHaveLength(1);
  expect(box.positions.problems()).toEqual([]);
  await wander(330);
  expect(box.positions.problems()).toMatchObject([
    {
      name: 'yard',
      why: 'moving',
      text: expect.stringContaining('its own tour or tracking moves it'),
      since: expect.stringMatching(/^2026-01-01T00:01:\d\d/),
    },
  ]);
  expect(box.moves()).toHaveLength(1);
  await box.pass(75);
  expect(box.positions.problems()).toEqual([]);
  box.looksAt(PLACES.Gate);
});

test('an app that moves the camera stops the patrol for a minute, also right before its next step', async () => {
  const box = await begin({ settings: PATROL });
  await box.pass(19);
  box.looksAt(PLACES.Gate);
  box.camera.ptz.goTo(ELSEWHERE);
  await box.pass(58);
  box.looksAt(ELSEWHERE);
  await box.pass(15);
  expect([PLACES.Gate, PLACES.Door]).toContainEqual(box.camera.ptz.position);
});

test('an app decides where a camera stays that a rule has turned, and the next rule is told', async () => {
  const box = await begin();
  box.hold('Gate', 60);
  await box.pass(30);
  box.camera.ptz.goTo(PLACES.Door);
  await box.pass(12);
  expect(await box.hold('Yard', 10, 'second')).toContain('a person steers it');
  await box.pass(300);
  box.looksAt(PLACES.Door);
});

test.for<[string, Quirks]>([
  ['does not report where it looks', { status: 'missing' }],
  ['reports no position', { status: 'hollow' }],
  ['reports zero wherever it looks', { status: 'constant' }],
])('a camera that %s is turned as if nobody moves it', async ([, quirks]) => {
  const box = await begin({ settings: GUARD, quirks });
  await box.pass(90);
  box.camera.ptz.goTo(ELSEWHERE);
  await box.pass(120);
  box.hold('Door', 10);
  await box.pass(1);
  box.looksAt(PLACES.Door);
  if (quirks.status !== 'constant') {
    expect(looks(box.camera)).toBeLessThanOrEqual(3);
  }
});

test('a camera that turns slowly, or trembles, was not moved by a person', async () => {
  const box = await begin({ settings: GUARD });
  await box.pass(62);
  // It is still on its way.
  for (let i = 0; i < 30; i += 1) {
    box.camera.ptz.goTo({ ...PLACES.Gate, x: 0.5 - (30 - i) / 20 });
    await box.pass(1);
  }
  for (let i = 0; i < 60; i += 1) {
    box.camera.ptz.goTo({ ...PLACES.Gate, x: 0.5 + (i % 2) / 100 });
    await box.pass(1);
  }
  expect(box.lines.filter((line) => line.includes('not by Perch'))).toEqual([]);
  expect(await box.hold('Door', 10)).toBeUndefined();
});

test('a camera is asked where it looks ten times a minute at most, and only while that matters', async () => {
  const box = await begin();
  box.hold('Gate', 1);
  await box.pass(60);
  const before = looks(box.camera);
  await box.pass(300);
  expect(looks(box.camera)).toBe(before);
  box.set(GUARD);
  await box.pass(60);
  expect(looks(box.camera) - before).toBeLessThanOrEqual(10);
  expect(looks(box.camera) - before).toBeGreaterThan(2);
  box.set(GUARD, ', paused: yes');
  const paused = looks(box.camera);
  await box.pass(60);
  expect(looks(box.camera)).toBe(paused);
});
