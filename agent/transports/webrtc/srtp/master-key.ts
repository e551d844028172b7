import { randomBytes } from 'node:crypto';
import type { MikeyMessage, MikeyStream } from '../../../media/mikey/message.ts';
import { AES128_CM_HMAC_SHA1_80, MASTER_KEY_BYTES, masterSaltBytesOf, type SrtpKeys } from './srtp-keys.ts';

/** Master key and master salt of one direction, for SRTP_AES128_CM_HMAC_SHA1_80. */
export interface MasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

const RANDOM_BYTES = 16;
/** Seconds from 1900 to 1970. */
const NTP_OFFSET_S = 2_208_988_800n;
const NO_MKI = new Uint8Array(0);

export const createMasterKey = (): MasterKey => ({
  key: randomBytes(MASTER_KEY_BYTES),
  salt: randomBytes(masterSaltBytesOf(AES128_CM_HMAC_SHA1_80)),
});

/** @param streams that are encrypted with the key, with their roll-over counters now */
export function mikeyOf({ key, salt }: MasterKey, streams: readonly MikeyStream[], wallMs: number): MikeyMessage {
  const ms = BigInt(Math.floor(wallMs));
  const ntpTime = ((ms / 1000n + NTP_OFFSET_S) << 32n) + ((ms % 1000n) << 32n) / 1000n;
  const bundleId = randomBytes(4).readUInt32BE();
  return { bundleId, streams, ntpTime, random: randomBytes(RANDOM_BYTES), key, salt, mki: NO_MKI };
}

export const srtpKeys = (local: MasterKey, remote: MasterKey): SrtpKeys => ({
  profile: AES128_CM_HMAC_SHA1_80,
  localKey: local.key,
  localSalt: local.salt,
  remoteKey: remote.key,
  remoteSalt: remote.salt,
});
