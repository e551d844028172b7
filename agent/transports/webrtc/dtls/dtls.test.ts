// @also without-ffi in long

import { createHash, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { CipherContext, DtlsClient } from 'werift';
import { random } from '../../../../test/support/base/random.ts';
import type { Fingerprint } from '../sdp/offer.ts';
import type { SrtpKeys, SrtpProfile } from '../srtp/srtp-keys.ts';
import { createIdentity, type DtlsIdentity, type DtlsPeer, loadDtls } from './dtls.ts';

const SIGNATURE = { hash: 4, signature: 3 } as const;
const makeCertificate = () => CipherContext.createSelfSignedCertificateWithKey(SIGNATURE, 23);
const fingerprint = (pem: string): Fingerprint => ({ hash: 'sha-256', value: new X509Certificate(pem).fingerprint256 });

/** Ends of one handshake, and how it went. */
interface Call {
  readonly server: DtlsPeer;
  readonly client: DtlsClient;
  readonly outcome: Promise<SrtpKeys | string>;
  /** Datagrams of the server, in order. */
  readonly fromServer: Buffer[];
  readonly closed: () => boolean;
  sendToServer(datagram: Buffer): void;
}

interface Variant {
  readonly identity?: DtlsIdentity;
  /** In the client's order. */
  readonly srtpProfiles?: SrtpProfile[];
}

async function call(
  certificate: { certPem: string; keyPem: string },
  expected: readonly Fingerprint[],
  variant: Variant = {},
): Promise<Call> {
  const identity = variant.identity ?? (await loadDtls());
  const fromServer: Buffer[] = [];
  let isClosed = false;
  let settle: (outcome: SrtpKeys | string) => void = () => {};
  const outcome = new Promise<SrtpKeys | string>((resolve) => {
    settle = resolve;
  });
  const toServer = (datagram: Buffer): void => server.receive(Buffer.from(datagram));
  const transport = {
    type: 'udp',
    address: { address: '', family: 'IPv4', port: 0 },
    closed: false,
    onData: (_datagram: Buffer, _from: readonly [string, number]): void => {},
    send: async (datagram: Buffer) => toServer(datagram),
    close: async () => {},
  };
  const server = identity.accept(expected, {
    send: (datagram) => {
      fromServer.push(Buffer.from(datagram));
      setImmediate(() => transport.onData(Buffer.from(datagram), ['', 0]));
    },
    onConnected: (keys) => settle(keys),
    onFailed: (reason) => settle(reason.message),
    onClosed: () => {
      isClosed = true;
    },
  });
  const client = new DtlsClient({
    transport,
    cert: certificate.certPem,
    key: certificate.keyPem,
    signatureHash: SIGNATURE,
    srtpProfiles: variant.srtpProfiles ?? [7, 1],
    extendedMasterSecret: true,
    certificateRequest: true,
  });
  // A client whose server is closed times out some seconds after its test.
  client.connect().catch(() => {});
  return { server, client, outcome, fromServer, closed: () => isClosed, sendToServer: toServer };
}

test('our fingerprint is the SHA-256 of the certificate that the handshake shows', async () => {
  const certificate = await makeCertificate();
  const { client, outcome } = await call(certificate, [fingerprint(certificate.certPem)]);
  await outcome;
  const shown = createHash('sha256')
    .update(client.remoteCertificate as Buffer)
    .digest('hex')
    .toUpperCase();
  expect((await loadDtls()).fingerprint.replaceAll(':', '')).toBe(shown);
});

test.for([
  ['both, and GCM costs less', [1, 7], [7, 1], 7],
  ['both, and AES-CM costs less', [7, 1], [1, 7], 1],
  ['AES-CM only', [1], [7, 1], 1],
  ['GCM only', [7], [1, 7], 7],
] as const)(
  'both ends have the same keys; the profile is ours to choose: the browser has %s',
  async ([, theirs, ours, chosen]) => {
    const certificate = await makeCertificate();
    const identity = await createIdentity(ours);
    const expected = [fingerprint(certificate.certPem)];
    const { client, outcome } = await call(certificate, expected, { identity, srtpProfiles: [...theirs] });
    const keys = (await outcome) as SrtpKeys;
    expect(keys.profile).toBe(chosen);
    await expect.poll(() => client.connected).toBe(true);
    expect(client.srtp.srtpProfile).toBe(chosen);
    const saltBytes = chosen === 7 ? 12 : 14;
    const other = client.extractSessionKeys(16, saltBytes);
    const hexOf = (...parts: readonly Uint8Array[]): string[] => parts.map((part) => Buffer.from(part).toString('hex'));
    expect(hexOf(keys.localKey, keys.localSalt, keys.remoteKey, keys.remoteSalt)).toEqual(
      hexOf(other.remoteKey, other.remoteSalt, other.localKey, other.localSalt),
    );
  },
);

test('a browser without a common profile is distinguished from one that does not answer', async () => {
  const certificate = await makeCertificate();
  const { server, fromServer } = await call(certificate, [fingerprint(certificate.certPem)], {
    srtpProfiles: [2 as 1],
  });
  await expect.poll(() => server.lastError).toBe('a handshake message was rejected');
  expect(fromServer).toEqual([]);
});

test('a certificate that is not in the offer is rejected', async () => {
  const [own, other] = [await makeCertificate(), await makeCertificate()];
  const { outcome } = await call(own, [fingerprint(other.certPem)]);
  expect(await outcome).toBe('DTLS handshake failed: the certificate does not match the offer');
});

test('fingerprints of unknown hashes next to the right one are passed over', async () => {
  const { certPem, keyPem } = await makeCertificate();
  const right = fingerprint(certPem);
  const unknown = ['md2', 'constructor', '__proto__'].map((hash) => ({ ...right, hash }));
  const { outcome } = await call({ certPem, keyPem }, [...unknown, right]);
  expect(await outcome).toMatchObject({ profile: expect.any(Number) });
});

test('a copied certificate without its key is rejected', async () => {
  const [victim, thief] = [await makeCertificate(), await makeCertificate()];
  const stolen = { certPem: victim.certPem, keyPem: thief.keyPem };
  const { outcome } = await call(stolen, [fingerprint(victim.certPem)]);
  expect(await outcome).toBe('DTLS handshake failed: the peer has not proved that it owns the certificate');
});

test('our close_notify is readable only by the browser', async () => {
  const certificate = await makeCertificate();
  const { server, client, outcome, fromServer } = await call(certificate, [fingerprint(certificate.certPem)]);
  await outcome;
  server.close();
  const alert = fromServer.at(-1) as Buffer;
  expect([alert[0], alert.readUInt16BE(3)]).toEqual([21, 1]);
  const header = { type: 21, version: 0xfefd, epoch: 1, sequenceNumber: alert.readUIntBE(5, 6) };
  expect([...client.cipher.cipher.decrypt(1, alert.subarray(13), header)]).toEqual([1, 0]);
});

test('the browser’s close_notify ends the session unless it is unencrypted', async () => {
  const certificate = await makeCertificate();
  const { client, outcome, closed, sendToServer } = await call(certificate, [fingerprint(certificate.certPem)]);
  await outcome;
  const record = (type: number, epoch: number, body: Buffer): Buffer => {
    const header = Buffer.alloc(13);
    header[0] = type;
    header.writeUInt16BE(0xfefd, 1);
    header.writeUInt16BE(epoch, 3);
    header.writeUIntBE(99, 5, 6);
    header.writeUInt16BE(body.length, 11);
    return Buffer.concat([header, body]);
  };
  const clientHello = Buffer.concat([Buffer.from([1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2]), Buffer.from([0xfe, 0xfd])]);
  sendToServer(record(21, 0, Buffer.from([2, 0])));
  sendToServer(record(21, 1, Buffer.alloc(26, 7)));
  sendToServer(record(30, 0, Buffer.from([1])));
  sendToServer(record(22, 0, clientHello));
  expect(closed()).toBe(false);

  const header = { type: 21, version: 0xfefd, epoch: 1, sequenceNumber: 99 };
  sendToServer(record(21, 1, client.cipher.cipher.encrypt(1, Buffer.from([1, 0]), header)));
  expect(closed()).toBe(true);
});

test('noise of any kind does not throw, and too much of it ends the handshake', async () => {
  const identity = await loadDtls();
  const failures: string[] = [];
  const events = {
    send: () => {},
    onConnected: () => {},
    onFailed: (reason: Error) => failures.push(reason.message),
    onClosed: () => {},
  };
  const next = random(5);
  const pick = (limit: number): number => Math.floor(next() * limit);
  const hello = Buffer.from(`16fefd00000000000000000030010000240000000000000024fefd${'00'.repeat(34)}`, 'hex');
  for (let round = 0; round < 20; round += 1) {
    const server = identity.accept([], events);
    for (let i = 0; i < 60; i += 1) {
      const noise = next() < 0.5 ? Buffer.from(hello) : Buffer.from(Array.from({ length: pick(120) }, () => pick(256)));
      noise[0] = 20 + pick(12);
      if (noise.length > 12) {
        noise[pick(noise.length)] = pick(256);
      }
      server.receive(noise);
    }
    server.close();
  }
  // Some of the random bytes form a complete message.
  const reason = /^DTLS handshake failed: (message of type \d+ after one of type -1|the peer sent no certificate)$/;
  expect(failures.filter((failure) => !reason.test(failure))).toEqual([]);

  failures.length = 0;
  const flooded = identity.accept([], events);
  for (let i = 0; i < 60; i += 1) {
    flooded.receive(Buffer.alloc(1_200, 22));
  }
  flooded.close();
  expect(failures).toEqual(['DTLS handshake failed: more than 65536 bytes of handshake']);
});
