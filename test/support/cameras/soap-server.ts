import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { PerchError } from '../../../agent/base/errors.ts';
import { httpOriginOf } from '../../../agent/onvif/soap/http/origin.ts';
import { RequestLimiter } from '../../../agent/onvif/soap/http/request-limiter.ts';
import { LoginMemory } from '../../../agent/onvif/soap/login/login-memory.ts';
import type { SoapCall } from '../../../agent/onvif/soap/soap-call.ts';
import { SoapCaller } from '../../../agent/onvif/soap/soap-caller.ts';
import { FakeClock } from '../base/fake-clock.ts';

export const never = new AbortController().signal;
export const LOGIN = { user: 'admin', password: 'right' };
export const envelope = (body: string, header = ''): string =>
  `<?xml version="1.0"?><e:Envelope xmlns:e="urn:e"><e:Header>${header}</e:Header><e:Body>${body}</e:Body></e:Envelope>`;
export const fault = (subcode: string, reason = ''): string =>
  envelope(
    `<Fault><Code><Value>Sender</Value><Subcode><Value>t:${subcode}</Value></Subcode></Code><Reason><Text>${reason}</Text></Reason></Fault>`,
  );
export const INFORMATION = '<GetDeviceInformationResponse><Model>m</Model></GetDeviceInformationResponse>';
export const ASK: SoapCall = {
  path: '/onvif/device_service',
  body: '<tds:GetDeviceInformation/>',
  response: 'GetDeviceInformationResponse',
};
export const DIGEST = 'Digest realm="a", nonce="b", qop="auth", algorithm=MD5';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}
export type Answer = (asked: Asked, response: ServerResponse) => void;

export async function listen(answer: Answer, tls?: { key: string; cert: string }) {
  const requests: Asked[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = (await request.setEncoding('utf8').toArray()).join('');
    const asked = { method: request.method ?? '', path: request.url ?? '', text, headers: request.headers };
    requests.push(asked);
    // Some cameras send Date; here the clock is wrong.
    response.sendDate = false;
    answer(asked, response);
  };
  const server: Server = tls ? createSecureServer(tls, serve) : createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { server, requests, port, url: new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${port}/onvif/device_service`) };
}

export function callerOf(url: URL, more: Partial<ConstructorParameters<typeof SoapCaller>[0]> = {}) {
  const clock = new FakeClock();
  return new SoapCaller({
    origin: httpOriginOf(url),
    path: url.pathname,
    credentials: LOGIN,
    isClearAllowed: false,
    isInteractive: false,
    canUseSkew: () => true,
    deadlineMs: 5_000,
    signal: never,
    clock,
    logins: new LoginMemory(clock),
    limiter: new RequestLimiter(),
    ...more,
  });
}

export async function failureOf(work: Promise<unknown>): Promise<PerchError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(PerchError);
  return error as PerchError;
}

export const hasToken = ({ text }: Asked): boolean => text.includes('<UsernameToken>');
