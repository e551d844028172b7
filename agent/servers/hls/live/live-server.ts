import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explainToViewer, PerchError } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import { containerStream } from '../../../stream/container-stream.ts';
import type { AudioForms } from '../../../stream/contracts.ts';
import type { PeerKind, Reader, Stream } from '../../../stream/stream.ts';
import { hlsRefusal } from '../muxing/muxable.ts';
import type { StreamLookup } from '../server/server.ts';
import { HLS_SESSION } from '../sessions/session-kinds.ts';
import { type ViewerFacts, ViewerLog } from '../sessions/viewer-log.ts';
import { LiveFragments } from './live-fragments.ts';
import { LiveViewer, type Outlet } from './live-viewer.ts';
import type { MseError } from './mse-protocol.ts';
import { lacksPictures, type Selection, type SelectionWishes, selectTracks } from './selection.ts';

/** A viewer and its stream. */
export interface LiveRequest extends SelectionWishes {
  /** What the session is to be called: a UUID. */
  readonly id?: string | undefined;
  readonly path: string;
  /** Of the address, without `?`. */
  readonly query: string;
  readonly ip: string;
  /** `address:port` */
  readonly remoteAddr: string;
  readonly user: string;
  readonly userAgent: string;
  readonly transport: 'mse' | 'mp4';
  /** Opus is wanted as FLAC. */
  readonly wantsFlac: boolean;
}

/** A viewer as the API shows it: MediaMTX's fields of an HLS session, and some of ours. */
export interface LiveSessionItem {
  readonly id: string;
  /** RFC 3339. */
  readonly created: string;
  readonly remoteAddr: string;
  readonly path: string;
  readonly query: string;
  readonly user: string;
  readonly userAgent: string;
  readonly isCDN: false;
  readonly outboundBytes: number;
  readonly outboundFramesDiscarded: number;
  readonly transport: 'mse' | 'mp4';
}

/** Nothing of it can be played: which tracks there are. */
class NothingPlayable extends PerchError {
  readonly labels: readonly string[];

  constructor(message: string, labels: readonly string[]) {
    super('unsupported', message);
    this.labels = labels;
  }
}

/** A stream with its viewers' selection. */
interface Opened {
  readonly origin: Stream;
  /** Its container stream, with the sound that the viewer wants. */
  readonly stream: Stream;
  readonly selection: Selection;
}

interface Session extends Reader {
  readonly kind: PeerKind;
  readonly request: LiveRequest;
  readonly createdMs: number;
  readonly viewer: LiveViewer;
  end(code: MseError['code'], reason: string): void;
}

const MAX_VIEWERS = 500;
/** A household behind one address, or a proxy that does not say for whom it asks. */
const MAX_PER_ADDRESS = 250;
const RETRY_AFTER_S = 5;

/** Live fMP4 of all paths: shared output by stream, and its viewers. */
export class LiveServer {
  readonly #paths: StreamLookup;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #viewers: ViewerLog;
  readonly #audioForms: AudioForms | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #fragments = new WeakMap<Stream, Map<string, LiveFragments>>();
  #isClosed = false;

  /** @param audioForms without them Opus stays what it is */
  constructor(paths: StreamLookup, clock: Clock, log: Logger, audioForms?: AudioForms) {
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    this.#viewers = new ViewerLog(log, clock);
    this.#audioForms = audioForms;
  }

  /**
   * The stream of a path, and what this viewer gets of it.
   * @throws PerchError as the path does, exhausted, and NothingPlayable
   */
  async open(request: LiveRequest): Promise<Opened> {
    this.#checkRoom(request.ip);
    const origin = await this.#paths.open(request.path, request.query);
    if (this.#isClosed) {
      throw new PerchError('unavailable', 'the server is shutting down');
    }
    const form = request.wantsFlac && this.#audioForms ? await this.#audioForms.open(origin, 'flac') : origin;
    const selection = selectTracks(form, request);
    if (lacksPictures(form, selection, request.codecs)) {
      throw pictureRefusal(request.path, selection);
    }
    if (selection.tracks.length === 0) {
      throw refusal(request.path, form, selection);
    }
    return { origin, stream: containerStream(form), selection };
  }

  /**
   * From here on the outlet is written to; to be called right behind `open`.
   * @returns to be called when the viewer has gone
   */
  watch(request: LiveRequest, { origin, stream, selection }: Opened, outlet: Outlet): () => void {
    this.#checkRoom(request.ip);
    const session = this.#sessionOf(request, origin, this.#fragmentsOf(stream, selection.tracks), outlet);
    this.#sessions.set(session.id, session);
    // As one of the path's readers it keeps a source on demand going; what it is sent is made for all.
    origin.addReader(session, false);
    if (this.#sessions.has(session.id)) {
      this.#viewers.opened(factsOf(session));
      origin.beginRecipient(session, request.query);
      session.viewer.start();
    }
    return () => this.#forget(session, origin, 'closed by the viewer');
  }

  list(): LiveSessionItem[] {
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

  /** Ends a viewer; false when there is none of this id. */
  kick(id: string): boolean {
    const session = this.#sessions.get(id);
    session?.end('kicked', 'ended by the API');
    return session !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#sessions.values()]) {
      session.end('ended', 'the server is shutting down');
    }
    this.#viewers.close();
  }

  #sessionOf(request: LiveRequest, origin: Stream, fragments: LiveFragments, outlet: Outlet): Session {
    const end = (code: MseError['code'], reason: string): void => {
      if (this.#forget(session, origin, reason)) {
        outlet.end(code, reason);
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
      request,
      createdMs: this.#clock.wallMs(),
      viewer: new LiveViewer(outlet, fragments, monoMs, (bytes) => origin.countSent(bytes), onEnd),
      end,
      onSample: () => {},
      onTrack: () => {},
      onEnd: (cause) => onEnd('ended', cause),
    };
    return session;
  }

  /** @returns false when it was forgotten before */
  #forget(session: Session, origin: Stream, reason: string): boolean {
    const isNew = this.#sessions.delete(session.id);
    if (isNew) {
      origin.endRecipient(session);
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

/** What an error says to the viewer. */
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

function pictureRefusal(path: string, { leftOut }: Selection): PerchError {
  const pictures = leftOut.filter(({ kind }) => kind === 'video');
  const labels = pictures.map(({ label }) => label);
  const who = pictures.some(({ reason }) => reason === 'browser') ? 'this browser cannot' : 'no browser can';
  const message = `${who} decode ${labels.join(' or ')}, which the stream on path '${path}' has`;
  return new NothingPlayable(message, labels);
}

function refusal(path: string, stream: Stream, { leftOut }: Selection): PerchError {
  const labels = leftOut.map(({ label }) => label);
  const isBrowsers = leftOut.some(({ reason }) => reason === 'browser');
  const message = isBrowsers
    ? `this browser cannot decode ${labels.join(' or ')}, which the stream on path '${path}' has`
    : hlsRefusal(path, stream);
  return new NothingPlayable(message, labels);
}

function reasonOf(code: MseError['code'], path: string): string {
  return code === 'tooSlow'
    ? `the connection is too slow for the stream on path '${path}'`
    : `the stream on path '${path}' has ended`;
}

const factsOf = ({ id, request: { path, remoteAddr, user, transport } }: Session): ViewerFacts => ({
  ...{ path, session: id, remote: remoteAddr, user, protocol: transport },
});
