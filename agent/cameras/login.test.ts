import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { systemClock } from '../base/clock.ts';
import { describeStream } from '../sources/rtsp/probe.ts';
import { rtspLoginTarget } from '../sources/rtsp/protocol.ts';
import { describeInBackground } from './login.ts';
import { linkEvenIfPaused, openOnvifSession } from './onvif/onvif-link.ts';
import { cameraAt } from './path-entries.ts';
import { streamLogin } from './stream-login.ts';

const never = new AbortController().signal;

test('a background read does not send a login that the stream has rejected', async () => {
  // A separate password, because all tests of the process share the login memory.
  const login = { user: 'admin', password: randomUUID() };
  const quirks = { rejectsStreamLogin: true } as const;
  await using camera = await startOnvifCamera({ credentials: login, clock: systemClock, quirks });
  const source = camera.rtspUrl('main');
  const settings = JSON.stringify({ source, camera: { onvif: camera.url, ...login } });
  const path = cameraAt('garden', good(`paths: {garden: ${settings}}`));
  const link = linkEvenIfPaused(path.settings);
  const session = link && (await openOnvifSession(link, systemClock, never));
  await session?.information();
  const loginWatch = streamLogin(() => rtspLoginTarget(source, 'garden'), path.settings.camera ?? {});
  await expect(describeStream(source, login, { signal: never, loginWatch })).rejects.toMatchObject({
    code: 'unauthorized',
  });
  expect(camera.state.wrongLogins).toEqual(['stream']);
  await expect(describeInBackground(path, systemClock, never)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(camera.state.wrongLogins).toEqual(['stream']);
});
