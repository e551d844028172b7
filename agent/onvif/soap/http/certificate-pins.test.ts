import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  ASK,
  callerOf,
  envelope,
  failureOf,
  INFORMATION,
  listen,
  never,
} from '../../../../test/support/cameras/soap-server.ts';
import { namesOf } from '../../../tls/device-names.ts';
import { issueAuthority, issueServer } from '../../../tls/issue.ts';
import { fetchSnapshot } from '../../device/fetch-snapshot.ts';
import { CertificatePins, sharedPins } from './certificate-pins.ts';
import { httpOriginOf } from './origin.ts';
import { PersistentConnection } from './persistent-connection.ts';

/** A camera that has signed for itself. */
async function certificate() {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256 };
}

const bare = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();

function pin(...cameras: Parameters<CertificatePins['set']>[0]) {
  sharedPins.set(cameras);
  onTestFinished(() => sharedPins.set([]));
}

test('a camera is spoken to while it shows the certificate that is pinned; with another one nothing is sent to it', async () => {
  const [first, renewed] = [await certificate(), await certificate()];
  const camera = await listen((_asked, response) => response.end(envelope(INFORMATION)), first);
  const origin = httpOriginOf(camera.url);
  await callerOf(camera.url).call(ASK);
  expect(sharedPins.seenAt(origin)).toBe(bare(first.fingerprint));

  pin({ origin, fingerprint: first.fingerprint });
  await callerOf(camera.url).call(ASK);
  expect(camera.requests).toHaveLength(2);

  pin({ origin, fingerprint: bare(renewed.fingerprint) });
  const { message, context } = await failureOf(callerOf(camera.url).call(ASK));
  expect(context).toMatchObject({ camera: 'otherCertificate', fingerprint: bare(first.fingerprint) });
  expect(message).toContain(`fingerprint is ${bare(first.fingerprint)}, expected ${bare(renewed.fingerprint)}`);
  expect(camera.requests, 'neither request nor login').toHaveLength(2);
});

test('a kept connection is looked at as well', async () => {
  const [first, other] = [await certificate(), await certificate()];
  const camera = await listen((_asked, response) => response.end(envelope(INFORMATION)), first);
  const origin = httpOriginOf(camera.url);
  const connection = new PersistentConnection(origin);
  await callerOf(camera.url).call({ ...ASK, connection });
  pin({ origin, fingerprint: other.fingerprint });
  expect((await failureOf(callerOf(camera.url).call({ ...ASK, connection }))).context).toMatchObject({
    camera: 'otherCertificate',
  });
  expect(camera.requests).toHaveLength(1);
});

test('a snapshot is not requested from a camera with another certificate', async () => {
  const [first, other] = [await certificate(), await certificate()];
  let asked = 0;
  const server = createServer(first, (_request, response) => {
    asked += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/snap`);
  pin({ origin: httpOriginOf(url), fingerprint: other.fingerprint });
  const picture = fetchSnapshot({ url, credentials: undefined, maxBytes: 1_000, signal: never } as never);
  await expect(picture).rejects.toThrow('the certificate at 127.0.0.1');
  expect(asked).toBe(0);
});

test.for([
  ['its own port', 443, 'a', undefined],
  ['its own port, with the certificate of another port', 443, 'b', 'otherCertificate'],
  ['a port that is not pinned, with one that is pinned for its host', 9443, 'b', undefined],
  ['a port that is not pinned, with any other', 9443, 'c', 'otherCertificate'],
] as const)('which certificates are taken: %s', ([, port, shown, trouble]) => {
  const pins = new CertificatePins();
  const host = '192.168.1.20';
  pins.set([
    { origin: { isSecure: true, host, port: 443 }, fingerprint: 'A' },
    { origin: { isSecure: true, host, port: 8443 }, fingerprint: 'b' },
  ]);
  const socketWith = (fingerprint256: string) => ({ getPeerX509Certificate: () => ({ fingerprint256 }) }) as never;
  const failure = pins.failureOf({ isSecure: true, host, port }, socketWith(shown));
  expect(failure?.context['camera']).toBe(trouble);
  expect(pins.failureOf({ isSecure: true, host: '192.168.1.21', port: 443 }, socketWith('z'))).toBeUndefined();
});
