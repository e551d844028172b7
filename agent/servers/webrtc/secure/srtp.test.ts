import { expect, test } from 'vitest';
import { RtpHeader, RtpPacket, SrtcpSession, SrtpSession } from 'werift';
import { random } from '../../../../test/random.ts';
import { PacketSlots } from '../transport/packet-slots.ts';
import { createSrtpSender } from './create-srtp-sender.ts';
import { Srtcp } from './srtcp.ts';
import type { Batch, OutboundTrack, SrtpSender } from './srtp.ts';
import { AES128_CM_HMAC_SHA1_80, deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const KEY = hex('e1f97a0d3e018be0d64fa32c06de4139');
const SALT = hex('0ec675ad498afeebb6960b3aabe6');
const KEYS: SrtpKeys = {
  profile: AES128_CM_HMAC_SHA1_80,
  localKey: KEY,
  localSalt: SALT,
  remoteKey: KEY,
  remoteSalt: SALT,
};

const track = (packetIndex: number, ssrc = 0xcafebabe): OutboundTrack => ({
  ssrc,
  payloadType: 96,
  timestampOffset: 5,
  packetIndex,
  packets: 0,
  octets: 0,
});

/** Protects payloads, one batch for all, and returns the datagrams. */
function protect(sender: SrtpSender, payloads: readonly Uint8Array[], tracks: readonly OutboundTrack[]): Buffer[] {
  const source = new Uint32Array(300 * payloads.length);
  const bytes = new Uint8Array(source.buffer);
  payloads.forEach((payload, i) => {
    bytes.set(payload, i * 1_200);
  });
  const batch: Batch = {
    count: payloads.length,
    tracks,
    timestamps: Uint32Array.from(payloads, () => 1_000),
    markers: Uint8Array.from(payloads, (_, i) => i % 2),
    payloadBytes: Uint16Array.from(payloads, (payload) => payload.length),
    sourceWords: Uint32Array.from(payloads, (_, i) => i * 300),
  };
  const slots = new PacketSlots();
  const at = new Uint32Array(payloads.length);
  sender.protect(batch, source, slots, at);
  return payloads.map((payload, i) =>
    Buffer.from(slots.bytes.subarray(at[i], (at[i] ?? 0) + payload.length + sender.overheadBytes)),
  );
}

const werift = (key = KEY, salt = SALT) =>
  new SrtpSession({
    keys: {
      localMasterKey: key,
      localMasterSalt: salt,
      remoteMasterKey: key,
      remoteMasterSalt: salt,
    },
    profile: 1,
  });

test("session keys are those of the standard's test vectors (RFC 3711 §B.3)", () => {
  const keys = deriveRtpKeys(KEY, SALT);
  expect(Buffer.from(keys.cipherKey).toString('hex')).toBe('c61e7a93744f39ee10734afe3ff7a087');
  expect(Buffer.from(keys.salt).toString('hex')).toBe('30cbbc08863d8c85d49db34a9ae1');
  expect(Buffer.from(keys.authKey).toString('hex')).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
});

test('another implementation decrypts what is sent, whatever the length of the payload', () => {
  const sender = createSrtpSender(KEYS);
  const peer = werift();
  const sent = track(4_096);
  const payloads = [1, 2, 3, 4, 15, 16, 17, 160, 1_187, 1_188].map((length) => Buffer.alloc(length, length));
  const datagrams = protect(
    sender,
    payloads,
    payloads.map(() => sent),
  );
  datagrams.forEach((datagram, i) => {
    const packet = RtpPacket.deSerialize(peer.decrypt(datagram));
    expect(packet.payload.equals(payloads[i] as Buffer)).toBe(true);
    expect(packet.header).toMatchObject({
      sequenceNumber: 4_096 + i,
      timestamp: 1_005,
      ssrc: 0xcafebabe,
      payloadType: 96,
    });
    expect(packet.header.marker).toBe(i % 2 === 1);
  });
  expect(sent).toMatchObject({ packetIndex: 4_106, packets: 10, octets: 2_593 });
});

test('the key stream changes at the wrap of the sequence number, and two tracks in one batch count each for itself', () => {
  const sender = createSrtpSender(KEYS);
  const peer = werift();
  const video = track(65_533, 1);
  const audio = track(9, 2);
  const order = [video, audio, video, video, audio, video, video];
  const payloads = order.map((_, i) => Buffer.alloc(50, i));
  const datagrams = protect(sender, payloads, order);
  const packets = datagrams.map((datagram) => RtpPacket.deSerialize(peer.decrypt(datagram)));
  expect(packets.map((packet) => packet.header.sequenceNumber)).toEqual([65_533, 9, 65_534, 65_535, 10, 0, 1]);
  expect(packets.map((packet) => packet.payload[0])).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('what another implementation encrypts is the same, byte for byte', () => {
  const header = new RtpHeader({ version: 2, payloadType: 96, sequenceNumber: 7, timestamp: 1_005, ssrc: 0xcafebabe });
  const payload = Buffer.from('the same payload on both sides');
  const theirs = werift().encrypt(payload, header);
  expect(protect(createSrtpSender(KEYS), [payload], [track(7)])[0]?.equals(theirs)).toBe(true);
});

const REPORT = hex('80c90001 11223344');

test('RTCP goes through another implementation in both directions', () => {
  const other = { key: hex('000102030405060708090a0b0c0d0e0f'), salt: hex('101112131415161718191a1b1c1d') };
  const ours = new Srtcp({ ...KEYS, remoteKey: other.key, remoteSalt: other.salt });
  const keys = {
    localMasterKey: other.key,
    localMasterSalt: other.salt,
    remoteMasterKey: KEY,
    remoteMasterSalt: SALT,
  };
  const theirs = new SrtcpSession({ keys, profile: 1 });
  const long = Buffer.concat([REPORT, Buffer.alloc(40, 9)]);
  long.writeUInt16BE(11, 2);
  for (const compound of [REPORT, long, REPORT]) {
    expect(theirs.decrypt(ours.protect(compound)).equals(compound)).toBe(true);
    expect(ours.unprotect(theirs.encrypt(compound))?.equals(compound)).toBe(true);
  }
});

test('a report that comes twice counts once, a damaged one not at all', () => {
  const sender = new Srtcp(KEYS);
  const receiver = new Srtcp(KEYS);
  const packet = sender.protect(REPORT);
  expect(receiver.unprotect(packet)).toBeDefined();
  expect(receiver.unprotect(packet)).toBeUndefined();
  const next = random(2);
  for (let i = 0; i < 2_000; i += 1) {
    const damaged = Buffer.from(sender.protect(REPORT));
    const at = Math.floor(next() * damaged.length);
    damaged[at] = (damaged[at] as number) ^ (1 + Math.floor(next() * 255));
    expect(receiver.unprotect(damaged.subarray(0, next() < 0.2 ? at : damaged.length))).toBeUndefined();
  }
});
