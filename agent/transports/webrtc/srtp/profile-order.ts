import { randomBytes } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Batch, OutboundTrack } from './srtp.ts';
import {
  AEAD_AES_128_GCM,
  AES128_CM_HMAC_SHA1_80,
  MASTER_KEY_BYTES,
  masterSaltBytesOf,
  type SrtpProfile,
} from './srtp-keys.ts';
import { createSrtpSender } from './srtp-sender.ts';

/** The first slices run uncompiled code. */
const WARM_UP_SLICES = 8;
const SLICES = 12;
/** Longer slices would disturb current viewers. */
const SLICE_MS = 5;
/** Packets per batch: a frame of 4 Mbit/s video. */
const BATCH = 16;
const PAYLOAD_BYTES = 1_188;

/**
 * Measures which SRTP profile is cheaper here and puts it first: it depends on the processor's AES instructions, on
 * the native cipher, and on vectors for AES-CM (hmac/). Takes 60 ms in slices.
 * @param afterMs delay before it begins
 */
export async function measureProfiles(afterMs = 0): Promise<readonly SrtpProfile[]> {
  await setTimeout(afterMs, undefined, { ref: false });
  const [gcm, cm] = [createProbe(AEAD_AES_128_GCM), createProbe(AES128_CM_HMAC_SHA1_80)];
  let gcmMs = Number.POSITIVE_INFINITY;
  let cmMs = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < SLICES; slice += 1) {
    const startMs = performance.now();
    do {
      const [gcmRoundMs, cmRoundMs] = [gcm(), cm()];
      if (slice >= WARM_UP_SLICES) {
        // The fastest round was not interrupted.
        gcmMs = Math.min(gcmMs, gcmRoundMs);
        cmMs = Math.min(cmMs, cmRoundMs);
      }
    } while (performance.now() - startMs < SLICE_MS);
    await setImmediate();
  }
  return gcmMs <= cmMs ? [AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80] : [AES128_CM_HMAC_SHA1_80, AEAD_AES_128_GCM];
}

/** @returns a function that protects one batch and returns its duration in ms */
function createProbe(profile: SrtpProfile): () => number {
  const [localKey, localSalt] = [randomBytes(MASTER_KEY_BYTES), randomBytes(masterSaltBytesOf(profile))];
  const keys = { profile, localKey, localSalt, remoteKey: localKey, remoteSalt: localSalt };
  const sender = createSrtpSender(keys);
  const track: OutboundTrack = {
    ssrc: 1,
    payloadType: 96,
    timestampOffset: 0,
    packetIndex: 0,
    packets: 0,
    octets: 0,
  };
  const batch: Batch = {
    count: BATCH,
    tracks: Array.from({ length: BATCH }, () => track),
    timestamps: new Uint32Array(BATCH),
    markers: new Uint8Array(BATCH),
    payloadBytes: new Uint16Array(BATCH).fill(PAYLOAD_BYTES),
    sourceWords: new Uint32Array(BATCH),
  };
  const source = new Uint32Array(PAYLOAD_BYTES / 4);
  return () => {
    const startMs = performance.now();
    sender.protect(batch, source);
    return performance.now() - startMs;
  };
}
