import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { canonicalIp, IpList, isLoopbackIp } from '../../../base/network/ip-address.ts';
import type { PreLoginMemory } from '../../../base/network/pre-login-memory.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';
import { parseAddress } from '../../../config/values/address.ts';
import { originOf } from '../../../http/auth/request-origin.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { type Listener, listen } from '../../../http/listener/listeners.ts';
import { preLoginAt } from '../../../http/listener/pre-login.ts';
import { type OfferedCamera, type OnvifLogin, type OnvifSource, type Operations, SERVICES } from './contract.ts';
import { type DeviceFile, MAX_CAMERAS, portAt } from './device-file.ts';
import { deviceOperations } from './device-service.ts';
import { EventSender } from './event-sender.ts';
import { eventOperations } from './event-service.ts';
import { LoginCheck, LoginWanted, type RejectedLogin } from './login-check.ts';
import { mediaOperations } from './media-service.ts';
import { media2Operations } from './media2-service.ts';
import { ptzLookup } from './ptz-configuration.ts';
import { ptzOperations } from './ptz-service.ts';
import { PullPoints } from './pull-points.ts';
import {
  faultReply,
  MAX_REQUEST_BYTES,
  notSupported,
  parseRequest,
  replyOf,
  type SoapReply,
  type SoapRequest,
  tag,
} from './soap.ts';
import { hostText } from './stream-uri.ts';

const RETRY_MS = 10_000;
const NO_PROXIES = new IpList([]);
const REPLY_ACTIONS: Readonly<Record<string, string>> = {
  tev: 'http://www.onvif.org/ver10/events/wsdl',
  wsnt: 'http://docs.oasis-open.org/wsn/bw-2',
};

interface OnvifServerDeps {
  readonly source: OnvifSource;
  readonly file: DeviceFile;
  /** Address of the first camera (`onvifAddress`). */
  readonly address: string;
  readonly readTimeoutMs: number;
  login(user: string): OnvifLogin | undefined;
  /** Operations of further services. */
  readonly more?: Operations;
  readonly wrongCredentials: { checkRoom(ip: string): void; pause(ip: string): Promise<void> };
  readonly preLogin: PreLoginMemory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A camera and its port. */
export interface ServedCamera extends OfferedCamera {
  /** Port of the camera, or undefined if it could not be opened. */
  readonly port: number | undefined;
  readonly error: string | undefined;
}

/** ONVIF devices for other recorders: one device for each camera, each at its own port. */
export class OnvifServer {
  readonly #deps: OnvifServerDeps;
  readonly #app: FastifyInstance;
  readonly #loginCheck: LoginCheck;
  readonly #points: PullPoints;
  readonly #operations: Operations;
  readonly #listeners = new Map<string, Listener>();
  readonly #changes = new SerialQueue();
  readonly #stop = new AbortController();
  readonly #leave: (() => void)[];
  readonly #onCameras: (cameras: readonly ServedCamera[]) => void;
  #cameras: readonly ServedCamera[] = [];

