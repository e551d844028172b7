import type { RtspCaller } from '../../../support/clients/rtsp-caller.ts';

const NTP_FROM_UNIX_S = 2_208_988_800;
const BITS = [
  [0x80, 'C'],
  [0x40, 'E'],
  [0x20, 'D'],
  [0x10, 'T'],
] as const;

/** The first packet of a unit, as ONVIF's header extension describes it. */
export interface ReplayedUnit {
  readonly channel: number;
  /** Unix milliseconds. */
  readonly unixMs: number;
  /** `CD` */
  readonly flags: string;
  readonly cseq: number;
  readonly rtpTime: number;
  readonly sequence: number;
  readonly atMs: number;
}

/** Units that a client has received: packets with the extension 0xABAC. */
export function replayedUnits(caller: RtspCaller, channel = 0): ReplayedUnit[] {
  return caller.frames.flatMap(({ channel: of, payload, atMs }) => {
    const hasExtension = of === channel && ((payload[0] ?? 0) & 0x10) !== 0;
    if (!hasExtension || payload.readUInt16BE(12) !== 0xabac || payload.readUInt16BE(14) !== 3) {
      return [];
    }
    const seconds = payload.readUInt32BE(16) - NTP_FROM_UNIX_S;
    const unixMs = Math.round((seconds + payload.readUInt32BE(20) / 2 ** 32) * 1000);
    const bits = payload[24] ?? 0;
    const flags = BITS.map(([bit, name]) => (bits & bit ? name : '')).join('');
    const [rtpTime, sequence] = [payload.readUInt32BE(4), payload.readUInt16BE(2)];
    return [{ channel: of, unixMs, flags, cseq: payload[25] ?? 0, rtpTime, sequence, atMs }];
  });
}

/** Number of BYE packets on RTCP channels. */
export const byesOf = (caller: RtspCaller): number =>
  caller.frames.filter(({ channel, payload }) => channel % 2 === 1 && payload[1] === 203).length;
