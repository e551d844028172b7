import type { Clock } from '../../../base/clock.ts';
import type { ApiEdits } from '../../../config/edit/api-edits.ts';
import type { Config } from '../../../config/load/load.ts';
import type { SessionTables, ZlmParameters } from '../../../protocols/contract.ts';
import { type CallAnswer, CODE, failure, isOn, msOf, waitMsOf } from './call.ts';
import { FfmpegSources } from './ffmpeg-sources.ts';
import { mediaItem, type OriginSocket, readersOf, type ShownPath } from './media-items.ts';
import { type PathEdits, type ProxyOptions, StreamProxies } from './proxies.ts';
import { type PusherOptions, StreamPushers } from './pushers.ts';
import { setSettings, shownSettings } from './server-settings.ts';
import { streamNameOf, VHOST } from './stream-name.ts';
import { type ZlmSessionItem, ZlmSessions } from './viewers.ts';

export interface PictureRequest {
  /** How long to wait for the camera. */
  readonly timeoutMs: number;
  /** Largest age of a kept picture; 0: take a new one. */
  readonly maxAgeMs: number;
}

interface ZlmCallsOptions {
  readonly paths: { list(): readonly ShownPath[]; find(path: string): ShownPath | undefined };
  /** The path of `app` and `stream`. */
  pathOf(app: string, stream: string): string;
  readonly sessions: SessionTables;
  /** The configuration in force. */
  config(): Config;
  /** ZLMediaKit's schemas in which streams are available now: `rtsp`, `hls`, `hls.fmp4`. */
  schemas(): readonly string[];
  readonly edits: PathEdits & Pick<ApiEdits, 'patchGlobal'>;
  pulled: ProxyOptions['pulled'];
  /** URL from which a path is pulled, without password, or undefined if it is not pulled. */
  urlOf(path: string): string | undefined;
  /** A JPEG of what the camera sees. @throws PerchError when there is none */
  picture(path: string, request: PictureRequest): Promise<Uint8Array>;
  statistics(): Promise<CallAnswer>;
  destinations: PusherOptions['destinations'];
  forwardsOf: PusherOptions['forwardsOf'];
  /** Secret that permits these calls. */
  secret(): string;
  readonly version: string;
  readonly clock: Clock;
}

/** Throws for a path that the caller may not watch. */
type MustRead = (path: string) => Promise<void>;
/** Without `mustRead` the caller has sent the secret. */
type Call = (parameters: ZlmParameters, mustRead?: MustRead) => CallAnswer | Promise<CallAnswer>;

const STREAM = ['schema', 'vhost', 'app', 'stream'] as const;
const RECORD = ['type', 'vhost', 'app', 'stream'] as const;
const MP4 = '1';
/** Calls that change nothing, whatever the method. */
const READING = new Set(
  [
    'getMediaList',
    'isMediaOnline',
    'getMediaInfo',
    'getMediaPlayerList',
    'getAllSession',
    'listStreamProxy',
    'getProxyInfo',
    'listStreamPusherProxy',
    'getProxyPusherInfo',
    'listFFmpegSource',
    'isRecording',
    'getSnap',
    'getServerConfig',
    'getStatistic',
    'version',
    'getApiList',
  ].map((name) => name.toLowerCase()),
);
const SIGNALLING = ['webrtc', 'whip', 'whep', 'delete_webrtc', 'login'];

/** ZLMediaKit's calls, `/index/api/…`. Signalling and `login` are answered elsewhere. */
export class ZlmCalls {
  readonly proxies: StreamProxies;
  readonly #pushers: StreamPushers;
  readonly #ffmpegSources: FfmpegSources;
  readonly sessions: ZlmSessions;
  readonly #options: ZlmCallsOptions;
  readonly #calls: ReadonlyMap<string, Call>;

  constructor(options: ZlmCallsOptions) {
    const { edits, clock, paths } = options;
    this.#options = options;
    this.sessions = new ZlmSessions(options.sessions, () => options.config());
    const find = (path: string) => paths.find(path);
    this.proxies = new StreamProxies({ edits, clock, find, pulled: () => options.pulled() });
    this.#pushers = new StreamPushers({ ...options, find });
    this.#ffmpegSources = new FfmpegSources(this.proxies);
    this.#calls = new Map(Object.entries(this.#named()).map(([name, call]) => [name.toLowerCase(), call]));
  }

  /** Whether a call may change something. @param name in lower case */
  static isChange(name: string): boolean {
    return !READING.has(name);
  }

