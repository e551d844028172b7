import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TObject } from 'typebox';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Endpoint } from '../base/network/ip-address.ts';
import type { PreLoginMemory } from '../base/network/pre-login-memory.ts';
import type { EndCause } from '../base/reconciler.ts';
import type { OwnKeys } from '../config/file/key-pair.ts';
import type { Config } from '../config/load/load.ts';
import type { SourceKeys } from '../config/schema/common/key-rules.ts';
import type { ServerKeys } from '../config/schema/common/server-keys.ts';
import type { Destination, ForwardKeys } from '../config/schema/forward.ts';
import type { HttpServerName } from '../config/schema/global.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { AudioForms, OpusSound, Paths, Source } from '../stream/contracts.ts';
import type { PeerKind, Stream } from '../stream/stream.ts';

export interface SourceProtocol {
  /** MediaMTX's name: `rtspSource`. */
  readonly apiType: string;
  readonly keys: SourceKeys;
  create(request: SourceRequest): Source;
  /** Server, URI and credentials of a URL's login; absent: the protocol has no login. @param name of the path @throws PerchError badInput */
  readonly loginTarget?: (url: string, name: string) => LoginTarget;
}

export interface LoginTarget {
  readonly host: string;
  /** `camera:554` */
  readonly hostPort: string;
  /** URI without credentials. */
  readonly uri: string;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  /** Only the login in the URL is sent, never the one in the path's `camera` block. */
  readonly isOfUrl?: boolean;
}

