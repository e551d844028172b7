import { expect } from 'vitest';
import { parseRtcp, type SenderInfo } from '../../../agent/media/rtcp/parse.ts';
import { RtpHeader } from '../../../agent/media/rtp/header.ts';
import { RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import type { InterleavedViewer } from '../../../agent/stream/interleaved-packets.ts';

/** The frames, as a client over TCP reads them. */
export class InterleavedClient implements InterleavedViewer {
  readonly wantsPlaceholders: boolean;
  readonly packets: string[] = [];
  readonly sequences: number[][] = [[], []];
  readonly timestamps: number[][] = [[], []];
  readonly reports: SenderInfo[][] = [[], []];
  readonly chunks: string[] = [];
  readonly ends: unknown[] = [];
  readonly #header = new RtpHeader();
  readonly #framer = new RtspFramer({
    onFrame: (chunk, channel, start, end) => this.#read(chunk, channel, start, end),
    onMessage: () => {},
  });

  constructor(wantsPlaceholders = false) {
    this.wantsPlaceholders = wantsPlaceholders;
  }

  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean {
    const before = this.packets.length;
    this.#framer.push(chunk, chunk.length);
    expect(this.packets.length - before).toBe(packets);
    this.chunks.push(`${track}${key ? ' key' : ''} ${packets}`);
    return false;
  }

  onReport(chunk: Buffer, track: number): void {
    expect(chunk[1]).toBe(2 * track + 1);
    this.#framer.push(chunk, chunk.length);
  }

  onEnd(cause?: unknown): void {
    this.ends.push(cause);
  }

  #read(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const track = channel >> 1;
    if (channel % 2 === 1) {
      parseRtcp(chunk, start, end, {
        onSenderReport: (info) => this.reports[track]?.push(info),
        onBye: () => {},
      });
      return;
    }
    const header = this.#header;
    header.parse(chunk, start, end);
    this.sequences[track]?.push(header.sequence);
    this.timestamps[track]?.push(header.timestamp);
    const first = (chunk[header.payloadStart] ?? 0).toString(16);
    const marker = header.marker ? ' marker' : '';
    this.packets.push(`${track} ${header.payloadEnd - header.payloadStart}x${first}${marker}`);
  }
}
