// @also without-ffi

import { expect, test } from 'vitest';
import { RtpHeader, RtpPacket, SrtpSession } from 'werift';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { SLOT_BYTES } from '../../../native/packet-memory.ts';
import { type Batch, type OutboundTrack, packets, type SrtpSender } from './srtp.ts';
import {
  AEAD_AES_128_GCM,
  AES128_CM_HMAC_SHA1_80,
  deriveRtpKeys,
  type SrtpKeys,
  type SrtpProfile,
} from './srtp-keys.ts';
import { SrtpReceiver } from './srtp-receiver.ts';
import { createSrtpSender } from './srtp-sender.ts';

const PROFILES = [
  ['AES-CM', AES128_CM_HMAC_SHA1_80],
  ['AES-GCM', AEAD_AES_128_GCM],
] as const;
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const KEY = hex('e1f97a0d3e018be0d64fa32c06de4139');
const SALT = hex('0ec675ad498afeebb6960b3aabe6');

function keysOf(profile: SrtpProfile): SrtpKeys {
  const salt = profile === AEAD_AES_128_GCM ? SALT.subarray(0, 12) : SALT;
  return { profile, localKey: KEY, localSalt: salt, remoteKey: KEY, remoteSalt: salt };
}

/** The reference: another implementation with the same keys. */
function reference(profile: SrtpProfile): SrtpSession {
  const { localKey, localSalt, remoteKey, remoteSalt } = keysOf(profile);
  const keys = {
    localMasterKey: Buffer.from(localKey),
    localMasterSalt: Buffer.from(localSalt),
    remoteMasterKey: Buffer.from(remoteKey),
    remoteMasterSalt: Buffer.from(remoteSalt),
  };
  return new SrtpSession({ keys, profile });
}

const track = (packetIndex: number, ssrc = 0xcafebabe): OutboundTrack => ({
  ssrc,
  payloadType: 96,
  timestampOffset: 5,
  packetIndex,
  packets: 0,
  octets: 0,
});

/** Protects payloads, one batch for all, and returns the datagrams. */
function protect(
  sender: SrtpSender,
  payloads: readonly Uint8Array[],
  tracks: readonly OutboundTrack[],
  timestamp = 1_000,
): Buffer[] {
  const source = new Uint32Array(300 * payloads.length);
  const bytes = new Uint8Array(source.buffer);
  payloads.forEach((payload, i) => {
    bytes.set(payload, i * 1_200);
  });
  const batch: Batch = {
    count: payloads.length,
    tracks,
    timestamps: Uint32Array.from(payloads, () => timestamp),
    markers: Uint8Array.from(payloads, (_, i) => i % 2),
    payloadBytes: Uint16Array.from(payloads, (payload) => payload.length),
    sourceWords: Uint32Array.from(payloads, (_, i) => i * 300),
  };
  sender.protect(batch, source);
  return payloads.map((payload, i) => {
    expect(packets.lengths[i]).toBe(payload.length + sender.overheadBytes);
    return Buffer.from(packets.bytes.slice(SLOT_BYTES * i, SLOT_BYTES * i + (packets.lengths[i] ?? 0)));
  });
}

test("session keys are those of the standard's test vectors (RFC 3711 §B.3)", () => {
  const keys = deriveRtpKeys(KEY, SALT);
  expect(Buffer.from(keys.cipherKey).toString('hex')).toBe('c61e7a93744f39ee10734afe3ff7a087');
  expect(Buffer.from(keys.salt).toString('hex')).toBe('30cbbc08863d8c85d49db34a9ae1');
  expect(Buffer.from(keys.authKey).toString('hex')).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
});

