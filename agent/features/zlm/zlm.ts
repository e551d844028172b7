import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { requestServer } from '../../auth/permissions/server-request.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { type Logger, redact } from '../../base/log.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { Destination } from '../../config/schema/forward.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { type CookiePlace, cookieOf, credentialsOf, writtenCredentialsOf } from '../../http/auth/credentials.ts';
import { isBrowser } from '../../http/auth/request-origin.ts';
import { isNamedOrigin } from '../../http/listener/cors.ts';
import type { SessionKind, ZlmAnswer, ZlmApiCalls, ZlmParameters } from '../../protocols/contract.ts';
import { pathOf } from '../../protocols/zlm-path.ts';
import type { Host } from '../contract.ts';
import { CODE, failure } from './api/call.ts';
import { ZlmCalls } from './api/calls.ts';
import { FlowWatch } from './api/flow-watch.ts';
import { HookAuth } from './api/hook-auth.ts';
import { type HookSettings, Hooks, recordBody, recordHookOf } from './api/hooks.ts';
import { zlmSettings } from './api/keys.ts';
import type { PulledPath } from './api/proxies.ts';
import { type Caller, CallSecret, CHALLENGE_COOKIE, LOGIN_COOKIE, type RejectedCall } from './api/secret.ts';
import { shownSettings } from './api/server-settings.ts';
import { streamNameOf, VHOST } from './api/stream-name.ts';
import { StreamWatch } from './api/stream-watch.ts';

/** In the data folder. */
export const SECRET_FILE = 'zlm-secret.json';
const SECRET_BYTES = 24;
const SecretFile = Type.Object({ secret: Type.String({ minLength: SECRET_BYTES }) });

/** Checks a `zlm-secret.json` from a backup. */
export const isSecretFile = (stored: unknown): boolean => Check(SecretFile, stored);
const CHALLENGE_S = 300;
const LOGIN_S = 86_400;

type ZlmApiDeps = Pick<
  Host,
  | 'version'
  | 'dataDir'
  | 'clock'
  | 'log'
  | 'config'
  | 'signal'
  | 'paths'
  | 'events'
  | 'pictures'
  | 'recordings'
  | 'wrongCredentials'
  | 'edits'
  | 'sessions'
  | 'statistics'
>;

/** Rethrows a `PerchError` as a failed call of ZLMediaKit's API (`code`), not as an exception of the server. */
function withCode(error: unknown): never {
  throw error instanceof PerchError ? failure(CODE.failed, explain(error)) : error;
}

/** The secret in the data folder, generated at the first start. If it cannot be saved, it is valid until Perch ends. */
export async function loadMadeSecret(dataDir: string, log: Logger): Promise<string> {
  const document = new StoredDocument(join(dataDir, SECRET_FILE), SecretFile, log);
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  try {
    const stored = await document.openReadable("secret of ZLMediaKit's calls is damaged: there is a new one");
    if (stored) {
      return stored.secret;
    }
    await document.save(() => ({ secret }));
  } catch (error) {
    log.warn({ cause: explain(error) }, "secret of ZLMediaKit's calls cannot be read or saved");
  }
  return secret;
}

/** ZLMediaKit's API with its secret, and its web hooks. */
export class ZlmApi {
  readonly #auth: HookAuth;
  readonly #deps: ZlmApiDeps;
  readonly #hooks: Hooks;
  readonly #calls: ZlmCalls;
  readonly #secret: CallSecret;
  readonly #watch: StreamWatch;
  #madeSecret = '';
  /** Monotonic, or undefined if the server has not started yet. */
  #toldMs: number | undefined;

