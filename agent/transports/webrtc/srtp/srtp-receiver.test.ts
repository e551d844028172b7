import { expect, test } from 'vitest';
import { RtpHeader, RtpPacket, SrtpSession } from 'werift';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { random } from '../../../../test/support/base/random.ts';
import { AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80, type SrtpKeys, type SrtpProfile } from './srtp-keys.ts';
import { SrtpReceiver } from './srtp-receiver.ts';

const PROFILES = [
  ['AES-CM', AES128_CM_HMAC_SHA1_80],
  ['AES-GCM', AEAD_AES_128_GCM],
] as const;
const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const saltOf = (profile: SrtpProfile): Buffer =>
  Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacad', 'hex').subarray(0, profile === AEAD_AES_128_GCM ? 12 : 14);

const keysOf = (profile: SrtpProfile): SrtpKeys => {
  const salt = saltOf(profile);
  return { profile, localKey: KEY, localSalt: salt, remoteKey: KEY, remoteSalt: salt };
};

/** A publisher with the reference implementation. */
class Publisher {
  readonly receiver: SrtpReceiver;
  readonly #session: SrtpSession;

  constructor(profile: SrtpProfile) {
    const salt = saltOf(profile);
    const keys = { localMasterKey: KEY, localMasterSalt: salt, remoteMasterKey: KEY, remoteMasterSalt: salt };
    this.#session = new SrtpSession({ keys, profile });
    this.receiver = new SrtpReceiver(keysOf(profile));
  }

  send(sequence: number, ssrc = 7, payload = Buffer.from('picture')): Buffer {
    const header = new RtpHeader({ version: 2, payloadType: 96, sequenceNumber: sequence, timestamp: 9, ssrc });
    return this.#session.encrypt(payload, header);
  }

  /** Sends packets. @returns whether the receiver accepted each */
  taken(packets: readonly Buffer[]): boolean[] {
    return packets.map((packet) => this.receiver.unprotect(Buffer.from(packet)) > 0);
  }
}

test.for(PROFILES)('%s: packets of any length from another implementation are decrypted in place', ([, profile]) => {
  const publisher = new Publisher(profile);
  for (const [i, length] of [0, 1, 15, 16, 17, 1_199, 1_900].entries()) {
    const payload = Buffer.alloc(length, i + 1);
    const packet = publisher.send(100 + i, 7, payload);
    const plainBytes = publisher.receiver.unprotect(packet);
    expect(plainBytes).toBe(12 + length);
    expect(packet.subarray(12, plainBytes).equals(payload)).toBe(true);
    expect(RtpPacket.deSerialize(packet.subarray(0, plainBytes)).header.sequenceNumber).toBe(100 + i);
  }
});

test.for(PROFILES)('%s: larger packets than the given size are rejected, by default than a datagram', ([, profile]) => {
  const publisher = new Publisher(profile);
  const payload = Buffer.alloc(65_000, 9);
  const packet = publisher.send(100, 7, payload);
  expect(publisher.receiver.unprotect(packet)).toBe(0);
  expect(new SrtpReceiver(keysOf(profile), [], packet.length - 1).unprotect(packet)).toBe(0);
  const plainBytes = new SrtpReceiver(keysOf(profile), [], packet.length).unprotect(packet);
  expect(packet.subarray(12, plainBytes).equals(payload)).toBe(true);
});

test.for(PROFILES)('%s: CSRCs and a header extension are kept', ([, profile]) => {
  const salt = saltOf(profile);
  const keys = { localMasterKey: KEY, localMasterSalt: salt, remoteMasterKey: KEY, remoteMasterSalt: salt };
  const header = new RtpHeader({ version: 2, payloadType: 96, sequenceNumber: 3, timestamp: 9, ssrc: 7, csrc: [1, 2] });
  header.extension = true;
  header.extensionProfile = 0xbede;
  header.extensions = [{ id: 1, payload: Buffer.from('m') }];
  header.csrcLength = 2;
  const plain = Buffer.concat([header.serialize(header.serializeSize), Buffer.from('payload')]);
  const packet = new SrtpSession({ keys, profile }).encrypt(Buffer.from('payload'), header);
  const length = new SrtpReceiver(keysOf(profile)).unprotect(packet);
  expect(packet.subarray(0, length).equals(plain)).toBe(true);
});

