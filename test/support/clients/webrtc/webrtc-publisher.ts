import { createLogger } from '../../../../agent/base/log.ts';
import type { RtpFormat } from '../../../../agent/media/payload/depacketizer.ts';
import type { Track } from '../../../../agent/media/sample/track.ts';
import { PublisherSession } from '../../../../agent/servers/webrtc/publishing/publisher-session.ts';
import type { Publisher } from '../../../../agent/stream/contracts.ts';
import { type Reader, Stream } from '../../../../agent/stream/stream.ts';
import { type RemoteTrack, remoteTrackOf } from '../../../../agent/transports/webrtc/sdp/inbound.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { RecordingLink, RtpSource, vp8Frame } from './webrtc-peer.ts';

export const VP8: RtpFormat = { payloadType: 96, encoding: 'VP8', clockRate: 90_000, channels: 1, fmtp: new Map() };
export const RTX: RtpFormat = { ...VP8, payloadType: 97, encoding: 'RTX', fmtp: new Map([['apt', '96']]) };
export const OPUS: RtpFormat = { payloadType: 111, encoding: 'OPUS', clockRate: 48_000, channels: 2, fmtp: new Map() };
export const GATHER_MS = 2_000;
export const FRAME_MS = 40;
export const FRAME_TICKS = 3_600;

/** A track of the offer. */
export function inboundOf(
  kind: 'video' | 'audio',
  format: RtpFormat,
  feedback: readonly string[],
  rtx?: RtpFormat,
  hasReducedSize = true,
): RemoteTrack {
  const section = {
    kind,
    protocol: 'UDP/TLS/RTP/SAVPF',
    formatWords: [String(format.payloadType)],
    mid: kind,
    rejectReason: undefined,
    receives: false,
    sends: true,
    isSimulcast: false,
    maxPacketMs: Number.POSITIVE_INFINITY,
    hasReducedSize,
    formats: [format],
    feedback: new Set(feedback.map((one) => `${format.payloadType} ${one}`)),
  };
  return remoteTrackOf({ section, format, rtx });
}
export const PICTURE = inboundOf('video', VP8, ['nack', 'nack pli', 'goog-remb'], RTX);
export const PICTURE_WITHOUT_NACK = inboundOf('video', VP8, ['nack pli']);
export const SOUND = inboundOf('audio', OPUS, ['nack']);

interface Opened {
  readonly stream: Stream;
  readonly tracks: readonly Track[];
  /** First payload byte after the frame header of each picture. */
  readonly pictures: number[];
  readonly samples: { readonly track: number; readonly pts: number; readonly key: boolean; readonly data: Buffer }[];
}

/** A publisher that has just connected. */
export function connect(inbound: readonly RemoteTrack[], isSilent = false) {
  const clock = new FakeClock();
  const link = new RecordingLink();
  const opened: Opened[] = [];
  let publisher: Publisher | undefined;
  let closed = 0;
  const paths = {
    publish: (_path: string, one: Publisher) => {
      publisher = one;
      return {
        isSilent,
        publish: (tracks: readonly Track[]) => {
          const stream = new Stream(tracks);
          const one: Opened = { stream, tracks, pictures: [], samples: [] };
          const reader: Reader = {
            id: 'test',
            onSample: (track, { pts, key, data }) => {
              one.samples.push({ track, pts, key, data: Buffer.from(data) });
              if (tracks[track]?.kind === 'video') {
                one.pictures.push(data[20] as number);
              }
            },
            onTrack: () => {},
            onEnd: () => {},
          };
          stream.addReader(reader, false);
          opened.push(one);
          return stream;
        },
        close: () => {
          closed += 1;
        },
      };
    },
  };
  const options = { inbound, path: 'door', gatherTimeoutMs: GATHER_MS };
  const logged: string[] = [];
  const log = createLogger('warn', (line) => logged.push(JSON.parse(line).msg));
  const media = new PublisherSession('session-1', options, paths, clock, log);
  media.start(link);
  const picture = new RtpSource(96, 11);
  return {
    clock,
    link,
    media,
    opened,
    logged,
    picture,
    repairs: new RtpSource(97, 12, 50),
    sound: new RtpSource(111, 21),
    get publisher() {
      return publisher;
    },
    get closed() {
      return closed;
    },
    /** Sends frames `from` to `to`, every 40 ms. @param fate the packets that arrive, in order */
    async video(from: number, to: number, isKey: (number: number) => boolean, fate = (packets: Buffer[]) => packets) {
      for (let number = from; number < to; number += 1) {
        const packets = picture.frame(number * FRAME_TICKS, vp8Frame(number, isKey(number)));
        for (const bytes of fate(packets.map(({ bytes }) => bytes))) {
          media.onRtp(bytes);
        }
        await clock.advance(FRAME_MS);
      }
    },
  };
}
type Session = ReturnType<typeof connect>;

/** `count` seconds pass on the session's clock. */
export async function pass(session: Session, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await session.clock.advance(1_000);
    session.media.tick();
  }
}

/** The first frame is the key frame. */
export const first = (number: number): boolean => number === 0;
export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
