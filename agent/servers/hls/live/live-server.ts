import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explainToViewer, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { subscriberOf } from '../../../base/network/ip-address.ts';
import { containerStream } from '../../../stream/container-stream.ts';
import type { AudioForms } from '../../../stream/contracts.ts';
import type { PeerKind, Reader, Stream, Viewer } from '../../../stream/stream.ts';
import { hlsRefusal } from '../muxing/muxable.ts';
import type { StreamLookup } from '../server/server.ts';
import { HLS_SESSION, type HlsSessionItem } from '../sessions/session-kinds.ts';
import type { Requester } from '../sessions/sessions.ts';
import { type ViewerFacts, ViewerLog } from '../sessions/viewer-log.ts';
import { LiveFragments } from './live-fragments.ts';
import { LiveViewer, type ViewerOutput } from './live-viewer.ts';
import type { MseError } from './mse-protocol.ts';
import { lacksPictures, type Selection, type SelectionRequest, selectTracks } from './selection.ts';

export interface LiveRequest extends SelectionRequest, Requester {
  readonly transport: 'mse' | 'mp4';
  /** The viewer wants Opus as FLAC. */
  readonly wantsFlac: boolean;
}

/** The viewer can play no track. */
class NothingPlayable extends PerchError {
  readonly labels: readonly string[];

  constructor(message: string, labels: readonly string[]) {
    super('unsupported', message);
    this.labels = labels;
  }
}

interface OpenStream {
  readonly origin: Stream;
  /** Its container stream, with the requested audio. */
  readonly stream: Stream;
  readonly selection: Selection;
}

interface Session extends Reader, Viewer {
  readonly kind: PeerKind;
  readonly request: LiveRequest;
  readonly createdMs: number;
  readonly viewer: LiveViewer;
  end(code: MseError['code'], reason: string): void;
}

const MAX_VIEWERS = 500;
/** Limit of viewers per address: enough for a household, or a proxy that hides its clients. */
const MAX_PER_ADDRESS = 250;
const RETRY_AFTER_S = 5;

/** Live fMP4 of all paths: shared fragments per stream, and their viewers. */
export class LiveServer {
  readonly #paths: StreamLookup;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #viewers: ViewerLog;
  readonly #audioForms: AudioForms | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #fragments = new WeakMap<Stream, Map<string, LiveFragments>>();
  #isClosed = false;

  /** @param audioForms undefined if Opus is not converted */
  constructor(paths: StreamLookup, clock: Clock, log: Logger, audioForms?: AudioForms) {
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    this.#viewers = new ViewerLog(log, clock);
    this.#audioForms = audioForms;
  }

  /**
   * The stream of a path and the tracks for this viewer.
   * @throws PerchError of the path, exhausted, and NothingPlayable
   */
  async open(request: LiveRequest): Promise<OpenStream> {
    this.#checkRoom(request.ip);
    const origin = await this.#paths.open(request.path, request.query);
    if (this.#isClosed) {
      throw new PerchError('unavailable', 'the server is shutting down');
    }
    const form = request.wantsFlac && this.#audioForms ? await this.#audioForms.open(origin, 'flac') : origin;
    const selection = selectTracks(form, request);
    const lacksVideo = lacksPictures(form, selection, request.codecs);
    if (lacksVideo || selection.tracks.length === 0) {
      throw refusal(request.path, form, selection.leftOut, lacksVideo);
    }
    return { origin, stream: containerStream(form), selection };
  }

  /** Starts writing to the output. Called right after `open`. @returns call when the viewer has left */
  watch(request: LiveRequest, { origin, stream, selection }: OpenStream, output: ViewerOutput): () => void {
    this.#checkRoom(request.ip);
    const session = this.#sessionOf(request, origin, this.#fragmentsOf(stream, selection.tracks), output);
    this.#sessions.set(session.id, session);
    // A reader of the path keeps an on-demand source running. Its fragments are shared.
    origin.addReader(session, false);
    if (this.#sessions.has(session.id)) {
      this.#viewers.opened(factsOf(session));
      origin.recipients.begin(session, request.query);
      session.viewer.start();
    }
    return () => this.#forget(session, origin, 'closed by the viewer');
  }