  constructor(deps: ZlmApiDeps) {
    const { clock, log, config, paths, signal } = deps;
    this.#deps = deps;
    const post = (url: string, body: string, headers: Readonly<Record<string, string>>, timeoutMs: number) =>
      requestServer({ url, body, headers, fingerprint: '', timeoutMs, limitBytes: 64 << 10, clock });
    this.#hooks = new Hooks({ settings: () => hookSettings(config()), post, clock, log, signal });
    this.#auth = new HookAuth(this.#hooks, deps.sessions.kinds, clock);
    this.#secret = new CallSecret({
      secret: () => this.secret,
      allowedIps: () => zlmSettings(config()).zlmAllowIPs,
      clock,
    });
    this.#calls = new ZlmCalls({
      paths,
      clock,
      sessions: deps.sessions,
      edits: deps.edits,
      version: deps.version,
      pathOf: (app, stream) => this.#pathOf(app, stream),
      config,
      schemas: () => schemasOf(deps.sessions.kinds, config()),
      pulled: () => pulledPaths(config()),
      urlOf: (path) => {
        const source = resolvePath(config(), path)?.settings?.source;
        return source?.includes('://') ? redact(source) : undefined;
      },
      picture: (path, limits) => deps.pictures.picture(path, limits).catch(withCode),
      statistics: async () => ({ ...(await deps.statistics()) }),
      forwardsOf: (path) => paths.forwardsOf(path),
      destinations: () => destinationsOf(config()),
      secret: () => this.secret,
    });
    this.#watch = new StreamWatch({
      paths,
      clock,
      log,
      hooks: this.#hooks,
      items: (path) => this.#calls.items(path),
      end: (path) => this.#calls.end(path),
      noneReaderDelayMs: () => zlmSettings(config()).zlmStreamNoneReaderDelayMs,
    });
    const flow = new FlowWatch({ sessions: this.#calls.sessions, hooks: this.#hooks, clock });
    const stops = [
      () => this.#watch.close(),
      () => flow.close(),
      deps.recordings.recorders.onFinished((file) => this.#hooks.tell(recordHookOf(file), recordBody(file))),
      deps.events.listen(({ type }) => type === 'path' && this.#watch.check()),
      clock.eachSecond(() => this.#keepAlive()),
    ];
    const close = () => stops.forEach((stop) => void stop());
    signal.addEventListener('abort', close, { once: true });
  }

  get secret(): string {
    return zlmSettings(this.#deps.config()).zlmSecret || this.#madeSecret;
  }

  async begin(): Promise<void> {
    this.#madeSecret = await loadMadeSecret(this.#deps.dataDir, this.#deps.log);
  }

  started(): void {
    this.#toldMs = this.#deps.clock.monoMs();
    this.#hooks.tell('on_server_started', shownSettings(this.#deps.config()));
  }

  /** Why a web hook rejects a client, or undefined if it does not. */
  objection(...asked: Parameters<HookAuth['objection']>): Promise<string | undefined> {
    return this.#auth.objection(...asked);
  }

  /** The calls for one listener. */
  on(access: HttpAccess): ZlmApiCalls {
    return {
      answer: (name, { parameters, request }) => this.#answer(name, parameters, request, access),
      streamNotFound: (path, request, isKnown) => this.#notFound(path, request, access, isKnown),
    };
  }

  async #answer(
    name: string,
    parameters: ZlmParameters,
    request: FastifyRequest,
    access: HttpAccess,
  ): Promise<ZlmAnswer | undefined> {
    const { ip, isPrivate } = access.identify(request);
    const { headers } = request;
    const place = access.origin(request);
    const isChange = ZlmCalls.isChange(name);
    if (isChange && place.isForeign && !isNamedOrigin(headers.origin, this.#deps.config().webrtcAllowOrigins)) {
      throw failure(CODE.unauthorized, 'this request comes from a page of another site');
    }
    // Browsers send cookies with requests of pages on other ports of this host. Over plain HTTP an image request of
    // such a page looks like one of ours, so credentials that browsers add themselves permit no change.
    const isUnknownPage = isChange && isBrowser(headers) && !place.isSameOrigin;
    const cookie = (wanted: string) => (isUnknownPage || place.isForeign ? undefined : cookieOf(headers, wanted));
    const caller: Caller = { ip, isPrivate, cookie };
    if (name === 'login') {
      this.#deps.wrongCredentials.checkRoom(ip);
      const result = this.#secret.logIn(parameters.require('digest').digest, caller);
      return typeof result === 'string'
        ? { fields: {}, cookies: [cookieText(LOGIN_COOKIE, result, LOGIN_S, place)] }
        : this.#refuse(result, caller, place);
    }
    const call = this.#calls.find(name);
    if (!call) {
      return undefined;
    }
    // Callers with a user name have the permissions of the control API.
    const credentials = isUnknownPage && !place.isForeign ? writtenCredentialsOf(headers) : credentialsOf(headers);
    const isNamed = Object.keys(credentials).length > 0;
    if (isNamed) {
      await requireIn(access, request, 'api', '');
    } else {
      this.#deps.wrongCredentials.checkRoom(ip);
      const refusal = this.#secret.refusal(parameters, caller);
      if (refusal) {
        return this.#refuse(refusal, caller, place);
      }
    }
    const mustRead = isNamed ? (path: string) => requireIn(access, request, 'read', path) : undefined;
    const { picture, ...fields } = await call(parameters, mustRead);
    return picture instanceof Uint8Array ? { fields, picture } : { fields };
  }

  async #refuse({ isGuess, ...fields }: RejectedCall, { ip }: Caller, place: CookiePlace): Promise<ZlmAnswer> {
    if (isGuess) {
      this.#deps.log.warn({ ip }, "wrong secret for ZLMediaKit's calls");
      await this.#deps.wrongCredentials.pause(ip);
    }
    const { cookie } = fields;
    return cookie === undefined
      ? { fields }
      : { fields, cookies: [cookieText(CHALLENGE_COOKIE, cookie, CHALLENGE_S, place)] };
  }

  async #notFound(path: string, request: FastifyRequest, access: HttpAccess, isKnown: boolean): Promise<boolean> {
    if (!this.#hooks.isOn('on_stream_not_found')) {
      return isKnown;
    }
    const { ip, request: facts } = access.identify(request);
    const body = {
      schema: 'rtc',
      protocol: 'rtc',
      vhost: VHOST,
      ...streamNameOf(path),
      params: facts.query,
      ip,
      port: request.raw.socket.remotePort ?? 0,
      id: facts.id ?? '',
    };
    const { code, close } = await this.#hooks.ask('on_stream_not_found', body, ip);
    // A failing hook does not end the wait for a stream that may start by itself.
    return !close && (code === 0 || isKnown);
  }

  #keepAlive(): void {
    const { clock, config } = this.#deps;
    const dueMs = (this.#toldMs ?? Number.POSITIVE_INFINITY) + zlmSettings(config()).zlmKeepaliveIntervalMs;
    if (!this.#hooks.isOn('on_server_keepalive') || clock.monoMs() < dueMs) {
      return;
    }
    this.#toldMs = clock.monoMs();
    this.#deps.statistics().then(
      (data) => this.#hooks.tell('on_server_keepalive', { data }),
      (error: unknown) => this.#deps.log.error({ hook: 'on_server_keepalive', err: error }, 'web hook failed'),
    );
  }

  #pathOf(app: string, stream: string): string {
    const { paths, config } = this.#deps;
    const isConfigured = (path: string) => resolvePath(config(), path) !== undefined;
    return pathOf(app, stream, { find: (path) => paths.find(path), isConfigured });
  }
}

