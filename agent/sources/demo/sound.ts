export const SOUND_RATE_HZ = 8000;
export const SOUND_PACKET_SAMPLES = 160;

const TICK_HZ = 1000;
const TICK_MS = 30;
const TICK_AMPLITUDE = 12_000;

/** A-law byte of a 16-bit sample, ITU-T G.711 §3: sign, 3 bits of segment, 4 bits of step, every second bit inverted. */
export function encodeALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(4095, (sample >= 0 ? sample : -sample - 1) >> 3);
  const segment = magnitude < 32 ? 0 : 27 - Math.clz32(magnitude);
  const step = (magnitude >> Math.max(1, segment)) & 0x0f;
  return (sign | (segment << 4) | step) ^ 0x55;
}

const SILENCE = encodeALaw(0);
const TICK = Uint8Array.from({ length: (SOUND_RATE_HZ * TICK_MS) / 1000 }, (_, i) =>
  encodeALaw(Math.round(TICK_AMPLITUDE * Math.sin((2 * Math.PI * TICK_HZ * i) / SOUND_RATE_HZ))),
);

/**
 * 20 ms of the demo camera's sound: silence, and a tick in the first 30 ms of every second of the wall clock.
 * @param unixMs time of the first sample
 */
export function soundPacket(unixMs: number): Uint8Array {
  const packet = new Uint8Array(SOUND_PACKET_SAMPLES);
  const first = Math.round((unixMs % 1000) * (SOUND_RATE_HZ / 1000));
  for (let i = 0; i < packet.length; i += 1) {
    packet[i] = TICK[(first + i) % SOUND_RATE_HZ] ?? SILENCE;
  }
  return packet;
}
