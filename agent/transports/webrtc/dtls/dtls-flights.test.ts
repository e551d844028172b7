// @also without-ffi in long

import { X509Certificate } from 'node:crypto';
import { beforeAll, expect, test, vi } from 'vitest';
import { CipherContext, DtlsClient, DtlsServer } from 'werift';
import type { Fingerprint } from '../sdp/offer.ts';
import type { SrtpKeys } from '../srtp/srtp-keys.ts';
import { createIdentity, type DtlsIdentity, type DtlsPeer } from './dtls.ts';
import { writeRecord } from './handshake/dtls-record.ts';

const SIGNATURE = { hash: 4, signature: 3 } as const;
const HANDSHAKE = 22;
/** A machine may be busy with something else. */
const SOON_MS = 45_000;

interface Certificate {
  readonly certPem: string;
  readonly keyPem: string;
}

let identity: DtlsIdentity;
let certificate: Certificate;
let other: Certificate;
beforeAll(async () => {
  identity = await createIdentity([7, 1]);
  certificate = await CipherContext.createSelfSignedCertificateWithKey(SIGNATURE, 23);
  other = await CipherContext.createSelfSignedCertificateWithKey(SIGNATURE, 23);
});

const fingerprintOf = ({ certPem }: Certificate): readonly Fingerprint[] => [
  { hash: 'sha-256', value: new X509Certificate(certPem).fingerprint256 },
];

/** Our end of a handshake. What it sends waits in `sent` until it is passed on. */
class OurEnd {
  readonly sent: Buffer[] = [];
  readonly keys: SrtpKeys[] = [];
  readonly failures: string[] = [];
  readonly peer: DtlsPeer;

  constructor(role: 'accept' | 'connect', expected: readonly Fingerprint[]) {
    this.peer = identity[role](expected, {
      send: (datagram) => this.sent.push(Buffer.from(datagram)),
      onConnected: (keys) => this.keys.push(keys),
      onFailed: (reason) => this.failures.push(reason.message),
      onClosed: () => {},
    });
  }

  /** Passes on datagrams, each in a buffer that is overwritten afterwards, as sockets may do. */
  receive(...datagrams: readonly Buffer[]): void {
    for (const datagram of datagrams) {
      const received = Buffer.from(datagram);
      this.peer.receive(received);
      received.fill(0);
    }
  }
}

/** Messages that werift sends and receives. */
class TheirTransport {
  readonly type = 'udp';
  readonly address = { address: '', family: 'IPv4', port: 0 };
  readonly closed = false;
  readonly sent: Buffer[] = [];
  onData: (datagram: Buffer, from: readonly [string, number]) => void = () => {};
  send = async (datagram: Buffer): Promise<void> => {
    this.sent.push(Buffer.from(datagram));
  };
  close = async (): Promise<void> => {};
}

const theirOptions = (transport: TheirTransport, { certPem, keyPem }: Certificate) => ({
  transport,
  cert: certPem,
  key: keyPem,
  signatureHash: SIGNATURE,
  srtpProfiles: [1, 7] as (1 | 7)[],
  extendedMasterSecret: true,
  certificateRequest: true,
});

/** A browser's handshake with us up to the point where it has sent its certificate and Finished. */
async function untilFlight5(shape: (hello: Buffer) => readonly Buffer[] = (hello) => [hello]) {
  const ours = new OurEnd('accept', fingerprintOf(certificate));
  const transport = new TheirTransport();
  const client = new DtlsClient(theirOptions(transport, certificate));
  client.connect().catch(() => {});
  const hello = transport.sent[0] as Buffer;
  ours.receive(...shape(hello));
  await vi.waitFor(() => expect(ours.sent.length).toBeGreaterThan(0), SOON_MS);
  const before = transport.sent.length;
  transport.onData(ours.sent[0] as Buffer, ['', 0]);
  await vi.waitFor(() => expect(transport.sent.length).toBe(before + 5), SOON_MS);
  return { ours, client, transport, hello, flight5: transport.sent.slice(before) };
}

/** Cuts a hello into records of some bytes each. */
function cut(hello: Buffer, sizeBytes: number): Buffer[] {
  const body = hello.subarray(25);
  const records: Buffer[] = [];
  for (let at = 0; at < body.length; at += sizeBytes) {
    const part = body.subarray(at, at + sizeBytes);
    const header = Buffer.from(hello.subarray(13, 25));
    header.writeUIntBE(at, 6, 3);
    header.writeUIntBE(part.length, 9, 3);
    records.push(writeRecord(HANDSHAKE, 0, 1 + records.length, Buffer.concat([header, part])));
  }
  return records;
}

