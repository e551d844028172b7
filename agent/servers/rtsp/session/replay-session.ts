import { PerchError } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/network/ip-address.ts';
import { cseqOf, type HeaderField, type RtspRequest } from '../../../media/rtsp/message.ts';
import type { Replay, RtspReplays } from '../../../protocols/contract.ts';
import { NOTHING_RECEIVED, NOTHING_SENT, type ReceiveCounts, type SendCounts } from '../transport/media-plane.ts';
import type { ChosenTransport } from './choose-transport.ts';
import { type Response, setUpFields } from './response.ts';
import type { Role, RtspSession } from './session.ts';
import { withoutCredentials } from './target.ts';

const INVALID_RANGE: Response = { status: 457 };

/** A session that plays recordings within its connection (ONVIF Streaming, replay). */
export class ReplaySession implements Role {
  /** A client that sets the pace by reading may pause for as long as one that sends nothing (`Rate-Control: no`). */
  readonly maxUnreadMs = 60_000;
  /** Without playing: sessions are few. */
  readonly maxIdleMs = 60_000;
  readonly #session: RtspSession;
  readonly #replay: Replay;
  readonly #trackCount: number;
  /** The URL of each track's SETUP, for RTP-Info. */
  readonly #uris = new Map<number, string>();
  readonly #channels = new Set<number>();

  /** @throws PerchError exhausted: too many sessions replay */
  static async open(session: RtspSession, replays: RtspReplays): Promise<ReplaySession> {
    const { target, connection, user } = session.options;
    const tracks = await replays.tracks(target.name);
    const client = user === '' ? subscriberOf(connection.ip) : user;
    const replay = await replays.open(target.name, tracks, connection, client);
    const role = new ReplaySession(session, replay, tracks.length);
    if (session.isClosed) {
      role.close();
      throw new PerchError('unavailable', 'the client has disconnected');
    }
    return role;
  }

  private constructor(session: RtspSession, replay: Replay, trackCount: number) {
    this.#session = session;
    this.#replay = replay;
    this.#trackCount = trackCount;
  }

  get state(): 'idle' | 'read' {
    return this.#replay.isPlaying ? 'read' : 'idle';
  }

  get media(): { kind: 'tcp'; isSecure: false; sent: SendCounts; received: ReceiveCounts; lastReceivedMs: 0 } {
    const sent = { ...NOTHING_SENT, ...this.#replay.sent };
    return { kind: 'tcp', isSecure: false, sent, received: NOTHING_RECEIVED, lastReceivedMs: 0 };
  }

  setUp(track: number, uri: string, { kind, wanted }: ChosenTransport): HeaderField[] {
    if (kind !== 'tcp' || wanted.isSecure) {
      throw new PerchError('unsupported', 'recordings are sent within the connection only (RTP/AVP/TCP)');
    }
    if (track >= this.#trackCount) {
      throw new PerchError('notFound', `track ${track} of ${this.#trackCount}`);
    }
    if (this.#uris.has(track)) {
      throw new PerchError('badInput', `track ${track} is set up already`);
    }
    const interleaved = wanted.interleaved ?? ([2 * track, 2 * track + 1] as const);
    const [rtp, rtcp] = interleaved;
    if (rtp === rtcp || this.#channels.has(rtp) || this.#channels.has(rtcp)) {
      throw new PerchError('unsupported', `interleaved channels ${rtp}-${rtcp} are in use`);
    }
    this.#channels.add(rtp).add(rtcp);
    this.#uris.set(track, withoutCredentials(uri));
    const ssrc = this.#replay.setUp(track, interleaved);
    return setUpFields({ protocol: 'tcp', isSecure: false, isMulticast: false, interleaved, ssrc }, uri, undefined);
  }

  async play(request: RtspRequest): Promise<Response> {
    const isKeepAlive = this.#replay.isPlaying && !PLAY_FIELDS.some((name) => request.headers.get(name));
    if (isKeepAlive) {
      return { status: 200 };
    }
    const start = await this.#replay.play(request.headers, cseqOf(request) ?? 0);
    if (!start) {
      return INVALID_RANGE;
    }
    const info = start.tracks.map(
      ({ track, sequence, rtpTime }) => `url=${this.#uris.get(track)};seq=${sequence};rtptime=${rtpTime}`,
    );
    return {
      status: 200,
      headers: [...start.headers, ['RTP-Info', info.join(',')]],
      onSent: () => {
        this.#session.logStarted('is playing recordings of path');
        start.begin();
      },
    };
  }

  pause(): Response {
    this.#replay.pause();
    return { status: 200 };
  }

  /** Does nothing: reports of the client change nothing. */
  onFrame(): void {}

  close(): void {
    this.#replay.close();
  }
}

/** A PLAY without them is a keep-alive. */
const PLAY_FIELDS = ['Range', 'Scale', 'Rate-Control', 'Frames', 'Immediate'];
