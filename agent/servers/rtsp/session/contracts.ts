import type { Endpoint } from '../../../base/ip-address.ts';
import type { StreamSink } from '../../../stream/ingest/stream-sink.ts';
import type { Stream } from '../../../stream/stream.ts';

/** Who sends media to a path, as the path sees it. */
export interface Publisher {
  /** As MediaMTX's API names it. */
  readonly type: 'rtspSession' | 'rtspsSession';
  readonly id: string;
  /** Of its URL, without `?`. */
  readonly query: string;
  /** Another publisher has taken the path, or the path is gone: ends the session. */
  onReplaced(reason: string): void;
}

/** A path that is being published to. */
export interface Publication extends StreamSink {
  /** The publisher has gone: the stream ends. */
  close(): void;
}

/** The paths, as far as the server needs them. */
export interface RtspPaths {
  /**
   * Where readers of the path are sent instead (RTSP 302): an RTSP URL, or `/name` on this server; undefined: nowhere.
   * @throws PerchError badInput when the path is not configured
   */
  redirectOf(name: string): string | undefined;
  /**
   * The stream of a path; a source on demand is started and waited for.
   * @param query of the reader's URL, without `?`: it may say something about the source
   * @throws PerchError notFound while there is none, badInput when the path is not configured, timeout when the source on demand
   * does not come, exhausted when there are as many readers as are allowed
   */
  open(name: string, query?: string): Promise<Stream>;
  /** @throws PerchError badInput when the path is not configured */
  mayPublish(name: string): void;
  /** @throws PerchError badInput when the path does not wait for a publisher, or has one that may not be replaced */
  publish(name: string, publisher: Publisher): Publication;
}

export interface RtspCredentials {
  readonly user: string;
  /** As it was sent with Basic. */
  readonly password?: string;
  /** Whether a Digest answer was made with this password. */
  readonly proves?: (password: string) => boolean;
}

export interface RtspRequester {
  /** Without port. */
  readonly ip: string;
  /** Both ends; undefined: it has come through a tunnel. */
  readonly connection: { readonly client: Endpoint; readonly server: Endpoint } | undefined;
  /** Of the URL, without `?`. */
  readonly query: string;
  /** Of the connection: a UUID. */
  readonly id: string;
  readonly userAgent: string;
  readonly credentials: RtspCredentials | undefined;
}

/** Who may read and publish. */
export interface RtspAccess {
  /** @returns the name that the session goes by, `refused` when wrong credentials were given, `challenge` when some may help */
  authorize(
    action: 'read' | 'publish',
    path: string,
    requester: RtspRequester,
  ): Promise<'refused' | 'challenge' | { readonly user: string }>;
  /** Whether a client at this address is offered Digest where Basic is on too. */
  offersDigest(action: 'read' | 'publish', path: string, ip: string): boolean;
}

/** Told of clients that connect. */
export interface ConnectionWatch {
  /** @returns to be called when the client has gone */
  opened(type: 'rtspConn' | 'rtspsConn', id: string): () => void;
}
