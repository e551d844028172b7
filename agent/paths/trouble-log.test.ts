import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import { parseConfig } from '../config/load/load.ts';
import { PathTable } from './path-table.ts';

/** A camera with its sub stream, and the paths of logged warnings. */
async function startCamera() {
  const warned: string[] = [];
  const log = createLogger('warn', (line) => warned.push(JSON.parse(line).path));
  const clock = new FakeClock();
  const sources = { cam: new ScriptedSource(), cam_sub: new ScriptedSource() };
  const makers = {
    source: (name: string) => sources[name as keyof typeof sources],
    recorder: () => undefined,
    streamOpened: () => {},
  };
  const table = new PathTable(makers, clock, log);
  const text = 'paths: {cam: {source: "rtsp://h/1"}, cam_sub: {source: "rtsp://h/2"}}';
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
  await table.apply(config as NonNullable<typeof config>);
  const fail = async (name: keyof typeof sources, words: string): Promise<void> => {
    sources[name].fail(new PerchError('unavailable', `${words} path '${name}'`));
    await clock.advance(10_000);
  };
  const deliver = (name: keyof typeof sources) => sources[name].deliver([tinyH264]);
  return { warned, fail, deliver };
}

test('a camera that fails is logged as one warning, whichever of its streams ends first', async () => {
  const { warned, fail, deliver } = await startCamera();
  await fail('cam_sub', 'no answer from');
  await fail('cam', 'no answer from');
  expect(warned).toEqual(['cam_sub']);
  deliver('cam');
  deliver('cam_sub');
  await fail('cam', 'connection closed by');
  await fail('cam_sub', 'connection closed by');
  expect(warned).toEqual(['cam_sub', 'cam']);
});

test("different failures of a camera's two streams are both logged", async () => {
  const { warned, fail } = await startCamera();
  await fail('cam', 'no answer from');
  await fail('cam_sub', 'no such stream:');
  expect(warned).toEqual(['cam', 'cam_sub']);
});

test('a past failure of one stream does not hide a later one of the other', async () => {
  const { warned, fail, deliver } = await startCamera();
  await fail('cam_sub', 'connection closed by');
  deliver('cam_sub');
  await fail('cam', 'connection closed by');
  expect(warned).toEqual(['cam_sub', 'cam']);
});
