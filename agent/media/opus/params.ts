/** Frame durations in ticks of 48 kHz by the configuration number of the TOC byte: RFC 6716 §3.1, table 2. */
const SILK_TICKS = [480, 960, 1920, 2880];
const HYBRID_TICKS = [480, 960];
const CELT_TICKS = [120, 240, 480, 960];
/** 120 ms: no packet is longer (RFC 6716 §3.2.5, R5). */
const MAX_PACKET_TICKS = 5760;

/** Duration of one packet at 48 kHz, all its frames; 0 if it is not an Opus packet. */
export function opusFrameTicks(packet: Uint8Array): number {
  if (packet.length === 0) {
    return 0;
  }
  const toc = packet[0] as number;
  const config = toc >> 3;
  const ticks = (
    config < 12 ? SILK_TICKS[config & 3] : config < 16 ? HYBRID_TICKS[config & 1] : CELT_TICKS[config & 3]
  ) as number;
  const total = ticks * frameCount(toc, packet);
  return total <= MAX_PACKET_TICKS ? total : 0;
}

/** RFC 6716 §3.2: one frame, two, or as many as the next byte says. */
function frameCount(toc: number, packet: Uint8Array): number {
  const code = toc & 3;
  if (code === 3) {
    return (packet[1] ?? 0) & 0x3f;
  }
  return code === 0 ? 1 : 2;
}
