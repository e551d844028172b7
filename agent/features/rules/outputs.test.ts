import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { PerchError } from '../../base/errors.ts';
import type { EventKind } from '../../base/event-kinds.ts';
import { createLogger } from '../../base/log.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../base/time/units.ts';
import { Controls } from '../../cameras/onvif/controls.ts';
import { steeringOf } from '../../cameras/onvif/steering.ts';
import { Effects } from './effects.ts';
import { HeldOutputs } from './outputs.ts';

const DOWN = new PerchError('unavailable', 'the camera does not answer');
const UNKNOWN = new PerchError('notFound', 'the camera has no such output');

/** Outputs of a camera at `yard`, whose calls may fail. */
async function begin(file?: object) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const lines: string[] = [];
  const camera = {
    calls: [] as string[],
    fault: undefined as PerchError | undefined,
    state: 'ready' as 'ready' | 'off' | 'faulty' | 'gone',
    person: (_path: string, _id: string, _isOn: boolean): void => {},
  };
  if (file) {
    writeFileSync(join(folder.path, 'rule-outputs.json'), JSON.stringify(file));
  }
  const effects = new Effects(clock);
  const outputs = new HeldOutputs(
    {
      dataDir: folder.path,
      clock,
      log: createLogger('info', (line) => lines.push(line)),
      pathState: () => camera.state,
      steering: {
        outputs: async () => [],
        setOutput: async (_, id, isOn) => {
          camera.calls.push(`${id} ${isOn ? 'on' : 'off'}`);
          if (camera.fault) {
            throw camera.fault;
          }
        },
        switched: (listener) => {
          camera.person = listener;
          return () => {};
        },
      },
    },
    effects,
  );
  onTestFinished(async () => {
    const closed = outputs.close();
    await clock.advance(5_000);
    await closed;
    folder[Symbol.dispose]();
  });
  await outputs.begin();
  let number = 0;
  return {
    ...{ outputs, clock, camera, lines },
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 1_000) {
        await clock.advance(Math.min(left, 1_000));
        outputs.tick();
        await setImmediate();
        await setImmediate();
      }
    },
    /** Whether rules may have caused an event of this kind that begins now. */
    isCaused(path: string, type: EventKind) {
      number += 1;
      const times = { startUs: 0, endUs: undefined };
      const event = { id: `${number}`, path, type, text: '', source: 'camera' as const, ...times };
      effects.saw(event);
      return effects.isCaused(event, type);
    },
    inFile: () => JSON.parse(readFileSync(join(folder.path, 'rule-outputs.json'), 'utf8')).on,
  };
}

test('a camera that dies while an output is on keeps other rules from running for its time alone, however often it is tried', async () => {
  const { outputs, camera, pass, isCaused } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 60);
  camera.fault = DOWN;
  await pass(30_000);
  expect([isCaused('hall', 'motion'), isCaused('hall', 'sound'), isCaused('yard', 'motion')]).toEqual([
    ...[false, true, true],
  ]);
  await pass(50_000);
  for (let i = 0; i < 120; i += 1) {
    await pass(1_000);
    expect([isCaused('hall', 'motion'), isCaused('hall', 'sound'), isCaused('yard', 'motion')]).toEqual([
      ...[false, false, false],
    ]);
  }
  expect(camera.calls.length).toBeGreaterThan(5);
  expect(outputs.problems()).toMatchObject([{ name: 'yard', why: 'stillOn' }]);
  camera.fault = undefined;
  for (let i = 0; i < 61 && outputs.problems().length > 0; i += 1) {
    await pass(1_000);
  }
  expect([outputs.problems(), isCaused('hall', 'motion')]).toEqual([[], true]);
});

test('an output that could not be switched off is no problem any more when the camera has switched it on again', async () => {
  const { outputs, camera, pass } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 10);
  camera.fault = DOWN;
  await pass(MINUTE_MS);
  expect(outputs.problems()).toHaveLength(1);
  camera.fault = undefined;
  await outputs.switchOn('Gate', 'yard', 'relay-1', 10);
  expect(outputs.problems()).toEqual([]);
  await pass(11_000);
  expect(camera.calls.at(-1)).toBe('relay-1 off');
});

test('after a power cut a camera that is away keeps no rule from running for longer than a moment', async () => {
  const { camera, pass, isCaused } = await begin({ on: [{ path: 'yard', output: 'relay-1' }] });
  camera.fault = DOWN;
  await pass(20_000);
  for (let i = 0; i < 120; i += 1) {
    await pass(1_000);
    expect(isCaused('hall', 'motion')).toBe(false);
  }
});

test('an output that a person switches on meanwhile stays on; one that a person switches off goes off once more', async () => {
  const { outputs, camera, pass } = await begin();
  await outputs.switchOn('Gate', 'yard', 'lamp', 10);
  await outputs.switchOn('Gate', 'yard', 'relay-1', 10);
  camera.person('yard', 'lamp', true);
  camera.person('yard', 'relay-1', false);
  await pass(60_000);
  expect(camera.calls).toEqual(['lamp on', 'relay-1 on', 'relay-1 off']);
});

test('an output goes off as soon as its camera is paused or private', async () => {
  const { outputs, camera, pass } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 3_600);
  camera.state = 'off';
  await pass(2_000);
  expect(camera.calls).toEqual(['relay-1 on', 'relay-1 off']);
});

