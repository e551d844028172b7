import { readFileSync } from 'node:fs';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { packetizeH264 } from '../../../agent/media/h264/packetize.ts';
import { writeRtpHeader } from '../../../agent/media/rtp/header.ts';
import { RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import { parseSdp } from '../../../agent/media/sdp/parse.ts';
import { StreamWriter } from '../../../agent/stream/ingest/stream-writer.ts';
import { Timeline } from '../../../agent/stream/ingest/timeline.ts';
import { TrackReceiver } from '../../../agent/stream/ingest/track-receiver.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { accessUnits } from '../cameras/access-units.ts';
import { median } from '../measure/figure.ts';

/**
 * Runs in a separate process, with a young generation large enough that no garbage is collected during the measurement:
 * `node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 ingest-run.ts CLIP.h264`. Prints nanoseconds and bytes per packet.
 */
const READ_BYTES = 64 << 10;
const PAYLOAD_BYTES = 1_400;
const ROUNDS = 5;
const FRAME_TICKS = 3_600;
const FORMAT = 'v=0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n';

/** A camera's interleaved frames, as many as `frames` pictures have, and how many packets that is. */
function interleaved(clip: Uint8Array, frames: number): { readonly bytes: Uint8Array; readonly packets: number } {
  const pieces: Uint8Array[] = [];
  let sequence = 0;
  const units = accessUnits(clip);
  for (let i = 0; i < frames; i += 1) {
    const sink = {
      onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean) {
        const size = 12 + prefixBytes + end - start;
        const frame = new Uint8Array(4 + size);
        frame.set([0x24, 0, size >> 8, size & 0xff]);
        writeRtpHeader(frame, 4, marker, 96, sequence & 0xffff, i * FRAME_TICKS, 7);
        for (let byte = 0; byte < prefixBytes; byte += 1) {
          frame[16 + byte] = prefix >>> (8 * (prefixBytes - 1 - byte));
        }
        frame.set(data.subarray(start, end), 16 + prefixBytes);
        pieces.push(frame);
        sequence += 1;
      },
    };
    packetizeH264(units[i % units.length] as Uint8Array, PAYLOAD_BYTES, true, sink);
  }
  return { bytes: Buffer.concat(pieces), packets: sequence };
}

function feed(framer: RtspFramer, bytes: Uint8Array, chunk: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += READ_BYTES) {
    const end = Math.min(at + READ_BYTES, bytes.length);
    chunk.set(bytes.subarray(at, end));
    framer.push(chunk, end - at);
  }
}

function measure(file: string): { readonly nanoseconds: number; readonly bytes: number } {
  const clip = readFileSync(file);
  const timeline = new Timeline(systemClock);
  const receivers: TrackReceiver[] = [];
  let stream: Stream | undefined;
  const writer = new StreamWriter(
    {
      publish: (tracks) => {
        stream = new Stream(tracks);
        return stream;
      },
    },
    timeline,
    receivers,
    'bench',
    silentLogger,
  );
  const format = parseSdp(FORMAT).medias[0]?.formats[0];
  if (!format) {
    throw new Error('the format cannot be read');
  }
  const receiver = new TrackReceiver(format, timeline, writer, systemClock);
  receivers.push(receiver);
  const framer = new RtspFramer({
    onFrame: (chunk, _channel, start, end) => receiver.packet(chunk, start, end, performance.now()),
    onMessage: () => {},
  });
  const chunk = new Uint8Array(READ_BYTES);
  const { bytes, packets } = interleaved(clip, 500);
  for (let i = 0; i < ROUNDS; i += 1) {
    feed(framer, bytes, chunk);
  }
  globalThis.gc?.();
  const allocated: number[] = [];
  let passedMs = 0;
  for (let i = 0; i < ROUNDS; i += 1) {
    const beforeBytes = memoryBytes();
    const startedMs = performance.now();
    feed(framer, bytes, chunk);
    passedMs += performance.now() - startedMs;
    allocated.push((memoryBytes() - beforeBytes) / packets);
  }
  if (!stream || stream.bytesReceived < ROUNDS * bytes.length) {
    throw new Error(`only ${stream?.bytesReceived} bytes came through, with ${stream?.framesInError} frames in error`);
  }
  // A round with a garbage collection is an outlier.
  return { nanoseconds: (passedMs * 1e6) / (ROUNDS * packets), bytes: median(allocated) };
}

function memoryBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

process.stdout.write(JSON.stringify(measure(process.argv[2] ?? '')));