test.for(PROFILES)('%s: another implementation decrypts packets of any length', ([, profile]) => {
  const sender = createSrtpSender(keysOf(profile));
  const peer = reference(profile);
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

test.for(PROFILES)('%s: two tracks in one batch count each for itself, also at the wrap', ([, profile]) => {
  const sender = createSrtpSender(keysOf(profile));
  const peer = reference(profile);
  const video = track(65_533, 1);
  const audio = track(9, 2);
  const order = [video, audio, video, video, audio, video, video];
  const payloads = order.map((_, i) => Buffer.alloc(50, i));
  const packets = protect(sender, payloads, order).map((one) => RtpPacket.deSerialize(peer.decrypt(one)));
  expect(packets.map((packet) => packet.header.sequenceNumber)).toEqual([65_533, 9, 65_534, 65_535, 10, 0, 1]);
  expect(packets.map((packet) => packet.payload[0])).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test.for(PROFILES)('%s: what another implementation encrypts is the same, byte for byte', ([, profile]) => {
  const header = new RtpHeader({ version: 2, payloadType: 96, sequenceNumber: 7, timestamp: 1_005, ssrc: 0xcafebabe });
  const payload = Buffer.from('the same payload on both sides');
  const theirs = reference(profile).encrypt(payload, header);
  expect(protect(createSrtpSender(keysOf(profile)), [payload], [track(7)])[0]?.equals(theirs)).toBe(true);
});

// 450 packets/s for 24 h are 593 wraps of the sequence number, and the 32 bits of a 90 kHz clock wrap once.
const WRAPS = 593;
/** Packets around each wrap. */
const AROUND = byLength(20, 60);
const TICKS_PER_PACKET = 200;

test.for(PROFILES)('%s: a day of wraps, and packets sent again across them on their own SSRC', ([, profile]) => {
  const sender = createSrtpSender(keysOf(profile));
  const peer = reference(profile);
  const receiver = new SrtpReceiver(keysOf(profile));
  const media = track(65_000, 1);
  const repeats = track(65_400, 2);
  let wrong = 0;
  const check = (sent: Buffer, sequence: number, timestamp: number, payload: Buffer): void => {
    const theirs = RtpPacket.deSerialize(peer.decrypt(Buffer.from(sent)));
    const { sequenceNumber, timestamp: time } = theirs.header;
    const isRight = sequenceNumber === sequence && time === timestamp && theirs.payload.equals(payload);
    const plainBytes = receiver.unprotect(sent);
    wrong += isRight && sent.subarray(12, plainBytes).equals(payload) ? 0 : 1;
  };
  for (let wrap = 1; wrap <= WRAPS; wrap += 1) {
    // Gap-free only around the wrap, where the reference guesses; the receiver needs to see something in between.
    for (const index of [
      wrap * 65_536 - 32_768,
      ...Array.from({ length: AROUND }, (_, i) => wrap * 65_536 - AROUND / 2 + i),
    ]) {
      media.packetIndex = index;
      const ticks = (index * TICKS_PER_PACKET) % 2 ** 32;
      const payload = Buffer.from([index & 0xff, wrap & 0xff]);
      check(protect(sender, [payload], [media], ticks)[0] as Buffer, index % 65_536, (ticks + 5) % 2 ** 32, payload);
      if (index % 20 === 0) {
        const repeatIndex = repeats.packetIndex;
        const again = protect(sender, [payload], [repeats], ticks)[0] as Buffer;
        check(again, repeatIndex % 65_536, (ticks + 5) % 2 ** 32, payload);
      }
    }
  }
  expect(wrong).toBe(0);
  expect(Math.floor(media.packetIndex / 65_536)).toBe(WRAPS);
  expect(repeats.packetIndex).toBeGreaterThan(65_536);
});

test.for(PROFILES)('%s: the last of the 48-bit indexes still match', ([, profile]) => {
  const sender = createSrtpSender(keysOf(profile));
  const other = createSrtpSender(keysOf(profile));
  const [last, low] = [track(2 ** 48 - 1), track(65_535)];
  const payload = Buffer.from('the roll-over counter counts');
  const [a, b] = [protect(sender, [payload], [last])[0], protect(other, [payload], [low])[0]] as Buffer[];
  expect(a?.readUInt16BE(2)).toBe(65_535);
  expect(a?.subarray(12).equals((b as Buffer).subarray(12))).toBe(false);
});