test.for(PROFILES)('%s: a duplicate is rejected, also a late one', ([, profile]) => {
  const publisher = new Publisher(profile);
  const packets = Array.from({ length: 1_200 }, (_, i) => publisher.send(60_000 + i));
  const [first, second, third, last] = [packets[0], packets[1], packets[170], packets[1_199]] as Buffer[];
  const order = [first, first, last, last, third, third, second, first] as Buffer[];
  // 1,023 packets behind the newest is still taken, 1,198 is not.
  const tooOld = publisher.taken(order);
  expect(tooOld).toEqual([true, false, true, false, false, false, false, false]);
  const inTime = packets[176] as Buffer;
  expect(publisher.taken([inTime, inTime])).toEqual([true, false]);
});

test.for(PROFILES)('%s: three roll-overs with losses, repeats and disorder are followed', ([, profile]) => {
  const publisher = new Publisher(profile);
  const next = random(11);
  let held: Buffer | undefined;
  let lost = 0;
  let taken = 0;
  let sent = 0;
  for (let n = 65_000; n < 65_536 * 3 + 500; n += 1) {
    const nearWrap = n % 65_536 > 65_336 || n % 65_536 < 200;
    // Everything near the wraps, and elsewhere every 50th packet, as after a loss.
    if (!nearWrap && n % 50 !== 0) {
      continue;
    }
    const packet = publisher.send(n % 65_536, 7, Buffer.from([n & 0xff]));
    const chance = next();
    if (chance < 0.1) {
      lost += 1;
    } else if (chance < 0.3 && !held) {
      held = packet;
    } else {
      sent += 1;
      taken += publisher.receiver.unprotect(packet) === 13 && packet[12] === (n & 0xff) ? 1 : 0;
      if (held && chance > 0.6) {
        sent += 1;
        taken += publisher.receiver.unprotect(held) > 0 ? 1 : 0;
        held = undefined;
      }
    }
  }
  expect(lost).toBeGreaterThan(100);
  expect(taken).toBe(sent);
});

test.for(PROFILES)('%s: a publisher whose first packets were lost at the wrap is understood', ([, profile]) => {
  const publisher = new Publisher(profile);
  publisher.send(65_534);
  publisher.send(65_535);
  expect(publisher.taken([publisher.send(0), publisher.send(1)])).toEqual([true, true]);
});

test.for(PROFILES)(
  '%s: a source is remembered once one of its packets is authentic, and 16 of them at most',
  ([, profile]) => {
    const publisher = new Publisher(profile);
    for (let ssrc = 1_000; ssrc < 1_100; ssrc += 1) {
      const forged = publisher.send(1, ssrc);
      forged[20] = (forged[20] as number) ^ 1;
      expect(publisher.receiver.unprotect(forged)).toBe(0);
    }
    const packets = Array.from({ length: 17 }, (_, ssrc) => publisher.send(1, ssrc));
    expect(publisher.taken(packets)).toEqual([...Array.from({ length: 16 }, () => true), false]);
    expect(publisher.taken([publisher.send(2, 15)])).toEqual([true]);
  },
);

test.for(PROFILES)('%s: a damaged packet is rejected and does not move the window', ([, profile]) => {
  const publisher = new Publisher(profile);
  const next = random(3);
  const extended = publisher.send(0);
  expect(publisher.receiver.unprotect(Buffer.from(extended))).toBeGreaterThan(0);
  for (let i = 0; i < byLength(1_000, 3_000); i += 1) {
    const packet = publisher.send(1 + i);
    const damaged = Buffer.from(packet);
    const at = Math.floor(next() * damaged.length);
    damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(next() * 8));
    const length = next() < 0.2 ? at : damaged.length;
    expect(publisher.receiver.unprotect(damaged.subarray(0, length))).toBe(0);
    if (i % 10 === 0) {
      expect(publisher.receiver.unprotect(packet)).toBeGreaterThan(0);
    }
  }
});

test.for(PROFILES)('%s: noise of any length is rejected', ([, profile]) => {
  const { receiver } = new Publisher(profile);
  const next = random(4);
  for (let i = 0; i < 5_000; i += 1) {
    const noise = Buffer.from(Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256)));
    noise[0] = 0x80 | ((noise[0] ?? 0) & 0x3f);
    expect(receiver.unprotect(noise)).toBe(0);
  }
  expect(receiver.unprotect(Buffer.alloc(3_000, 0x80))).toBe(0);
});