export interface SourceRequest {
  /** Name of the path. */
  readonly name: string;
  readonly settings: PathSettings;
  readonly config: Config;
  /** Shared by all logins to the same camera. */
  readonly loginWatch?: LoginWatch | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** When the login of a camera may be sent: a wrong password locks the account for all services of the camera. */
export interface LoginWatch {
  /** Milliseconds spent waiting in `turn`, including the current wait. They do not count as delay of the camera. */
  readonly heldMs: number;
  /**
   * Resolves when the login may be sent. An unproven login is sent by one connection at a time.
   * @param reach rejects unless the device accepts a connection now; absent: it has accepted the one that asks
   * @throws PerchError with `waitMs`, or that of `reach`
   */
  turn(signal: AbortSignal, reach?: Reach): Promise<LoginTurn>;
  /** A login that was accepted before is rejected on this connection. */
  refused(scheme: string): void;
  /** Schemes rejected on other connections: `basic`, `md5`, … */
  refusedSchemes(): ReadonlySet<string>;
  /** Whether the login was rejected so often that no connection sends it any more. */
  isWrong(): boolean;
  plays(isPlaying: boolean): void;
}

export type Reach = (signal: AbortSignal) => Promise<void>;

/** A permission to send the login; its result is reported once. */
export interface LoginTurn {
  accepted(): void;
  refused(scheme: string): void;
  /** The response says nothing about the login. */
  end(): void;
  /** No response will arrive. */
  lost(): void;
}

export interface ForwarderProtocol {
  readonly keys: ForwardKeys;
  create(request: ForwardRequest): Forwarder;
}

export interface ForwardRequest {
  /** Name of the path. */
  readonly name: string;
  /** Variables in its URL are already replaced. */
  readonly destination: Destination;
  readonly config: Config;
  readonly sound: OpusSound;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Publishes streams of a path to one destination. */
export interface Forwarder {
  /** Bytes of media sent so far. */
  readonly outboundBytes: number;
  /**
   * Makes one connection; resolves or rejects when it ends, soon after `signal` aborts. A destination that is too slow loses samples up to
   * the next key sample: the stream never waits.
   * @param onForwarding called once the destination takes the media
   * @param onWaiting called while another server publishes there: an end after that, without media, is no failure
   */
  run(stream: Stream, onForwarding: () => void, signal: AbortSignal, onWaiting?: () => void): Promise<void>;
}

/** A kind of connection or session in the API. */
export interface SessionKind extends PeerKind {
  /** Name in the control API's routes for list, get and kick: `rtspsessions`. */
  readonly collection: string;
  /** The field that identifies an item; default: `id`, a UUID. */
  readonly key?: 'path';
  /** Noun in errors: `session not found`. */
  readonly noun: 'session' | 'connection' | 'muxer';
  /** Labels in the OpenAPI document. */
  readonly labels: { readonly one: string; readonly all: string };
  readonly itemSchema: TObject;
  readonly metrics: MetricGroup;
  /** Pages publish with this kind, so its publishing sessions end with the person's login. Those of other kinds belong to programs. */
  readonly isUsedByPages?: boolean;
  /** The kind in ZLMediaKit's API and hooks; absent: not listed. */
  readonly zlm?: ZlmSessionKind;
}

export interface ZlmSessionKind {
  /** `RtspSession` */
  readonly typeid: string;
  /** Schema whose items in media lists count this kind's readers; `rtsp` for WebRTC. */
  readonly schema: string;
  /** Schema in media lists: `schema`, or a variant such as `hls.fmp4`, or undefined if the server is off. */
  listedSchema(config: Config): string | undefined;
  /** Schema in hooks about this kind's clients. */
  readonly flowSchema: string;
  /** Media uses UDP whatever the item says. */
  readonly isUdp?: boolean;
  /** Each request has its own id, so hooks are called once per IP address instead of once per id. */
  readonly isAskedByAddress?: boolean;
  /** `[2, 'rtsp_push']`; absent: it does not publish. */
  readonly origin?: readonly [type: number, name: string];
  /** Port of the server for this kind; 0: none. */
  localPort(config: Config): number;
}

/** `[suffix, field of the item, help, kind]`; default: a suffix ending in `_jitter` is a gauge, any other a counter. */
export type MetricRow = readonly [suffix: string, field: string, help: string, kind?: 'counter' | 'gauge'];

/** `/metrics` of one kind, one line per item. */
export interface MetricGroup {
  /** MediaMTX's name: `rtsp_sessions`. Without the final `s` it is the filter. */
  readonly name: string;
  /** Heading: `RTSP sessions`. */
  readonly title: string;
  readonly what: string;
  /** Sorted by name; the filter compares the first one. A label whose name differs from its field is a pair. */
  readonly labels: readonly MetricLabel[];
  readonly rows: readonly MetricRow[];
  /** Older names of the same values. */
  readonly deprecatedRows?: readonly MetricRow[];
}

type MetricLabel = string | readonly [label: string, field: string];

/** A connection, session or muxer: common fields. Kinds add their own for API and metrics. */
export interface SessionItem {
  /** A UUID; absent: identified by its path. */
  readonly id?: string;
  /** RFC 3339. */
  readonly created: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr?: string;
  readonly path?: string;
  /** Query without `?`. */
  readonly query?: string;
  readonly user?: string;
  /** `read`, `publish` or another state of the kind; absent: the session reads. */
  readonly state?: string;
  /** It plays recordings, whatever its state. Not in the API. */
  readonly action?: 'playback';
  readonly transport?: string | null;
  readonly inboundBytes?: number;
  readonly outboundBytes?: number;
}

export interface SessionTable {
  list(): readonly SessionItem[];
  /** Ends one. @returns whether it existed. Absent: items cannot be ended */
  kick?(id: string): boolean;
}

export interface SessionTables {
  readonly kinds: readonly SessionKind[];
  /** Kinds in the order of the OpenAPI document: the last server first. */
  readonly documented: readonly SessionKind[];
  /** Undefined while the server, or this kind's port, is off. */
  table(kind: SessionKind): SessionTable | undefined;
}

export interface ServerProtocol<Options = unknown, Running extends RunningServer = RunningServer> {
  /** `rtsp` */
  readonly name: string;
  /** Name in the log: `RTSP server`. */
  readonly label: string;
  readonly keys: ServerKeys;
  readonly kinds: readonly SessionKind[];
  /** The server's settings as plain data, or undefined if the server is switched off. */
  options(config: Config): Options | undefined;
  /** Absent: programs do not publish by an address alone. */
  readonly publishing?: PublishingAddresses;
  start(options: Options, deps: ServerDeps): Promise<Running>;
  /** Ports that are opened and retried separately: if one is taken, the server still runs. */
  readonly extraPorts?: { readonly label: string; isWanted(options: Options): boolean };
  /** HTTP routes: the listeners open after the server. */
  readonly routes?: ServerRoutes<Running>;
}

/** Where programs publish, for people who set them up. */
interface PublishingAddresses {
  /** Key that switches the server on: `rtmp`. */
  readonly key: 'rtsp' | 'rtmp' | 'srt' | 'webrtc';
  /** URLs to publish to, one for each port of the server. HOST, PATH, USER and PASSWORD stand for the actual values. */
  urls(config: Config): readonly string[];
}

export interface ServerRoutes<Running extends RunningServer = RunningServer> {
  /** Method of requests that open sessions. */
  readonly openingMethod: 'GET' | 'POST';
  /** The protocol's own HTTP port. The main port serves the routes below `/` and the protocol's name. */
  readonly port?: { readonly name: HttpServerName; readonly label: string };
  /** @param prefix without a final slash */
  mount(app: FastifyInstance, prefix: string, deps: RouteDeps<Running>): Promise<void>;
}

/** What routes depend on. Routes stay mounted while their server restarts. */
export interface RouteDeps<Running extends RunningServer = RunningServer> {
  /** Undefined: not running. */
  running(): Running | undefined;
  readonly access: HttpAccess;
  readonly paths: {
    /** Undefined: no such path now. */
    find(path: string): { readonly ready: boolean } | undefined;
  };
  /** Recordings below the live address of their path. */
  readonly recorded: PathRoutes;
  /** Undefined: nothing answers them. */
  readonly zlm: ZlmApiCalls | undefined;
  /** Undefined: there are no others. */
  readonly replicas: Replicas | undefined;
  /** The built page. */
  readonly pageFolder: string;
  readonly clock: Clock;
  readonly log: Logger;
  config(): Config;
}

/** Routes below the URL of a path. Addresses are decoded, without prefix. */
export interface PathRoutes {
  takes(address: string): boolean;
  answer(address: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

/** The other servers of a fleet, any of which a request of a session may reach. */
export interface Replicas {
  /** Secret of a new session, which names this server; undefined: the others cannot reach it. */
  newSecret(path: string): string | undefined;
  /** Whether the server that a session of this one was inherited from may have it again. */
  mayAnswer(secret: string): boolean;
  /**
   * Has the server that holds the session answer the request.
   * @returns the secret if this server is to go on with the session of one that has ended; undefined: no such session is known
   * @throws PerchError exhausted, unavailable
   */
  answer(held: HeldElsewhere): Promise<'answered' | { readonly inherited: string } | undefined>;
}

/** A request without a body for a session that this server does not have. */
export interface HeldElsewhere {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly path: string;
  /** Of sessions that the request names. */
  readonly secrets: readonly string[];
  /** Path and query below the main port. */
  readonly target: string;
}

/** ZLMediaKit's calls other than signalling. */
export interface ZlmApiCalls {
  /** @param name in lower case @returns undefined if there is no such call */
  answer(
    name: string,
    call: { readonly parameters: ZlmParameters; readonly request: FastifyRequest },
  ): Promise<ZlmAnswer | undefined>;
  /**
   * Reports a player that requests a missing stream.
   * @param isKnown the path exists and its stream may start by itself
   * @returns whether the player should wait
   */
  streamNotFound(path: string, request: FastifyRequest, isKnown: boolean): Promise<boolean>;
}

/** Parameters of a call, from the query or the body. */
export interface ZlmParameters {
  /** Empty counts as missing. */
  get(name: string): string | undefined;
  /** Value from the query or the body, empty if it was sent without a value, or undefined if not sent. */
  sent(name: string): string | undefined;
  /** @throws PerchError badInput with `missing` in its context */
  require<Name extends string>(...names: readonly Name[]): Record<Name, string>;
}

export interface ZlmAnswer {
  /** JSON fields; `code` defaults to 0. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Set-Cookie values. */
  readonly cookies?: readonly string[];
  /** A JPEG, sent instead of JSON. */
  readonly picture?: Uint8Array;
}

export interface RunningServer {
  /** Undefined: the port of this kind is closed. */
  table(kind: SessionKind): SessionTable | undefined;
  /** Applies other options without a restart; false or absent: restart. */
  reload?(next: unknown): boolean | Promise<boolean>;
  openExtraPorts?(): Promise<void>;
  streamOpened?(path: string, stream: Stream): void;
  pathsChanged?(config: Config): void;
  /** Called when a page is opened, which may request live video soon. */
  prepare?(): void;
  /** Called before the HTTP ports close: ends open-ended responses. */
  drain?(): void;
  stop(cause: EndCause): Promise<void>;
}

export interface ServerDeps {
  /** Folder that relative names of key and certificate files start from. */
  readonly cwd: string;
  readonly own: OwnKeys;
  readonly paths: Paths;
  readonly access: SessionAccess;
  readonly connections: ConnectionHooks;
  readonly preLogin: PreLoginMemory;
  readonly audio: AudioForms & { readonly opus: OpusSound };
  readonly clock: Clock;
  readonly log: Logger;
  config(): Config;
  /** Absent or undefined: all URLs are those of streams. */
  replays?(): RtspReplays | undefined;
}

/** Recordings that clients of the RTSP server play instead of the stream of the path. */
export interface RtspReplays {
  /** Whether a URL with this query asks for recordings. Never throws. */
  takes(query: string): boolean;
  /** Tracks of the newest recording that RTP can carry. @throws PerchError */
  tracks(path: string): Promise<Stream['tracks']>;
  /** @param client its user, or its address: each has a share of the sessions @throws PerchError exhausted at the limit */
  open(path: string, tracks: Stream['tracks'], link: ReplayLink, client: string): Promise<Replay>;
}

/** The connection of a replay. */
export interface ReplayLink {
  /** Bytes written, but not yet sent. The replay waits while there are many. */
  readonly queuedBytes: number;
  /** @param frames interleaved, RFC 2326 §10.12; not changed afterwards */
  write(frames: Uint8Array): void;
}

/** A session that plays recordings within its connection. It is paused until `play`. */
export interface Replay {
  readonly isPlaying: boolean;
  readonly sent: { readonly bytes: number; readonly rtpPackets: number; readonly rtcpPackets: number };
  /** SETUP of a track for these interleaved channels. @returns the SSRC */
  setUp(track: number, channels: readonly [rtp: number, rtcp: number]): number;
  /**
   * PLAY, also while it plays.
   * @param cseq of the request; packets repeat its low byte
   * @returns undefined: nothing is recorded in the range @throws PerchError for invalid header fields
   */
  play(headers: { get(name: string): string | undefined }, cseq: number): Promise<ReplayStart | undefined>;
  pause(): void;
  close(): void;
}

export interface ReplayStart {
  /** Header fields of the response. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** For RTP-Info. */
  readonly tracks: readonly { readonly track: number; readonly sequence: number; readonly rtpTime: number }[];
  /** Sends; called after the response is written. */
  begin(): void;
}

export interface SessionCredentials {
  readonly user: string;
  /** Password that was sent in the clear. */
  readonly password?: string;
  /** Whether the HTTP Digest response was made with this password. */
  readonly proves?: (password: string) => boolean;
}

/** A client of a protocol other than HTTP. */
export interface SessionRequester {
  /** `rtsp`, for permissions and the authentication server. */
  readonly protocol: string;
  /** IP address without port. */
  readonly ip: string;
  /** Both ends of the connection, or undefined for a tunnel. */
  readonly connection: { readonly client: Endpoint; readonly server: Endpoint } | undefined;
  /** Query of the URL, without `?`. */
  readonly query: string;
  /** UUID of the session, as listed by the API; of the connection where it precedes a session. */
  readonly id: string;
  readonly userAgent: string;
  readonly credentials: SessionCredentials | undefined;
}

/** Authorization for protocols other than HTTP. */
export interface SessionAccess {
  /** @returns the user name of the session, `refused` for wrong credentials, `challenge` if credentials may help */
  authorize(
    action: 'read' | 'publish' | 'playback',
    path: string,
    requester: SessionRequester,
  ): Promise<'refused' | 'challenge' | { readonly user: string }>;
  /** Whether a client is offered Digest in addition to Basic. */
  offersDigest(
    action: 'read' | 'publish' | 'playback',
    path: string,
    client: Pick<SessionRequester, 'protocol' | 'ip'>,
  ): boolean;
  /**
   * Called before a handshake checks a secret other than the login, such as a passphrase. The secrets of one address are checked one at a time.
   * @throws PerchError exhausted: too many wrong ones
   * @returns a function to call for a wrong secret: it counts as a wrong login at once. The rejection is sent when the promise resolves
   */
  beginGuess(path: string, client: Pick<SessionRequester, 'protocol' | 'ip'>): () => Promise<void>;
  /** User name for a session that talks through the camera of a path, or undefined if not permitted. Absent: no RTSP client may talk. */
  talker?(path: string): string | undefined;
}

/** `runOnConnect` and `runOnDisconnect`. */
export interface ConnectionHooks {
  /** @returns call when the client has disconnected */
  opened(kind: PeerKind, id: string): () => void;
}

/** Authorization for HTTP. */
export interface HttpAccess {
  /** @throws PerchError unauthorized */
  require(request: FastifyRequest, action: 'read' | 'publish', path: string): Promise<void>;
  identify(request: FastifyRequest): {
    readonly ip: string;
    readonly user?: string;
    readonly sessionUser?: string;
    /** UUID for the session that the request opens. */
    readonly request?: { readonly id: string | null };
  };
  /** The viewer or guest whose page cookie the request carries, if any. */
  limitedPerson?(request: FastifyRequest): { may(action: string, path: string): boolean } | undefined;
  origin(request: FastifyRequest): { readonly isSameOrigin: boolean; readonly baseUrl: string };
  /** Canonical, without port. */
  ip(request: Pick<FastifyRequest, 'raw'>): string;
  /** The client uses TLS, to Perch or to a proxy. */
  isSecure(request: FastifyRequest): boolean;
}