/** @throws PerchError with ZLMediaKit's code */
async function requireIn(
  access: HttpAccess,
  request: FastifyRequest,
  action: 'api' | 'read',
  path: string,
): Promise<void> {
  try {
    await access.require(request, action, path);
  } catch (error) {
    throw error instanceof PerchError && error.code === 'unauthorized'
      ? failure(CODE.unauthorized, explain(error))
      : error;
  }
}

const cookieText = (name: string, value: string, seconds: number, { isSecure, prefix }: CookiePlace): string =>
  `${name}=${value}; Path=${prefix}/index/api; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;

function hookSettings(config: Config): HookSettings {
  const settings = zlmSettings(config);
  return {
    urls: {
      on_play: settings.zlmOnPlay,
      on_publish: settings.zlmOnPublish,
      on_stream_not_found: settings.zlmOnStreamNotFound,
      on_stream_none_reader: settings.zlmOnStreamNoneReader,
      on_stream_changed: settings.zlmOnStreamChanged,
      on_flow_report: settings.zlmOnFlowReport,
      on_record_mp4: settings.zlmOnRecordMP4,
      on_record_ts: settings.zlmOnRecordTS,
      on_server_started: settings.zlmOnServerStarted,
      on_server_keepalive: settings.zlmOnServerKeepalive,
    },
    mediaServerId: settings.zlmMediaServerId,
    timeoutMs: settings.zlmHookTimeoutMs,
    retries: settings.zlmHookRetry,
    retryDelayMs: settings.zlmHookRetryDelayMs,
  };
}

const schemasOf = (kinds: readonly SessionKind[], config: Config): string[] => [
  ...new Set(kinds.flatMap(({ zlm }) => zlm?.listedSchema(config) ?? [])),
];

/** The forward destinations of the paths, without those of patterns. */
const destinationsOf = ({ paths }: Config): ReadonlyMap<string, readonly Destination[]> =>
  new Map(
    [...paths.values()].flatMap(({ name, pattern, settings }) =>
      settings && !pattern ? [[name, settings.forward]] : [],
    ),
  );

function pulledPaths(config: Config): PulledPath[] {
  return [...config.paths.values()].flatMap(({ name, pattern, settings }) => {
    return settings && !pattern && settings.source.includes('://') ? [{ name, url: redact(settings.source) }] : [];
  });
}
