import { expect, test } from 'vitest';
import {
  begin,
  ELSEWHERE,
  GUARD,
  HOME,
  PATROL,
  PLACES,
} from '../../../../test/features/rules/support/turned-camera.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import { PerchError } from '../../../base/errors.ts';
import { Stream } from '../../../stream/stream.ts';
import { STEERED_MS } from './position-watch.ts';

test('a rule turns the camera to a preset and back to where it was', async () => {
  const box = await begin();
  box.hold('Gate', 10);
  await box.pass(1);
  box.looksAt(PLACES.Gate);
  await box.pass(8);
  box.looksAt(PLACES.Gate);
  await box.pass(2);
  box.looksAt(ELSEWHERE);
  await box.pass(300);
  expect(box.moves()).toEqual(['GotoPreset', 'AbsoluteMove']);
  expect(box.positions.problems()).toEqual([]);
});

test('a rule is told why its camera does not turn', async () => {
  const box = await begin();
  const { goToPreset } = box.steering;
  box.steering.goToPreset = async () => {
    throw new PerchError('unsupported', 'the camera is being calibrated');
  };
  expect(await box.hold('Gate', 10)).toBe('the camera is being calibrated');
  // What it refused once it is asked again by the next rule.
  box.steering.goToPreset = goToPreset;
  expect(await box.hold('Door', 300, 'second')).toBe(undefined);
  box.looksAt(PLACES.Door);
  expect(await box.hold('Shed', 10, 'third')).toBe('it has no such preset');
  await box.steering.asPerson.goToPreset('yard', 'preset3');
  expect(await box.hold('Gate', 10)).toContain('a person steers it');
  await box.pass(STEERED_MS / 1000);
  await box.camera.stop();
  expect(await box.hold('Gate', 10)).toContain('camera');
  box.looksAt(PLACES.Door);
});

test('a rule for a sub stream, or for a path without camera, is told so', async () => {
  const box = await begin();
  const entry = (name: string) => `  ${name}:\n    source: rtsp://127.0.0.1:1/x\n`;
  box.config = configOf(
    `${entry('yard')}    camera: {onvif: '${box.camera.url}'}\n${entry('yard_sub')}${entry('hall')}`,
  );
  box.positions.apply();
  expect(await box.positions.hold('yard_sub', 'Gate', 'rule', box.clock.wallMs() + 5_000)).toContain('sub stream');
  expect(await box.positions.hold('hall', 'Gate', 'rule', box.clock.wallMs() + 5_000)).toContain('no `camera`');
});

test('a preset may be named by its token', async () => {
  const box = await begin();
  box.hold('preset2', 10);
  await box.pass(1);
  box.looksAt(PLACES.Door);
});

test('the newest hold goes before; when it ends, the earlier one has what is left of its time', async () => {
  const box = await begin();
  box.hold('Gate', 30, 'first');
  await box.pass(1);
  box.hold('Door', 10, 'second');
  await box.pass(1);
  box.looksAt(PLACES.Door);
  await box.pass(10);
  box.looksAt(PLACES.Gate);
  await box.pass(20);
  box.looksAt(ELSEWHERE);
});

test('an owner has one hold, and ends it early', async () => {
  const box = await begin();
  box.hold('Gate', 30);
  box.hold('Door', 30);
  await box.pass(2);
  box.looksAt(PLACES.Door);
  box.positions.release('yard', 'rule');
  await box.pass(1);
  box.looksAt(ELSEWHERE);
});

test('a camera that does not report its position goes home', async () => {
  const box = await begin({ quirks: { status: 'missing' } });
  box.hold('Gate', 10);
  await box.pass(12);
  box.looksAt(HOME);
});

test('a camera that reports zero wherever it looks goes home (status is constant)', async () => {
  const box = await begin({ quirks: { status: 'constant' } });
  box.camera.ptz.goTo(ELSEWHERE);
  box.camera.ptz.home = PLACES.Yard;
  box.hold('Gate', 10);
  await box.pass(12);
  box.looksAt(PLACES.Yard);
});

