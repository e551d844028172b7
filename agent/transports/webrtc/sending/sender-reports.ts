import type { Clock } from '../../../base/clock.ts';
import { writeSenderReport } from '../../../media/rtcp/write.ts';
import type { RtpPackets } from '../../../stream/rtp-packets.ts';
import type { Stream } from '../../../stream/stream.ts';
import type { SecureLink } from '../link/session-media.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';

export interface SenderReportOptions {
  readonly link: SecureLink;
  readonly stream: Stream;
  /** Sent tracks by track number, or undefined if the track is not sent to this viewer. */
  readonly tracks: readonly (OutboundTrack | undefined)[];
  /** CNAME, the same in all reports of a viewer: it groups tracks for synchronization. */
  readonly cname: string;
  readonly clock: Clock;
}

/** Writes sender reports, which let a viewer synchronize audio and video. */
export class SenderReports {
  readonly #options: SenderReportOptions;
  readonly #source: RtpPackets;

  constructor(options: SenderReportOptions, source: RtpPackets) {
    this.#options = options;
    this.#source = source;
  }

  /** One report for each track that has been sent. @param except a track whose offset is not known yet; -1: none */
  write(except: number): Uint8Array[] {
    const { tracks, clock, cname } = this.#options;
    const wallMs = clock.wallMs();
    const reports: Uint8Array[] = [];
    for (const [number, track] of tracks.entries()) {
      if (!track || number === except || this.#source.lastWall[number] === 0) {
        continue;
      }
      const facts = {
        ssrc: track.ssrc,
        unixMs: wallMs,
        ticks: this.#ticksAt(number, wallMs) + track.timestampOffset,
        packets: track.packets,
        payloadBytes: track.octets,
      };
      reports.push(writeSenderReport(facts, cname));
    }
    return reports;
  }

  /** RTP time before the track's offset. */
  #ticksAt(number: number, wallMs: number): number {
    const clockRate = this.#options.stream.tracks[number]?.clockRate ?? 0;
    const sinceMs = wallMs - (this.#source.lastWall[number] ?? 0);
    return Math.round((this.#source.lastPts[number] ?? 0) + (sinceMs * clockRate) / 1000);
  }
}

/** Sends the reports of all tracks as one compound packet (RFC 8108 §5.3): it is encrypted and sent once. */
export function sendReports(link: SecureLink, stream: Stream, reports: readonly Uint8Array[]): void {
  if (reports.length > 0) {
    stream.countSent(link.sendRtcp(Buffer.concat(reports)));
  }
}