  list(): HlsSessionItem[] {
    return [...this.#sessions.values()].map(({ id, request, createdMs, viewer }) => ({
      id,
      created: new Date(createdMs).toISOString(),
      remoteAddr: request.remoteAddr,
      path: request.path,
      query: request.query,
      user: request.user,
      userAgent: request.userAgent,
      isCDN: false,
      outboundBytes: viewer.sentBytes,
      outboundFramesDiscarded: viewer.discarded,
      transport: request.transport,
    }));
  }

  /** @returns whether the viewer existed */
  kick(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.end('kicked', 'ended through the API');
    return session !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#sessions.values()]) {
      session.end('ended', 'the server is shutting down');
    }
    this.#viewers.close();
  }

  #sessionOf(request: LiveRequest, origin: Stream, fragments: LiveFragments, output: ViewerOutput): Session {
    const end = (code: MseError['code'], reason: string): void => {
      if (this.#forget(session, origin, reason)) {
        output.end(code, reason);
      }
    };
    const onEnd = (code: MseError['code'], cause: unknown): void => {
      if (cause !== undefined) {
        this.#log.error({ ...factsOf(session), err: cause }, 'live fMP4 failed');
      }
      end(code, reasonOf(code, request.path));
    };
    const { monoMs } = this.#clock;
    const session: Session = {
      kind: HLS_SESSION,
      id: request.id ?? randomUUID(),
      countsHolds: true,
      watcher: request,
      request,
      createdMs: this.#clock.wallMs(),
      viewer: new LiveViewer(output, fragments, monoMs, (bytes) => origin.countSent(bytes), onEnd),
      end,
      onSample: () => {},
      onTrack: () => {},
      onEnd: (cause) => onEnd('ended', cause),
    };
    return session;
  }

  /** @returns false if already removed */
  #forget(session: Session, origin: Stream, reason: string): boolean {
    const isNew = this.#sessions.delete(session.id);
    if (isNew) {
      origin.recipients.end(session);
      origin.removeReader(session);
      session.viewer.close();
      this.#viewers.ended(factsOf(session), reason, session.viewer.sentBytes);
    }
    return isNew;
  }

  #fragmentsOf(stream: Stream, tracks: readonly number[]): LiveFragments {
    const ofStream = this.#fragments.get(stream) ?? new Map<string, LiveFragments>();
    this.#fragments.set(stream, ofStream);
    const key = tracks.join();
    const known = ofStream.get(key);
    if (known) {
      return known;
    }
    const made = new LiveFragments(stream, tracks, this.#clock, () => {
      if (ofStream.get(key) === made) {
        ofStream.delete(key);
      }
    });
    ofStream.set(key, made);
    return made;
  }

  #checkRoom(ip: string): void {
    const address = subscriberOf(ip);
    let ofOne = 0;
    for (const { request } of this.#sessions.values()) {
      ofOne += subscriberOf(request.ip) === address ? 1 : 0;
    }
    if (this.#sessions.size >= MAX_VIEWERS || ofOne >= MAX_PER_ADDRESS) {
      const message = `too many viewers of live fMP4: ${ofOne} from ${address} (limit ${MAX_PER_ADDRESS}), ${this.#sessions.size} in all (limit ${MAX_VIEWERS})`;
      throw new PerchError('exhausted', message, { retryAfterS: RETRY_AFTER_S });
    }
  }
}

/** The error as the viewer receives it. */
export function describeFailure(error: unknown): {
  code: MseError['code'];
  reason: string;
  labels?: readonly string[];
} {
  if (error instanceof NothingPlayable) {
    return { code: 'codecs', reason: error.message, labels: error.labels };
  }
  return error instanceof PerchError
    ? { code: error.code, reason: explainToViewer(error) }
    : { code: 'unavailable', reason: 'internal error' };
}

function refusal(path: string, stream: Stream, leftOut: Selection['leftOut'], isForVideo: boolean): PerchError {
  const missing = leftOut.filter(({ kind }) => !isForVideo || kind === 'video');
  const labels = missing.map(({ label }) => label);
  const isBrowsers = missing.some(({ reason }) => reason === 'browser');
  if (!isBrowsers && !isForVideo) {
    return new NothingPlayable(hlsRefusal(path, stream), labels);
  }
  const who = isBrowsers ? 'this browser cannot' : 'no browser can';
  return new NothingPlayable(`${who} decode ${labels.join(' or ')}, which the stream on path '${path}' has`, labels);
}

function reasonOf(code: MseError['code'], path: string): string {
  return code === 'tooSlow'
    ? `the connection is too slow for the stream on path '${path}'`
    : `the stream on path '${path}' has ended`;
}

const factsOf = ({ id, request: { path, remoteAddr, user, transport } }: Session): ViewerFacts => ({
  path,
  session: id,
  remote: remoteAddr,
  user,
  protocol: transport,
});
