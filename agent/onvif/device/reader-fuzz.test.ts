import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { readReply, responseOf, skewOf } from '../soap/reply.ts';
import { writeEnvelope } from '../soap/xml/envelope.ts';
import { describeDevice } from './describe-device.ts';
import { readCapabilities, readInformation, readName, readServices, type ServiceName } from './device-service.ts';
import type { OnvifSession } from './onvif-session.ts';

const never = new AbortController().signal;
const PATHS: Partial<Record<ServiceName, string>> = {
  device: '/onvif/device_service',
  media: '/onvif/media_service',
  media2: '/onvif/media2_service',
  events: '/onvif/event_service',
};
const ROUNDS = process.env['PERCH_LENGTH'] === 'long' ? 20_000 : 150;

/** Responses of a camera, by service and request. */
async function recorded(port: number) {
  const replies = new Map<string, Buffer>();
  return async (service: ServiceName, body: string): Promise<Buffer> => {
    const key = `${service} ${body}`;
    let reply = replies.get(key);
    if (!reply) {
      const url = `http://127.0.0.1:${port}${PATHS[service]}`;
      // A kept connection may have been closed before a request that is new.
      const headers = { connection: 'close' };
      const response = await fetch(url, { method: 'POST', headers, body: writeEnvelope('1.2', '', body) });
      reply = Buffer.from(await response.arrayBuffer());
      replies.set(key, reply);
    }
    return reply;
  };
}

/** A camera whose every reply is damaged in another way, or is sometimes that of another request. */
function damaged(tell: (service: ServiceName, body: string) => Promise<Buffer>, next: () => number): OnvifSession {
  const session: Pick<OnvifSession, keyof OnvifSession> = {
    areServicesKnown: true,
    url: new URL('http://127.0.0.1:8000/onvif/device_service'),
    host: '127.0.0.1',
    get skewMs() {
      return next() * 1e6;
    },
    isTrusted: undefined,
    credentials: undefined,
    has: () => next() < 0.9,
    information: async () =>
      readInformation(await session.call('device', '<tds:GetDeviceInformation/>', 'GetDeviceInformationResponse')),
    name: async () => readName(await session.call('device', '<tds:GetScopes/>', 'GetScopesResponse')),
    call: async (service, body, response) => {
      const text = await tell(service, body);
      const body2 = next() < 0.5 ? Buffer.from(mutate(text, next)) : text;
      const reply = readReply({ status: 200, headers: {}, body: body2, isTrusted: undefined });
      return responseOf(reply, { camera: 'c', path: '/', response }, true);
    },
    callAt: () => Promise.reject(new PerchError('unsupported', 'not here')),
    readClock: async () => {},
  };
  return session as OnvifSession;
}

test('any answer of a camera is read or throws PerchError, and messages are plain text', async () => {
  const camera = await startOnvifCamera();
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const tell = await recorded(camera.port);
  const next = random(88);
  let understood = 0;
  for (let i = 0; i < ROUNDS; i += 1) {
    try {
      const description = await describeDevice(damaged(tell, next), { signal: never, prefers: 'h265' });
      understood += 1;
      expect(new URL(description.main.rtspUrl ?? '').hostname).toBe('127.0.0.1');
      expect(description.snapshot ? new URL(description.snapshot.url).hostname : '127.0.0.1').toBe('127.0.0.1');
      expect(JSON.stringify(description)).not.toMatch(/\\[nrt]|\\u00[01]/);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(understood).toBeGreaterThan(ROUNDS / 20);
});

test('damaged services, capabilities and clocks are read as far as possible', async () => {
  const camera = await startOnvifCamera();
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const tell = await recorded(camera.port);
  const next = random(89);
  const readers = [
    ['<tds:GetServices/>', 'GetServicesResponse', readServices],
    ['<tds:GetCapabilities/>', 'GetCapabilitiesResponse', readCapabilities],
    ['<tds:GetSystemDateAndTime/>', 'GetSystemDateAndTimeResponse', (element) => skewOf(element, 0)],
  ] as const satisfies readonly (readonly [string, string, (element: Parameters<typeof skewOf>[0]) => unknown])[];
  let read = 0;
  for (let i = 0; i < ROUNDS * 5; i += 1) {
    const [body, response, reader] = readers[i % readers.length] ?? readers[0];
    const bytes = Buffer.from(mutate(await tell('device', body), next));
    try {
      const reply = readReply({ status: 200, headers: {}, body: bytes, isTrusted: undefined });
      reader(responseOf(reply, { camera: 'c', path: '/', response }, true));
      read += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(ROUNDS / 20);
});