test('a hello is answered at once, with one datagram that ends with ServerHelloDone', async () => {
  const { ours } = await untilFlight5();
  const answer = ours.sent[0] as Buffer;
  const types: number[] = [];
  const numbers: number[] = [];
  for (let at = 0; at < answer.length; at += 13 + answer.readUInt16BE(at + 11)) {
    types.push(answer[at + 13] as number);
    numbers.push(answer.readUInt16BE(at + 17));
  }
  expect(types).toEqual([2, 11, 12, 13, 14]);
  expect(numbers).toEqual([0, 1, 2, 3, 4]);
});

test('a repeated hello gets the same answer, which restores lost parts of it', async () => {
  const { ours, hello } = await untilFlight5();
  ours.receive(hello);
  await vi.waitFor(() => expect(ours.sent.length).toBe(2), SOON_MS);
  expect(ours.sent[1]?.equals(ours.sent[0] as Buffer)).toBe(true);
});

test.for([
  ['in order', (records: Buffer[]) => records],
  ['backwards', (records: Buffer[]) => records.reverse()],
  ['with repeats', (records: Buffer[]) => [...records.slice(1), ...records]],
] as const)('a hello in fragments, %s, is understood', async ([, order]) => {
  const { ours, flight5 } = await untilFlight5((hello) => order(cut(hello, 40)));
  ours.receive(...flight5);
  await vi.waitFor(() => expect(ours.keys.length).toBe(1), SOON_MS);
});

test.for([
  ['backwards', (records: Buffer[]) => records.reverse()],
  ['each twice', (records: Buffer[]) => records.flatMap((record) => [record, record])],
  ['in one datagram', (records: Buffer[]) => [Buffer.concat(records)]],
] as const)("the client's answer is understood %s, without a wait", async ([, order]) => {
  const { ours, client, transport, flight5 } = await untilFlight5();
  ours.receive(...order(flight5));
  // Answered in the same turn of the event loop: werift alone would poll after 100 ms at best.
  await new Promise((resolve) => setImmediate(resolve));
  expect(ours.keys.length).toBe(1);
  transport.onData(ours.sent[1] as Buffer, ['', 0]);
  await vi.waitFor(() => expect(client.connected).toBe(true), SOON_MS);
});

test("a lost Finished is resent for the peer's own; other peers get nothing", async () => {
  const { ours, flight5 } = await untilFlight5();
  ours.receive(...flight5);
  await vi.waitFor(() => expect(ours.sent.length).toBe(2), SOON_MS);
  const forged = Buffer.from(flight5[4] as Buffer);
  forged[30] = (forged[30] as number) ^ 1;
  ours.receive(forged);
  expect(ours.sent.length).toBe(2);
  ours.receive(...flight5);
  expect(ours.sent.length).toBe(3);
  expect(ours.sent[2]?.equals(ours.sent[1] as Buffer)).toBe(true);
  expect(ours.keys.length).toBe(1);
});

test('a hello after the handshake changes nothing', async () => {
  const { ours, hello, flight5 } = await untilFlight5();
  ours.receive(...flight5);
  await vi.waitFor(() => expect(ours.keys.length).toBe(1), SOON_MS);
  const sent = ours.sent.length;
  ours.receive(hello, Buffer.from(hello));
  expect([ours.sent.length, ours.keys.length, ours.failures.length]).toEqual([sent, 1, 0]);
});

test('an unencrypted Finished, or one of an epoch without keys, neither ends nor connects', async () => {
  const { ours, flight5 } = await untilFlight5();
  ours.receive(...flight5.slice(0, 3));
  const finished = Buffer.from(flight5[4] as Buffer);
  finished.writeUInt16BE(2, 3);
  ours.receive(finished);
  expect([ours.keys.length, ours.failures.length]).toEqual([0, 0]);
  expect(ours.peer.lastError).toBe("a message is not encrypted with the peer's key");
  ours.receive(flight5[4] as Buffer);
  await vi.waitFor(() => expect(ours.keys.length).toBe(1), SOON_MS);
});

