import type { FastifyRequest } from 'fastify';
import type { TObject } from 'typebox';
import type { Clock } from '../base/clock.ts';
import type { Endpoint } from '../base/ip-address.ts';
import type { Logger } from '../base/log.ts';
import type { NewcomerMemory } from '../base/newcomer-memory.ts';
import type { EndCause } from '../base/reconciler.ts';
import type { OwnKeys } from '../config/file/key-pair.ts';
import type { Config } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { ServerKeys } from '../config/schema/server-keys.ts';
import type { SourceKeys } from '../config/schema/source-keys.ts';
import type { AudioForms, OpusSound, Paths, Source } from '../stream/contracts.ts';
import type { PeerKind, Stream } from '../stream/stream.ts';

/** A protocol that Perch pulls media with. */
export interface SourceProtocol {
  /** As MediaMTX's API names it: `rtspSource`. */
  readonly apiType: string;
  readonly keys: SourceKeys;
  create(request: SourceRequest): Source;
}

export interface SourceRequest {
  /** Of the path. */
  readonly name: string;
  readonly settings: PathSettings;
  readonly config: Config;
  /** Shared by everything that logs in to the same camera. */
  readonly loginWatch?: LoginWatch | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** When the login of a camera may be sent: an account that a wrong password locks is one for all its services. */
export interface LoginWatch {
  /** Time spent waiting for turns, in milliseconds, the current wait included: that is no delay of the camera's. */
  readonly heldMs: number;
  /** Resolves when the login may be sent: one that is not known to be good goes first, alone. @throws PerchError with `waitMs` */
  turn(signal: AbortSignal): Promise<LoginTurn>;
  /** A login that had worked on a connection is rejected there. */
  refused(kind: string): void;
  /** Kinds of answers that were rejected on other connections. */
  refusedKinds(): ReadonlySet<string>;
  /** It was rejected so often that no connection sends it, those that had been accepted included. */
  isWrong(): boolean;
  /** The stream plays, or has ended. */
  plays(isPlaying: boolean): void;
}

/** A login that may be sent; its result is reported once. */
export interface LoginTurn {
  accepted(): void;
  refused(kind: string): void;
  /** The answer says nothing about the login. */
  end(): void;
  /** No answer will come. */
  lost(): void;
}

/** One kind of connection or session, as the API lists it. */
export interface SessionKind extends PeerKind {
  /** Of the control API: `rtspsessions`, for list, get and kick. */
  readonly collection: string;
  /** What the field that names one is called; the UUID `id` unless said otherwise. */
  readonly key?: 'path';
  /** In errors: `session not found`. */
  readonly noun: 'session' | 'connection' | 'muxer';
  /** For the OpenAPI document: `RTSP session`, `RTSP sessions`. */
  readonly labels: { readonly one: string; readonly all: string };
  readonly itemSchema: TObject;
  readonly metrics: MetricGroup;
  /** It publishes from pages, too: what a person publishes ends with the login. Other publishers are programs. */
  readonly isUsedByPages?: boolean;
  /** For ZLMediaKit's calls and hooks; absent: they do not list it. */
  readonly zlm?: ZlmSessionKind;
}

export interface ZlmSessionKind {
  /** `RtspSession` */
  readonly typeid: string;
  /** Of media lists: whose readers it counts to. WebRTC's count to `rtsp`. */
  readonly schema: 'rtsp' | 'hls';
  /** Of flow reports. */
  readonly flowSchema: string;
  /** Media goes over UDP whatever the item says. */
  readonly isUdp?: boolean;
  /** Of what such a session publishes: `[2, 'rtsp_push']`; absent: it does not publish. */
  readonly origin?: readonly [type: number, name: string];
  /** The port that clients come to; 0: none. */
  localPort(config: Config): number;
}

/** `[suffix, field of the item, help]`. A suffix that ends in `_jitter` is a gauge, any other a counter. */
export type MetricRow = readonly [suffix: string, field: string, help: string];

/** What `/metrics` says of one kind, one line for each item. */
export interface MetricGroup {
  /** MediaMTX's name: `rtsp_sessions`. Without its `s` it is the name of the filter. */
  readonly name: string;
  /** Of the section: `RTSP sessions`. */
  readonly title: string;
  readonly what: string;
  /** Sorted by name; the filter compares the first. A label of another name than its field is a pair. */
  readonly labels: readonly MetricLabel[];
  readonly rows: readonly MetricRow[];
  /** The same values under older names. */
  readonly deprecatedRows?: readonly MetricRow[];
}

type MetricLabel = string | readonly [label: string, field: string];

/** A connection, session or muxer: what every kind may say, and fields of its own for the API and the metrics. */
export interface SessionItem {
  /** A UUID; absent: its path names it. */
  readonly id?: string;
  /** RFC 3339. */
  readonly created: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr?: string;
  readonly path?: string;
  /** Without `?`. */
  readonly query?: string;
  readonly user?: string;
  /** Absent: it reads. */
  readonly state?: string;
  readonly transport?: string | null;
  readonly inboundBytes?: number;
  readonly outboundBytes?: number;
}

export interface SessionTable {
  list(): readonly SessionItem[];
  /** Ends one; false when there is none of this id. Absent: they end by themselves. */
  kick?(id: string): boolean;
}

/** The tables of all servers, by the kind of what they list. */
export interface SessionTables {
  /** In the order of the servers. */
  readonly kinds: readonly SessionKind[];
  /** In the order of the OpenAPI document: those of the last server first. */
  readonly documented: readonly SessionKind[];
  /** Undefined while the server, or the port of this kind, is switched off. */
  table(kind: SessionKind): SessionTable | undefined;
}

/** A server that clients connect to. */
export interface ServerProtocol<Options = unknown, Running extends RunningServer = RunningServer> {
  /** `rtsp` */
  readonly name: string;
  /** For the log: `RTSP server`. */
  readonly label: string;
  readonly keys: ServerKeys;
  readonly kinds: readonly SessionKind[];
  /** Plain data; undefined: it is switched off. */
  options(config: Config): Options | undefined;
  start(options: Options, deps: ServerDeps): Promise<Running>;
  /** Ports that are opened, and tried again, apart from the others: one that is taken leaves the server running. */
  readonly extraPorts?: { readonly label: string; isWanted(options: Options): boolean };
  /** It answers on the HTTP listeners: they open after it. */
  readonly hasRoutes?: boolean;
}

export interface RunningServer {
  /** Undefined: the port of this kind is closed. */
  table(kind: SessionKind): SessionTable | undefined;
  /** Takes other options without a restart; false or absent: it has to restart. */
  reload?(next: unknown): boolean | Promise<boolean>;
  openExtraPorts?(): Promise<void>;
  /** A path has a new stream. */
  streamOpened?(path: string, stream: Stream): void;
  /** The paths follow another configuration. */
  pathsChanged?(config: Config): void;
  /** Perch stops: responses that last are ended before the HTTP ports close. */
  drain?(): void;
  stop(cause: EndCause): Promise<void>;
}

export interface ServerDeps {
  /** What the names of keys and certificates are relative to. */
  readonly cwd: string;
  /** The certificate that the device makes itself. */
  readonly own: OwnKeys;
  readonly paths: Paths;
  readonly access: SessionAccess;
  readonly connections: ConnectionHooks;
  readonly newcomers: NewcomerMemory;
  readonly audio: AudioForms & { readonly opus: OpusSound };
  readonly clock: Clock;
  readonly log: Logger;
  /** As it is now. */
  config(): Config;
}

export interface SessionCredentials {
  readonly user: string;
  /** As it was sent in the clear. */
  readonly password?: string;
  /** Whether an answer to a challenge (HTTP Digest) was made with this password. */
  readonly proves?: (password: string) => boolean;
}

/** A client of a protocol other than HTTP that wants to read or publish. */
export interface SessionRequester {
  /** As the permissions and the authentication server name it: `rtsp`. */
  readonly protocol: string;
  /** Without port. */
  readonly ip: string;
  /** Both ends; undefined: it came through a tunnel. */
  readonly connection: { readonly client: Endpoint; readonly server: Endpoint } | undefined;
  /** Of the URL, without `?`. */
  readonly query: string;
  /** Of the connection: a UUID. */
  readonly id: string;
  readonly userAgent: string;
  readonly credentials: SessionCredentials | undefined;
}

/** Who may read and publish, for protocols other than HTTP. */
export interface SessionAccess {
  /** @returns the name that the session goes by, `refused` when wrong credentials were given, `challenge` when some may help */
  authorize(
    action: 'read' | 'publish',
    path: string,
    requester: SessionRequester,
  ): Promise<'refused' | 'challenge' | { readonly user: string }>;
  /** Whether a client at this address is offered Digest where Basic is on too. */
  offersDigest(action: 'read' | 'publish', path: string, ip: string): boolean;
}

/** `runOnConnect` and `runOnDisconnect`. */
export interface ConnectionHooks {
  /** A client has connected. @returns to be called when it has gone */
  opened(kind: PeerKind, id: string): () => void;
}

/** Who may read and publish over HTTP. */
export interface HttpAccess {
  /** @throws PerchError unauthorized */
  require(request: FastifyRequest, action: 'read' | 'publish', path: string): Promise<void>;
  identify(request: FastifyRequest): {
    readonly ip: string;
    readonly user?: string;
    readonly sessionUser?: string;
    /** What the session that it opens is to be called. */
    readonly request?: { readonly id: string | null };
  };
  /** The address alone, canonical. */
  ip(request: FastifyRequest): string;
  /** The browser speaks TLS, to Perch or to a proxy. */
  isSecure(request: FastifyRequest): boolean;
}