test('a camera without position and home stays, and the log says so once', async () => {
  const box = await begin({ quirks: { status: 'missing' } });
  box.steering.goHome = async () => {
    throw new PerchError('unsupported', 'the camera has no home position');
  };
  box.hold('Gate', 10);
  await box.pass(60);
  box.looksAt(PLACES.Gate);
  expect(box.lines.filter((line) => line.includes('cannot return'))).toHaveLength(1);
  await box.stop();
  expect((await box.file()).cameras).toEqual([]);
});

test('nothing turns the camera for a minute after a person has steered it, and the person decides where it stays', async () => {
  const box = await begin();
  box.hold('Gate', 300);
  await box.pass(1);
  await box.steering.asPerson.goToPreset('yard', 'preset3');
  await box.pass(STEERED_MS / 1000 - 1);
  box.looksAt(PLACES.Yard);
  await box.pass(2);
  box.looksAt(PLACES.Gate);
  await box.pass(300);
  box.looksAt(PLACES.Yard);
});

test('a person who steers a camera goes before the first rule that would turn it', async () => {
  const box = await begin();
  await box.steering.asPerson.goToPreset('yard', 'preset3');
  expect(await box.hold('Gate', 10)).toContain('a person steers it');
  await box.pass(STEERED_MS / 1000);
  expect(await box.hold('Gate', 10)).toBe(undefined);
});

test('a hold that ends while a person steers does not turn the camera', async () => {
  const box = await begin();
  box.hold('Gate', 10);
  await box.pass(1);
  await box.steering.asPerson.move('yard', { pan: 1 });
  await box.steering.asPerson.stop('yard');
  await box.pass(300);
  expect(box.moves()).toEqual(['GotoPreset']);
});

test('without a person the camera returns to its guard position, once', async () => {
  const box = await begin({ settings: `${GUARD}    ptzGuardAfter: 2m\n` });
  await box.pass(119);
  box.looksAt(ELSEWHERE);
  await box.pass(2);
  box.looksAt(PLACES.Gate);
  await box.pass(100);
  await box.steering.asPerson.goToPreset('yard', 'preset2');
  await box.pass(119);
  box.looksAt(PLACES.Door);
  await box.pass(2);
  box.looksAt(PLACES.Gate);
  await box.pass(300);
  expect(box.moves()).toHaveLength(3);
});

test('the guard position waits for at least a minute', async () => {
  const box = await begin({ settings: `${GUARD}    ptzGuardAfter: 5s\n` });
  await box.pass(6);
  box.looksAt(PLACES.Gate);
  await box.steering.asPerson.goToPreset('yard', 'preset2');
  await box.pass(59);
  box.looksAt(PLACES.Door);
  await box.pass(2);
  box.looksAt(PLACES.Gate);
});

test('after a hold the camera goes to its guard position at once', async () => {
  const box = await begin({ settings: GUARD });
  box.hold('Door', 10);
  await box.pass(2);
  box.looksAt(PLACES.Door);
  await box.pass(10);
  box.looksAt(PLACES.Gate);
  // Where it looked does not matter.
  const { operations } = box.camera;
  expect(operations.slice(0, operations.indexOf('GotoPreset'))).not.toContain('GetStatus');
});

test('a patrol visits its presets in turn, goes on after a hold, and stops while a person steers', async () => {
  const box = await begin({ settings: PATROL });
  await box.pass(1);
  box.looksAt(PLACES.Gate);
  await box.pass(19);
  box.looksAt(PLACES.Gate);
  await box.pass(2);
  box.looksAt(PLACES.Door);
  await box.pass(31);
  box.looksAt(PLACES.Gate);
  box.hold('Yard', 30);
  await box.pass(2);
  box.looksAt(PLACES.Yard);
  await box.pass(30);
  box.looksAt(PLACES.Door);
  await box.steering.asPerson.goToPreset('yard', 'preset3');
  await box.pass(59);
  box.looksAt(PLACES.Yard);
  await box.pass(2);
  box.looksAt(PLACES.Door);
});

test('the same preset twice in a patrol has both pauses, and one move', async () => {
  const step = '{preset: Gate, seconds: 20}';
  const box = await begin({ settings: `    ptzPatrol: [${step}, ${step}, {preset: Door, seconds: 20}]\n` });
  await box.pass(39);
  box.looksAt(PLACES.Gate);
  await box.pass(3);
  box.looksAt(PLACES.Door);
  expect(box.moves()).toHaveLength(2);
});