  /** @param onCameras called after each change of cameras or ports */
  static async start(
    deps: OnvifServerDeps,
    onCameras: (cameras: readonly ServedCamera[]) => void = () => {},
  ): Promise<OnvifServer> {
    const server = new OnvifServer(deps, onCameras);
    try {
      await server.#apply();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  private constructor(deps: OnvifServerDeps, onCameras: (cameras: readonly ServedCamera[]) => void) {
    const { source, clock, log, file } = deps;
    this.#deps = deps;
    this.#onCameras = onCameras;
    this.#loginCheck = new LoginCheck(deps);
    this.#points = new PullPoints(source, clock);
    const sender = new EventSender({
      points: this.#points,
      clock,
      log,
      signal: this.#stop.signal,
      isPermitted: ({ user, path }) => deps.login(user)?.may(path) === true,
    });
    const lookup = ptzLookup(source.ptz, clock);
    this.#operations = {
      ...deviceOperations({ source, clock, perch: file.id }),
      ...mediaOperations(source, lookup),
      ...media2Operations(source, lookup),
      ...eventOperations({ clock, points: this.#points, sender }),
      ...ptzOperations({ source, lookup, clock, log, signal: this.#stop.signal }),
      ...deps.more,
    };
    this.#app = this.#routes();
    const again = () => void this.#apply().catch((err: unknown) => log.error({ err }, 'ONVIF ports cannot be changed'));
    this.#leave = [
      source.onChange(again),
      clock.every(RETRY_MS, () => {
        if (this.#cameras.some(({ port }) => port === undefined)) {
          again();
        }
      }),
    ];
  }

  get cameras(): readonly ServedCamera[] {
    return this.#cameras;
  }

  /** URL of each camera's device service, with HOST in place of this box's address; null: the camera has no port. */
  get urls(): readonly (string | null)[] {
    return this.#cameras.map(({ port }) => (port === undefined ? null : `http://HOST:${port}${SERVICES.device.path}`));
  }

  get lastRefusal(): RejectedLogin | undefined {
    return this.#loginCheck.lastRefusal;
  }

  get subscriptions(): number {
    return this.#points.count;
  }

  /** Tries again now to open the ports that could not be opened. */
  openClosed(): Promise<void> {
    return this.#apply();
  }

  async close(): Promise<void> {
    for (const leave of this.#leave) {
      leave();
    }
    this.#stop.abort();
    this.#points.close();
    await this.#changes.run(() => this.#app.close());
  }

  /** Opens and closes ports according to the list of cameras. */
  #apply(): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#stop.signal.aborted) {
        return;
      }
      const wanted = this.#deps.source.cameras();
      const offsets = await this.#deps.file.assign(wanted.map(({ path }) => path));
      for (const [path, listener] of this.#listeners) {
        if (!offsets.has(path)) {
          this.#listeners.delete(path);
          await listener.close();
        }
      }
      const cameras: ServedCamera[] = [];
      for (const camera of wanted) {
        cameras.push({ ...camera, ...(await this.#open(camera.path, offsets.get(camera.path))) });
      }
      this.#cameras = cameras;
      this.#onCameras(cameras);
    });
  }

  async #open(path: string, offset: number | undefined): Promise<Pick<ServedCamera, 'port' | 'error'>> {
    const { address, log, readTimeoutMs } = this.#deps;
    const known = this.#listeners.get(path);
    if (known) {
      return { port: known.port, error: undefined };
    }
    if (offset === undefined) {
      return { port: undefined, error: `only ${MAX_CAMERAS} cameras have a port for ONVIF` };
    }
    try {
      const { host, port: first } = parseAddress(address) ?? { host: undefined, port: 0 };
      const port = first === 0 ? 0 : portAt(first, offset);
      const own = `${host === undefined ? '' : hostText(host)}:${port}`;
      const preLogin = preLoginAt(own, this.#deps);
      const listener = await listen('onvifAddress', own, this.#app, { log, readTimeoutMs, preLogin });
      this.#listeners.set(path, listener);
      log.info({ path, port: listener.port }, 'ONVIF port is open');
      return { port: listener.port, error: undefined };
    } catch (error) {
      rethrowUnexpected(error);
      return { port: undefined, error: explain(error) };
    }
  }

  #routes(): FastifyInstance {
    const app = createHttpApp({ log: this.#deps.log });
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_REQUEST_BYTES }, (_request, body, done) => {
      done(null, body);
    });
    const config = { preLoginBodyBytes: MAX_REQUEST_BYTES };
    app.post('/onvif/*', { bodyLimit: MAX_REQUEST_BYTES, config }, (request, reply) => this.#answer(request, reply));
    app.get<{ Params: { name: string } }>('/onvif/snapshot/:name', (request, reply) =>
      this.#snapshot(request, reply, request.params.name),
    );
    return app;
  }

  #cameraOf({ raw }: FastifyRequest): ServedCamera | undefined {
    return this.#cameras.find(({ port }) => port !== undefined && port === raw.socket.localPort);
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    let version: SoapRequest['version'] = '1.2';
    try {
      // Browsers send Origin with the requests of web pages; recorders do not.
      if (request.headers.origin !== undefined) {
        throw new PerchError('unauthorized', 'requests of web pages are refused', { codes: ['NotAuthorized'] });
      }
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const soap = parseRequest(body, request.headers['content-type']);
      version = soap.version;
      return send(reply, await this.#operate(request, reply, soap));
    } catch (error) {
      rethrowUnexpected(error);
      return this.#refuse(request, reply, error, faultReply(version, error));
    }
  }

  async #operate(request: FastifyRequest, reply: FastifyReply, soap: SoapRequest): Promise<SoapReply> {
    const camera = this.#cameraOf(request);
    const operation = Object.hasOwn(this.#operations, soap.operation) ? this.#operations[soap.operation] : undefined;
    if (!camera || !operation) {
      throw notSupported(soap.operation.replace(/^\w*:/, ''));
    }
    const login = operation.isOpen
      ? undefined
      : await this.#loginCheck.admit(request, ipOf(request), camera.path, soap);
    const host = hostOf(request);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const [, subscription] = /^\/onvif\/event_service\/([0-9a-f]{24})$/.exec(request.url) ?? [];
    const call = {
      camera,
      body: soap.body,
      origin: `http://${hostText(host)}:${camera.port}`,
      host,
      subscription,
      user: login?.user,
      requirePlayback: () => this.#loginCheck.requirePlayback(login, ipOf(request), camera.path),
      ip: clientOf(request),
    };
    const text = await withJoinedSignal([gone.signal, this.#stop.signal], undefined, async ({ signal }) =>
      operation.answer({ ...call, signal }),
    );
    return replyOf(soap.version, text, addressing(soap));
  }

  async #snapshot(request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> {
    const camera = this.#cameraOf(request);
    const stream = camera?.streams.find(({ token }) => `${token}.jpg` === name);
    if (!camera || !stream) {
      return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
    }
    try {
      await this.#loginCheck.admit(request, ipOf(request), camera.path);
      const jpeg = await this.#deps.source.picture(stream.path);
      return await reply.type('image/jpeg').header('Cache-Control', 'no-store').send(Buffer.from(jpeg));
    } catch (error) {
      rethrowUnexpected(error);
      const status = error.code === 'unauthorized' ? 403 : error.code === 'unsupported' ? 404 : 503;
      const text = { status, contentType: 'text/plain; charset=utf-8', text: error.message };
      return this.#refuse(request, reply, error, text);
    }
  }

  #refuse(request: FastifyRequest, reply: FastifyReply, error: PerchError, answer: SoapReply): FastifyReply {
    const isHttpLogin = error.code === 'unauthorized' && request.headers.authorization !== undefined;
    if (error instanceof LoginWanted || isHttpLogin) {
      reply.header('WWW-Authenticate', this.#loginCheck.challenge(error instanceof LoginWanted && error.isStale));
      return send(reply, { ...answer, status: 401 });
    }
    return send(reply, answer);
  }
}

const send = (reply: FastifyReply, { status, contentType, text }: SoapReply): FastifyReply =>
  reply.code(status).header('Content-Type', contentType).send(text);

const ipOf = ({ raw }: FastifyRequest): string => canonicalIp(raw.socket.remoteAddress ?? '') ?? '';

/**
 * IP address of the client, or undefined if the request may have come through a proxy. By default nginx forwards requests with HTTP/1.0;
 * a gateway on this box keeps the Host header of the client.
 */
function clientOf(request: FastifyRequest): string | undefined {
  const { headers, raw } = request;
  const ip = ipOf(request);
  const { isProxied, isLoopback } = originOf(headers, ip, false, NO_PROXIES, raw.httpVersion);
  const isHidden = isProxied || raw.httpVersion === '1.0' || (isLoopbackIp(ip) && !isLoopback);
  return isHidden ? undefined : ip;
}

/** Host as the client has addressed this box, else the local address of the connection. */
function hostOf({ headers, raw }: FastifyRequest): string {
  const given = headers.host ?? '';
  const isPlain = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/i.test(given);
  const host = isPlain && URL.canParse(`http://${given}`) ? new URL(`http://${given}`).hostname : undefined;
  return (host ?? canonicalIp(raw.socket.localAddress ?? '') ?? '').replace(/^\[(.*)\]$/, '$1');
}

/** WS-Addressing headers of the event services: clients check the action and the message id. */
function addressing({ operation, messageId }: SoapRequest): string {
  const [prefix = '', name = ''] = operation.split(':');
  const namespace = REPLY_ACTIONS[prefix];
  const port = PORT_TYPES[name];
  if (namespace === undefined || port === undefined) {
    return '';
  }
  const relates = messageId === undefined ? '' : tag('wsa:RelatesTo', messageId);
  return tag('wsa:Action', `${namespace}/${port}/${name}Response`) + relates;
}

const PORT_TYPES: Readonly<Record<string, string>> = {
  CreatePullPointSubscription: 'EventPortType',
  GetEventProperties: 'EventPortType',
  PullMessages: 'PullPointSubscription',
  SetSynchronizationPoint: 'PullPointSubscription',
  Subscribe: 'NotificationProducer',
  Renew: 'SubscriptionManager',
  Unsubscribe: 'SubscriptionManager',
};