  /** Undefined: there is no such call. @param name in lower case */
  find(name: string): Call | undefined {
    return this.#calls.get(name);
  }

  /** Ends a stream: its publisher, or a camera added by these calls. */
  async end(path: ShownPath): Promise<boolean> {
    const { id = '' } = path.source ?? {};
    return id === '' ? this.proxies.end(path.name) : this.sessions.kick(id);
  }

  /** One item for each schema of the path. */
  items(path: ShownPath, sessions = this.sessions.list()): readonly ReturnType<typeof mediaItem>[] {
    const facts = {
      wallMs: this.#options.clock.wallMs(),
      sourceUrl: this.#options.urlOf(path.name),
      socket: socketOf(path, sessions),
      kinds: this.sessions.kinds,
    };
    return this.#options.schemas().map((schema) => mediaItem(path, schema, facts));
  }

  #named(): Readonly<Record<string, Call>> {
    return {
      getMediaList: (parameters) => listed(this.#matching(parameters).flatMap(({ items }) => items)),
      isMediaOnline: (parameters) => ({ online: this.#stream(parameters) !== undefined }),
      getMediaInfo: (parameters) => this.#existing(parameters).item,
      getMediaPlayerList: (parameters) => this.#players(parameters),
      close_stream: (parameters) => this.#close(parameters),
      close_streams: (parameters) => this.#closeAll(parameters),
      getAllSession: (parameters) => ({ data: this.sessions.list(filterOf(parameters)) }),
      kick_session: (parameters) => this.#kick(parameters.require('id').id),
      kick_sessions: (parameters) => ({ count_hit: this.sessions.kickAll(filterOf(parameters)) }),
      addStreamProxy: (parameters) => this.proxies.add(parameters),
      delStreamProxy: (parameters) => this.proxies.remove(parameters),
      listStreamProxy: (parameters) => this.proxies.list(parameters),
      getProxyInfo: (parameters) => this.proxies.info(parameters),
      addFFmpegSource: (parameters) => this.#ffmpegSources.add(parameters),
      delFFmpegSource: (parameters) => this.#ffmpegSources.remove(parameters),
      listFFmpegSource: () => this.#ffmpegSources.list(),
      addStreamPusherProxy: (parameters) => this.#pushers.add(parameters),
      delStreamPusherProxy: (parameters) => this.#pushers.remove(parameters),
      listStreamPusherProxy: (parameters) => this.#pushers.list(parameters),
      getProxyPusherInfo: (parameters) => this.#pushers.info(parameters),
      startRecord: (parameters) => this.#record(parameters, true),
      stopRecord: (parameters) => this.#record(parameters, false),
      isRecording: (parameters) => {
        const isMp4 = parameters.require(...RECORD).type === MP4;
        return { status: isMp4 && this.#recorded(parameters).recording?.active === true };
      },
      getSnap: async (parameters, mustRead) => ({ picture: await this.#picture(parameters, mustRead) }),
      getServerConfig: () => ({ data: [shownSettings(this.#options.config())] }),
      setServerConfig: (parameters) => setSettings(parameters, this.#options.config(), this.#options.edits),
      getStatistic: async () => ({ data: await this.#options.statistics() }),
      version: () => ({ data: { buildTime: '', branchName: `perch ${this.#options.version}`, commitHash: '' } }),
      getApiList: () => {
        const names = [...Object.keys(this.#named()), ...SIGNALLING];
        return { data: names.map((name) => `/index/api/${name}`) };
      },
    };
  }

  /** The open streams, each with its items that match the parameters. */
  #matching(parameters: ZlmParameters) {
    const is = (name: string, value: string): boolean => (parameters.get(name) ?? value) === value;
    const sessions = this.sessions.list();
    return this.#options.paths.list().flatMap((path) => {
      const { app, stream } = streamNameOf(path.name);
      // If `live/cam1` and `cam1` both exist, the name means the first.
      const isHidden = this.#options.pathOf(app, stream) !== path.name;
      if (!path.ready || isHidden || !is('app', app) || !is('stream', stream) || !is('vhost', VHOST)) {
        return [];
      }
      const items = this.items(path, sessions).filter(({ schema }) => is('schema', schema));
      return items.length === 0 ? [] : [{ path, items }];
    });
  }

  #stream(parameters: ZlmParameters) {
    const { schema, app, stream } = parameters.require(...STREAM);
    const path = this.#options.paths.find(this.#options.pathOf(app, stream));
    const item = path?.ready ? this.items(path).find((one) => one.schema === schema) : undefined;
    return path && item ? { path, item } : undefined;
  }

  #existing(parameters: ZlmParameters) {
    const found = this.#stream(parameters);
    if (!found) {
      throw failure(CODE.notFound, 'can not find the stream');
    }
    return found;
  }

  #players(parameters: ZlmParameters): CallAnswer {
    const { path, item } = this.#existing(parameters);
    const ids = new Set(readersOf(path, item.schema, this.sessions.kinds).map(({ id }) => id));
    const players = this.sessions.list().filter(({ id }) => ids.has(id));
    return { data: players.map(({ id: _id, type: _type, ...player }) => player) };
  }

  async #close(parameters: ZlmParameters): Promise<CallAnswer> {
    const found = this.#stream(parameters);
    if (!found) {
      return { code: CODE.notFound, result: -2, msg: 'can not find the stream' };
    }
    if (found.path.readers.length > 0 && !isOn(parameters.get('force'))) {
      return { result: -1, code: CODE.failed, msg: `${found.path.readers.length} watch it: send force=1` };
    }
    const isClosed = await this.end(found.path);
    const msg = isClosed ? 'success' : 'the stream is a camera of the configuration: remove it there';
    return isClosed ? { result: 0, msg } : { code: CODE.failed, result: -1, msg };
  }

  async #closeAll(parameters: ZlmParameters): Promise<CallAnswer> {
    const hit = this.#matching(parameters);
    const isForced = isOn(parameters.get('force'));
    let closed = 0;
    for (const { path } of hit) {
      const mayClose = isForced || path.readers.length === 0;
      closed += mayClose && (await this.end(path)) ? 1 : 0;
    }
    return { count_hit: hit.length, count_closed: closed };
  }

  #kick(id: string): CallAnswer {
    if (!this.sessions.kick(id)) {
      throw failure(CODE.failed, 'can not find the target');
    }
    return {};
  }

  async #record(parameters: ZlmParameters, record: boolean): Promise<CallAnswer> {
    if (parameters.require(...RECORD).type !== MP4) {
      return { code: CODE.failed, result: false, msg: 'only recording as MP4 (type=1) can be switched' };
    }
    const { name } = this.#recorded(parameters);
    await this.#options.edits.patchPath(name, { record }, { hasAllRights: false });
    return { result: true };
  }

  #recorded(parameters: ZlmParameters): ShownPath {
    const { app, stream } = parameters.require(...RECORD);
    const path = this.#options.paths.find(this.#options.pathOf(app, stream));
    if (!path?.ready) {
      throw failure(CODE.notFound, 'can not find the stream');
    }
    return path;
  }

  async #picture(parameters: ZlmParameters, mustRead?: MustRead): Promise<Uint8Array> {
    const { url } = parameters.require('url', 'timeout_sec', 'expire_sec');
    const timeoutMs = waitMsOf(parameters);
    const path = this.#pathOfUrl(url);
    await mustRead?.(path);
    // An older picture is a recording, which needs another permission than live video.
    const maxAgeMs = Math.min(msOf(parameters, 'expire_sec'), 60_000);
    return this.#options.picture(path, { timeoutMs, maxAgeMs });
  }

  /** Uses only the path of a stream's URL: nothing is fetched from its host. */
  #pathOfUrl(url: string): string {
    const [, path = ''] = /^[a-z]+:\/\/[^/]*\/([^?#]*)/i.exec(url) ?? [];
    const [, app = '', stream = ''] = /^([^/]+)\/(.+?)(?:\.live)?(?:\.(?:mp4|flv|ts))?$/.exec(path) ?? [];
    const name = app === '' ? path : this.#options.pathOf(app, stream);
    if (this.#options.paths.find(name)?.ready !== true) {
      throw failure(CODE.notFound, 'can not find the stream');
    }
    return name;
  }
}

/** Addresses of the publisher's session; null: the path has none. */
function socketOf({ source }: ShownPath, sessions: readonly ZlmSessionItem[]): OriginSocket | null {
  const session = source && source.id !== '' ? sessions.find(({ id }) => id === source.id) : undefined;
  if (!session) {
    return null;
  }
  const { peer_ip, peer_port, local_ip, local_port, identifier } = session;
  return { peer_ip, peer_port, local_ip, local_port, identifier };
}

/** The answer with a list. As in ZLMediaKit, an empty list has no `data`. */
const listed = (items: readonly unknown[]): CallAnswer => (items.length === 0 ? {} : { data: items });

const filterOf = (parameters: ZlmParameters) => ({
  localPort: parameters.get('local_port'),
  peerIp: parameters.get('peer_ip'),
});
