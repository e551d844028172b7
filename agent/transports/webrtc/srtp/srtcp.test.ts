import { createCipheriv, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { SrtcpSession } from 'werift';
import { random } from '../../../../test/support/base/random.ts';
import { Srtcp } from './srtcp.ts';
import {
  AEAD_AES_128_GCM,
  AES128_CM_HMAC_SHA1_80,
  deriveRtcpKeys,
  type SrtpKeys,
  type SrtpProfile,
} from './srtp-keys.ts';

const PROFILES = [
  ['AES-CM', AES128_CM_HMAC_SHA1_80],
  ['AES-GCM', AEAD_AES_128_GCM],
] as const;
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const OURS = { key: hex('e1f97a0d3e018be0d64fa32c06de4139'), salt: hex('0ec675ad498afeebb6960b3aabe6') };
const THEIRS = { key: hex('000102030405060708090a0b0c0d0e0f'), salt: hex('101112131415161718191a1b1c1d') };
const saltBytes = (profile: SrtpProfile): number => (profile === AEAD_AES_128_GCM ? 12 : 14);

/** One end, or with the ends exchanged the other. */
function keysOf(profile: SrtpProfile, [local, remote] = [OURS, THEIRS]): SrtpKeys {
  const bytes = saltBytes(profile);
  return {
    profile,
    localKey: local.key,
    localSalt: local.salt.subarray(0, bytes),
    remoteKey: remote.key,
    remoteSalt: remote.salt.subarray(0, bytes),
  };
}

const sender = (profile: SrtpProfile): Srtcp => new Srtcp(keysOf(profile, [THEIRS, OURS]));
const REPORT = hex('80c90001 11223344');
const reportOf = (ssrc: number): Buffer => {
  const report = Buffer.from(REPORT);
  report.writeUInt32BE(ssrc, 4);
  return report;
};

test.for(PROFILES)('%s: RTCP goes through another implementation in both directions', ([, profile]) => {
  const bytes = saltBytes(profile);
  const ours = new Srtcp(keysOf(profile));
  const keys = {
    localMasterKey: THEIRS.key,
    localMasterSalt: THEIRS.salt.subarray(0, bytes),
    remoteMasterKey: OURS.key,
    remoteMasterSalt: OURS.salt.subarray(0, bytes),
  };
  const theirs = new SrtcpSession({ keys, profile });
  const long = Buffer.concat([REPORT, Buffer.alloc(40, 9)]);
  long.writeUInt16BE(11, 2);
  for (const compound of [REPORT, long, REPORT]) {
    expect(theirs.decrypt(ours.protect(compound)).equals(compound)).toBe(true);
    expect(ours.unprotect(theirs.encrypt(compound))?.equals(compound)).toBe(true);
  }
});

test.for(PROFILES)('%s: a report counts once, also one that was overtaken', ([, profile]) => {
  const [peer, receiver] = [sender(profile), new Srtcp(keysOf(profile))];
  const [first, second, third] = [REPORT, REPORT, REPORT].map((report) => peer.protect(report)) as Buffer[];
  const taken = [first, third, third, second, second, first].map((one) => receiver.unprotect(one as Buffer));
  expect(taken.map((compound) => compound !== undefined)).toEqual([true, true, false, true, false, false]);
});

test.for(PROFILES)("%s: each sender's reports are counted apart, for 16 senders", ([, profile]) => {
  const receiver = new Srtcp(keysOf(profile));
  const [video, audio] = [sender(profile), sender(profile)];
  for (let i = 0; i < 5; i += 1) {
    expect(receiver.unprotect(video.protect(reportOf(1)))).toBeDefined();
  }
  expect(receiver.unprotect(audio.protect(reportOf(2)))).toBeDefined();
  for (let ssrc = 3; ssrc <= 16; ssrc += 1) {
    expect(receiver.unprotect(video.protect(reportOf(ssrc)))).toBeDefined();
  }
  expect(receiver.unprotect(video.protect(reportOf(17)))).toBeUndefined();
  expect(receiver.unprotect(video.protect(reportOf(1)))).toBeDefined();
});

test.for(PROFILES)('%s: a damaged or cut report is passed over, and so is noise', ([, profile]) => {
  const [peer, receiver] = [sender(profile), new Srtcp(keysOf(profile))];
  const next = random(2);
  for (let i = 0; i < 2_000; i += 1) {
    const damaged = peer.protect(reportOf(i));
    const at = Math.floor(next() * damaged.length);
    damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(next() * 8));
    expect(receiver.unprotect(damaged.subarray(0, next() < 0.2 ? at : damaged.length))).toBeUndefined();
    const noise = Buffer.from(Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 256)));
    expect(receiver.unprotect(noise)).toBeUndefined();
  }
  // None of them has taken one of the 16 places.
  expect(receiver.unprotect(peer.protect(REPORT))).toBeDefined();
});

/** An authenticated, unencrypted report, RFC 3711 §3.4 and RFC 7714 §9.3: written by hand, because no implementation sends it. */
function sealOnly(profile: SrtpProfile, report: Buffer, index: number): Buffer {
  const keys = deriveRtcpKeys(THEIRS.key, THEIRS.salt.subarray(0, saltBytes(profile)));
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32BE(index);
  const covered = Buffer.concat([report, trailer]);
  if (profile === AES128_CM_HMAC_SHA1_80) {
    return Buffer.concat([covered, createHmac('sha1', keys.authKey).update(covered).digest().subarray(0, 10)]);
  }
  const nonce = Buffer.alloc(12);
  report.copy(nonce, 2, 4, 8);
  trailer.copy(nonce, 8);
  const cipher = createCipheriv(
    'aes-128-gcm',
    keys.cipherKey,
    nonce.map((byte, i) => byte ^ (keys.salt[i] as number)),
  );
  cipher.setAAD(covered).final();
  return Buffer.concat([report, cipher.getAuthTag(), trailer]);
}

test.for(PROFILES)('%s: a report that is only authenticated is read, and not with a changed byte', ([, profile]) => {
  const receiver = new Srtcp(keysOf(profile));
  const report = Buffer.concat([REPORT, hex('0102030405060708')]);
  const sealed = sealOnly(profile, report, 5);
  const damaged = Buffer.from(sealed);
  damaged[9] = 99;
  expect(receiver.unprotect(damaged)).toBeUndefined();
  expect(receiver.unprotect(sealed)?.equals(report)).toBe(true);
});
