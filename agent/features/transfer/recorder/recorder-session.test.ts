import { expect, onTestFinished, test } from 'vitest';
import {
  config,
  importOf,
  LOGIN,
  NEVER,
  onCard,
  openDevice,
  openPath,
  recorded,
} from '../../../../test/features/transfer/support/recorder-import.ts';
import { startOnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { openRecorder } from './recorder-session.ts';

test('an address of another host is not dialled, and a recorder without Profile G says what it lacks', async () => {
  const { camera, card } = await openDevice({ replayHost: '192.0.2.1' });
  const { run, open, playback } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''));
  expect(await recorded(playback)).toEqual(onCard(card));
  const plain = await startOnvifCamera({ credentials: LOGIN });
  onTestFinished(() => plain[Symbol.asyncDispose]());
  await expect(openPath(plain).open()).rejects.toThrow(`recorder ${new URL(plain.url).host}: it does not offer`);
});

test('a recorder that does not say which services it has is not said to lack one', async () => {
  const silent = await startOnvifCamera({ credentials: LOGIN, quirks: { answers: { GetServices: 'reset' } } });
  onTestFinished(() => silent[Symbol.asyncDispose]());
  await expect(openPath(silent).open()).rejects.toThrow('it did not say in time which services it has');
});

test('a wrong password is named, and is in no message', async () => {
  const { camera } = await openDevice();
  const wrong = { address: camera.url, user: 'admin', password: 's3cret' };
  const error = await openRecorder(wrong, { clock: systemClock, config, isInteractive: true }, NEVER).catch(
    (one) => one,
  );
  expect(error).toBeInstanceOf(PerchError);
  expect(error).toMatchObject({ code: 'unauthorized' });
  expect(JSON.stringify([error.message, error.context])).not.toContain('s3cret');
});
