import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { createLogger } from '../../../../agent/base/log.ts';
import { Controls } from '../../../../agent/cameras/onvif/controls.ts';
import { steeringOf } from '../../../../agent/cameras/onvif/steering.ts';
import { positionSettingsOf } from '../../../../agent/features/rules/late-positions.ts';
import { Positions } from '../../../../agent/features/rules/positions/positions.ts';
import type { Stream } from '../../../../agent/stream/stream.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import type { Quirks } from '../../../onvif-camera/quirks.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { configOf } from '../../../support/harness/servers/path-table-of.ts';

/** Where the presets of the camera are. */
export const PLACES = {
  Gate: { x: 0.5, y: 0.1, zoom: 0.2 },
  Door: { x: -0.5, y: 0, zoom: 0 },
  Yard: { x: 0.25, y: 0.25, zoom: 0.5 },
};
export const ELSEWHERE = { x: 0.75, y: -0.5, zoom: 0.25 };
export const HOME = { x: 0, y: 0, zoom: 0 };

export const MOVES = ['GotoPreset', 'GotoHomePosition', 'AbsoluteMove'];

/** A box with a camera at `yard`; it is switched off and on, and its data folder stays. */
export async function begin({ settings = '', quirks = {} }: { settings?: string; quirks?: Quirks } = {}) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ quirks, clock });
  for (const [name, place] of Object.entries(PLACES)) {
    camera.ptz.goTo(place);
    camera.ptz.setPreset(name);
  }
  camera.ptz.goTo(ELSEWHERE);
  const textOf = (keys: string, block = '') =>
    `  yard:\n    source: rtsp://127.0.0.1:1/x\n${keys}    camera: {onvif: '${camera.url}'${block}}\n`;
  const box = {
    folder,
    clock,
    camera,
    lines: [] as string[],
    streams: [] as [string, Stream][],
    config: configOf(textOf(settings)),
    positions: undefined as unknown as Positions,
    steering: undefined as unknown as ReturnType<typeof steeringOf>,
    stop: async () => {},
    async start() {
      const log = createLogger('info', (line) => box.lines.push(line));
      const config = () => box.config;
      const controls = new Controls({ config, clock, log });
      box.steering = steeringOf(controls, () => {});
      box.positions = new Positions(
        {
          dataDir: folder.path,
          clock,
          log,
          config,
          steering: box.steering,
          paths: { openStreams: () => box.streams },
        },
        positionSettingsOf,
      );
      box.stop = async () => {
        await box.positions.close();
        await controls.close();
      };
      await box.positions.begin();
      box.positions.apply();
    },
    set(keys: string, block = '') {
      box.config = configOf(textOf(keys, block));
      box.positions.apply();
    },
    hold: (preset: string, seconds: number, owner = 'rule') =>
      box.positions.hold('yard', preset, owner, clock.wallMs() + 1000 * seconds),
    /** Seconds pass, with time for the camera to answer in each. */
    async pass(seconds: number) {
      for (let i = 0; i < seconds; i += 1) {
        await clock.advance(1000);
        await box.positions.settled();
      }
    },
    looksAt: (place: object) => expect(camera.ptz.position).toEqual(place),
    /** The moves that the camera was asked for. */
    moves: () => camera.operations.filter((operation) => MOVES.includes(operation)),
    file: async () => JSON.parse(await readFile(join(folder.path, 'positions.json'), 'utf8')),
  };
  await box.start();
  onTestFinished(async () => {
    await box.stop();
    await camera[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  return box;
}

export const GUARD = '    ptzGuard: Gate\n';
export const PATROL = '    ptzPatrol: [{preset: Gate, seconds: 20}, {preset: Door, seconds: 30}]\n';