test('a Finished over other messages is rejected', async () => {
  const ours = new OurEnd('accept', fingerprintOf(certificate));
  const transport = new TheirTransport();
  const client = new DtlsClient(theirOptions(transport, certificate));
  client.cipher.verifyData = () => Buffer.alloc(12, 1);
  client.connect().catch(() => {});
  ours.receive(transport.sent[0] as Buffer);
  await vi.waitFor(() => expect(ours.sent.length).toBe(1), SOON_MS);
  transport.onData(ours.sent[0] as Buffer, ['', 0]);
  await vi.waitFor(() => expect(transport.sent.length).toBe(6), SOON_MS);
  ours.receive(...transport.sent.slice(1));
  expect(ours.failures).toEqual(['DTLS handshake failed: the peer has seen other messages']);
});

test('a modified hello is detected', async () => {
  // Takes GCM out of the profiles: 0007 becomes 0002.
  const { ours, flight5 } = await untilFlight5((hello) => {
    const changed = Buffer.from(hello);
    const at = changed.indexOf(Buffer.from('000e000700040001000700', 'hex'));
    changed[at + 9] = 2;
    return [changed];
  });
  ours.receive(...flight5);
  expect(ours.failures).toEqual(['DTLS handshake failed: the peer has not proved that it owns the certificate']);
});

test('messages in a wrong order end the handshake', async () => {
  const ours = new OurEnd('accept', fingerprintOf(certificate));
  ours.receive(writeRecord(HANDSHAKE, 0, 0, Buffer.from('0f0000000000000000000000', 'hex')));
  expect(ours.failures).toEqual(['DTLS handshake failed: message of type 15 after one of type -1']);
});

test('a client that stops half-way gets nothing after the timeout, and its data is ignored', async () => {
  const { ours, flight5 } = await untilFlight5();
  ours.peer.close();
  ours.receive(...flight5);
  await new Promise((resolve) => setImmediate(resolve));
  expect([ours.sent.length, ours.keys.length, ours.failures.length]).toEqual([1, 0, 0]);
});

/** We call a werift server, which asks for the hello a second time. */
async function callServer(shown: Certificate, expected: readonly Fingerprint[]) {
  const transport = new TheirTransport();
  const server = new DtlsServer(theirOptions(transport, shown));
  const ours = new OurEnd('connect', expected);
  const passOn = async (): Promise<void> => {
    for (const datagram of ours.sent.splice(0)) {
      transport.onData(datagram, ['', 0]);
    }
    await new Promise((resolve) => setImmediate(resolve));
    ours.receive(...transport.sent.splice(0));
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let round = 0; round < 4; round += 1) {
    await passOn();
  }
  return { ours, server };
}

test('a peer that insists on being the server is called, and both ends have the same keys', async () => {
  const { ours, server } = await callServer(certificate, fingerprintOf(certificate));
  expect(ours.failures).toEqual([]);
  const [keys] = ours.keys;
  expect(keys?.profile).toBe(1);
  const theirs = server.extractSessionKeys(16, 14);
  expect(Buffer.from(keys?.localKey ?? []).equals(theirs.remoteKey)).toBe(true);
  expect(Buffer.from(keys?.remoteSalt ?? []).equals(theirs.localSalt)).toBe(true);
});

test('two Perch peers connect without the second hello', async () => {
  const fingerprint: Fingerprint = { hash: 'sha-256', value: identity.fingerprint };
  const [caller, called] = [new OurEnd('connect', [fingerprint]), new OurEnd('accept', [fingerprint])];
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    called.receive(...caller.sent.splice(0));
    await new Promise((resolve) => setImmediate(resolve));
    caller.receive(...called.sent.splice(0));
  }
  expect([...caller.failures, ...called.failures]).toEqual([]);
  expect(caller.keys[0]?.localKey).toEqual(called.keys[0]?.remoteKey);
  expect(caller.keys[0]?.profile).toBe(7);
});

test('a server whose certificate differs from the offer, or lacks its key, is rejected', async () => {
  const stranger = await callServer(other, fingerprintOf(certificate));
  expect(stranger.ours.failures).toEqual(['DTLS handshake failed: the certificate does not match the offer']);
  const stolen = { certPem: certificate.certPem, keyPem: other.keyPem };
  const thief = await callServer(stolen, fingerprintOf(certificate));
  expect(thief.ours.failures).toEqual(['DTLS handshake failed: the peer has not proved that it owns the certificate']);
});