test('a patrol skips a missing preset, which is a problem until the camera has it', async () => {
  const box = await begin({ settings: '    ptzPatrol: [{preset: Shed, seconds: 20}, {preset: Door, seconds: 20}]\n' });
  await box.pass(2);
  box.looksAt(PLACES.Door);
  expect(box.positions.problems()).toMatchObject([
    { name: 'yard', why: 'preset', text: "the camera has no preset 'Shed': save it, or choose another one" },
  ]);
  const before = box.camera.operations.filter((operation) => operation === 'GetPresets').length;
  await box.pass(200);
  expect(box.camera.operations.filter((operation) => operation === 'GetPresets').length).toBeLessThan(before + 3);
  box.camera.ptz.setPreset('Shed');
  await box.pass(400);
  expect(box.positions.problems()).toEqual([]);
  expect(box.lines.filter((line) => line.includes('no such preset'))).toHaveLength(1);
});

test('a hold with a missing preset leaves the camera, and is a problem as long as it lasts', async () => {
  const box = await begin();
  box.hold('Shed', 30);
  await box.pass(5);
  box.looksAt(ELSEWHERE);
  expect(box.positions.problems()).toMatchObject([{ name: 'yard', why: 'preset' }]);
  await box.pass(30);
  expect(box.positions.problems()).toEqual([]);
  expect(box.moves()).toEqual([]);
});

test('a camera whose guard position is missing stays after a hold, and is not asked every second', async () => {
  const box = await begin({ settings: '    ptzGuard: Shed\n' });
  box.hold('Gate', 10);
  await box.pass(120);
  box.looksAt(PLACES.Gate);
  expect(box.camera.operations.filter((operation) => operation === 'GetPresets').length).toBeLessThan(4);
});

test('a preset that the camera has lost since it was listed is missing', async () => {
  const box = await begin({ settings: PATROL });
  await box.pass(2);
  box.camera.ptz.presets.delete('preset2');
  await box.pass(30);
  box.looksAt(PLACES.Gate);
  expect(box.positions.problems()).toMatchObject([{ why: 'preset' }]);
});

test('a camera without PTZ is a problem, and is asked again after five minutes', async () => {
  const box = await begin({ settings: GUARD, quirks: { ptz: 'none' } });
  await box.pass(100);
  expect(box.positions.problems()).toMatchObject([
    { name: 'yard', why: 'noPtz', text: 'Perch cannot turn the camera: this camera has no pan, tilt or zoom' },
  ]);
  const calls = box.camera.operations.length;
  await box.pass(200);
  expect(box.camera.operations).toHaveLength(calls);
});

test('a guard position of a path without a camera is a problem', async () => {
  const box = await begin();
  box.config = configOf(
    '  hall: {source: "rtsp://127.0.0.1:1/x", ptzGuard: Gate}\n  door: {source: "rtsp://127.0.0.1:1/x"}\n',
  );
  box.positions.apply();
  expect(box.positions.problems()).toMatchObject([
    { name: 'hall', why: 'noPtz', text: expect.stringContaining('has no `camera`') },
  ]);
});

test('a camera that is away is asked less and less often, and turned when its stream is back', async () => {
  const box = await begin({ settings: GUARD });
  await box.camera.stop();
  await box.pass(600);
  expect(box.lines.filter((line) => line.includes('does not turn now'))).toHaveLength(1);
  await box.camera.start();
  box.streams = [['yard', new Stream([])]];
  box.positions.streamOpened();
  await box.pass(1);
  box.looksAt(PLACES.Gate);
});

test('a camera that has restarted returns to where it should look', async () => {
  const box = await begin({ settings: GUARD });
  await box.pass(62);
  box.looksAt(PLACES.Gate);
  await box.camera.stop();
  box.camera.ptz.reset();
  await box.camera.start();
  box.looksAt(HOME);
  box.streams = [['yard', new Stream([])]];
  box.positions.streamOpened();
  await box.pass(1);
  box.looksAt(PLACES.Gate);
});
