import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { PerchError } from '../../../agent/base/errors.ts';
import { describeDevice } from '../../../agent/onvif/device/describe-device.ts';
import { type CameraTarget, openSession } from '../../../agent/onvif/device/onvif-session.ts';
import type { ProbeStream } from '../../../agent/onvif/device/streams.ts';
import { LoginMemory } from '../../../agent/onvif/soap/login/login-memory.ts';
import { describeStream } from '../../../agent/sources/rtsp/probe.ts';
import { type OnvifCamera, startOnvifCamera } from '../../onvif-camera/camera.ts';
import type { Quirks } from '../../onvif-camera/quirks.ts';

export const never = new AbortController().signal;
const LOGIN = { user: 'admin', password: 'se<c>ret ä' };

/** Ports of the cameras that run. */
const openPorts = new Set<number>();

/** At the usual ports (554, 8554), which are tried too, another program of this machine may answer: they are closed here. */
export const probeStream: ProbeStream = async (url, credentials, signal) => {
  if (!openPorts.has(Number(new URL(url).port))) {
    throw new PerchError('unavailable', 'nothing listens at this port', { isConnected: false });
  }
  return describeStream(url, credentials, { signal });
};

export async function start(quirks: Quirks = {}, options: Parameters<typeof startOnvifCamera>[0] = {}) {
  const camera = await startOnvifCamera({ credentials: LOGIN, ...options, quirks });
  const ports = [camera.port, camera.rtspPort];
  for (const port of ports) {
    openPorts.add(port);
  }
  onTestFinished(async () => {
    for (const port of ports) {
      openPorts.delete(port);
    }
    await camera[Symbol.asyncDispose]();
  });
  return camera;
}

/** With its own login memory, independent of other tests. */
export const targetOf = (camera: OnvifCamera, more: Partial<CameraTarget> = {}): CameraTarget => ({
  url: camera.url,
  ...LOGIN,
  signal: never,
  logins: new LoginMemory(systemClock),
  ...more,
});

export async function read(camera: OnvifCamera, more: Partial<CameraTarget> = {}) {
  const session = await openSession(targetOf(camera, more));
  return { session, ...(await describeDevice(session, { probeStream, signal: never })) };
}

export async function failureOf(work: Promise<unknown>): Promise<PerchError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(PerchError);
  return error as PerchError;
}