test('an output of a camera whose settings have a fault goes off when they are right again', async () => {
  const { outputs, camera, pass, inFile } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 10);
  camera.state = 'faulty';
  await pass(HOUR_MS);
  expect(outputs.problems()).toMatchObject([
    { text: expect.stringContaining('the settings of its camera have a fault') },
  ]);
  expect([camera.calls, inFile()]).toEqual([['relay-1 on'], [{ path: 'yard', output: 'relay-1' }]]);
  camera.state = 'ready';
  await pass(61_000);
  expect([camera.calls.at(-1), outputs.problems()]).toEqual(['relay-1 off', []]);
});

test('an output of a removed camera is a problem for a day, and goes off if the camera is back', async () => {
  const { outputs, camera, pass, lines, inFile } = await begin({ on: [{ path: 'gone', output: 'relay-1' }] });
  camera.state = 'gone';
  await pass(1_000);
  expect(outputs.problems()).toMatchObject([
    { name: 'gone', text: expect.stringContaining('its camera was removed or renamed') },
  ]);
  camera.state = 'ready';
  await pass(MINUTE_MS);
  expect([camera.calls, outputs.problems()]).toEqual([['relay-1 off'], []]);
  await outputs.switchOn('Gate', 'gone', 'relay-1', 10);
  camera.state = 'gone';
  await pass(DAY_MS + 2 * MINUTE_MS);
  expect(outputs.problems()).toEqual([]);
  expect(lines.join()).toContain('there is no such output');
  await vi.waitFor(() => expect(inFile()).toEqual([]));
});

test('a camera that is about to be removed switches off first; one that does not answer is named once it is removed', async () => {
  const { outputs, camera, clock, pass, inFile } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 300);
  await outputs.leaving('elsewhere');
  expect(camera.calls).toEqual(['relay-1 on']);
  await outputs.leaving('yard');
  expect(camera.calls).toEqual(['relay-1 on', 'relay-1 off']);
  await vi.waitFor(() => expect(inFile()).toEqual([]));

  await outputs.switchOn('Gate', 'yard', 'relay-1', 300);
  camera.fault = DOWN;
  const leaving = outputs.leaving('yard');
  await clock.advance(5_000);
  await leaving;
  camera.state = 'gone';
  await pass(10_000);
  expect(outputs.problems()).toMatchObject([{ name: 'yard', why: 'stillOn' }]);
});

test('an output that is given up before the camera was asked for it is not switched on, nor is one whose camera leaves', async () => {
  const { outputs, camera, pass, inFile } = await begin();
  const given = outputs.switchOn('Gate', 'yard', 'lamp', 60);
  outputs.release('Gate', 'yard', 'lamp');
  await expect(given).rejects.toThrow("output 'lamp' was given up before it was on");
  const left = outputs.switchOn('Gate', 'yard', 'relay-1', 300);
  const rejected = expect(left).rejects.toThrow("output 'relay-1' was given up before it was on");
  await outputs.leaving('yard');
  await rejected;
  expect(camera.calls).not.toContain('lamp on');
  expect(camera.calls).not.toContain('relay-1 on');
  await pass(2_000);
  await vi.waitFor(() => expect(inFile()).toEqual([]));
});

test('a rule that is ended while the camera refuses to switch on again does not want the output any more', async () => {
  const { outputs, camera, pass } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 300);
  camera.fault = DOWN;
  const again = outputs.switchOn('Gate', 'yard', 'relay-1', 300);
  const rejected = expect(again).rejects.toThrow();
  outputs.release('Gate', 'yard', 'relay-1');
  await rejected;
  camera.fault = undefined;
  await pass(10_000);
  expect(camera.calls.at(-1)).toBe('relay-1 off');
});

test('an output of a camera that is removed by a program is named at once, not when its time is over', async () => {
  const { outputs, camera, pass } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 3_600);
  camera.state = 'gone';
  await pass(2_000);
  expect(outputs.problems()).toMatchObject([{ name: 'yard', why: 'stillOn' }]);
});

test('an output that the camera has no more is given up after some minutes; one that it does not know at once is not on', async () => {
  const { outputs, camera, pass, lines } = await begin();
  await outputs.switchOn('Gate', 'yard', 'relay-1', 10);
  camera.fault = UNKNOWN;
  await pass(5 * MINUTE_MS);
  expect(outputs.problems()).toHaveLength(1);
  await pass(8 * MINUTE_MS);
  expect(outputs.problems()).toEqual([]);
  expect(lines.filter((line) => line.includes('there is no such output'))).toHaveLength(1);
  const { length } = camera.calls;
  await expect(outputs.switchOn('Gate', 'yard', 'relay-9', 10)).rejects.toThrow('no such output');
  await pass(MINUTE_MS);
  expect(camera.calls.slice(length)).toEqual(['relay-9 on']);
});

test('a camera that was paused while its relay was on switches it off all the same', async () => {
  const camera = await startOnvifCamera({ quirks: { relays: { bell: {} } } });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const textOf = (keys: string) =>
    `  yard:\n    source: rtsp://127.0.0.1:1/x\n    camera: {onvif: '${camera.url}'${keys}}\n`;
  let config = configOf(textOf(''));
  const clock = new FakeClock();
  const controls = new Controls({ config: () => config, clock, log: createLogger('info', () => {}) });
  onTestFinished(() => controls.close());
  const steering = steeringOf(controls, () => {});
  await steering.setOutput('yard', 'relay-bell', true);
  expect(camera.state.outputs.isActive('bell')).toBe(true);
  config = configOf(textOf(', paused: yes'));
  await expect(steering.setOutput('yard', 'relay-bell', true)).rejects.toThrow('no camera with ONVIF');
  await steering.setOutput('yard', 'relay-bell', false);
  expect(camera.state.outputs.isActive('bell')).toBe(false);
});
