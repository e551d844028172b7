import type { XmlElement } from '@rgrove/parse-xml';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { percentDecode } from '../../base/network/url-parts.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import { cameraError, isNoReply, isTrouble } from '../soap/http/failures.ts';
import { type HttpOrigin, httpOriginOf, parseHttpUrl } from '../soap/http/origin.ts';
import { RequestLimiter } from '../soap/http/request-limiter.ts';
import { sharedLogins } from '../soap/login/login-memory.ts';
import type { CallerOptions, SoapCall } from '../soap/soap-call.ts';
import { SoapCaller } from '../soap/soap-caller.ts';
import {
  type DeviceInformation,
  readCapabilities,
  readInformation,
  readName,
  readServices,
  type ServiceAddresses,
  type ServiceName,
} from './device-service.ts';

const CALL_DEADLINE_MS = 5_000;

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

export interface CameraTarget
  extends Optional<
    Pick<
      CallerOptions,
      'isClearAllowed' | 'isInteractive' | 'tokens' | 'canUseSkew' | 'clock' | 'logins' | 'limiter' | 'guard'
    >
  > {
  /** URL of the device service; a link-local address has its zone as in RFC 6874. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly signal: AbortSignal;
  /** Time limit of each call, without its wait in the queue; default 5 s. */
  readonly callDeadlineMs?: number | undefined;
  /** Time limit of each call for a slow camera; default: the same as for others. */
  readonly slowCallDeadlineMs?: number | undefined;
}

export type CallOptions = Pick<SoapCall, 'isUrgent' | 'deadlineMs' | 'signal' | 'action' | 'connection'>;

const sharedLimiter = new RequestLimiter();

/** Reads a camera's clock and services. @throws PerchError with `camera` (soap/failures.ts), for a person */
export async function openSession(target: CameraTarget): Promise<OnvifSession> {
  const parsed = parseHttpUrl(target.url);
  if (!parsed) {
    throw new PerchError('badInput', `'${target.url.slice(0, 100)}' is not the http address of an ONVIF device`);
  }
  const { url, origin } = parsed;
  const user = target.user || percentDecode(url.username) || undefined;
  const password = target.user ? (target.password ?? '') : percentDecode(url.password);
  const credentials = user === undefined ? undefined : { user, password };
  url.username = '';
  url.password = '';
  const caller = new SoapCaller({
    origin,
    path: url.pathname + url.search,
    credentials,
    isClearAllowed: target.isClearAllowed ?? false,
    isInteractive: target.isInteractive ?? false,
    tokens: target.tokens,
    canUseSkew: target.canUseSkew ?? (() => true),
    deadlineMs: target.callDeadlineMs ?? CALL_DEADLINE_MS,
    slowDeadlineMs: target.slowCallDeadlineMs,
    signal: target.signal,
    clock: target.clock ?? systemClock,
    logins: target.logins ?? sharedLogins,
    limiter: target.limiter ?? sharedLimiter,
    guard: target.guard,
  });
  await target.guard?.ready();
  // Without a login: strict cameras reject a token with a wrong time.
  await caller.readClock();
  const { services, areAll } = await askServices(caller, url.pathname + url.search);
  return new OnvifSession(url, credentials, caller, services, areAll);
}

async function askServices(caller: SoapCaller, path: string) {
  const services: ServiceAddresses = new Map();
  let areAll = true;
  for (const ask of [
    { body: SERVICES, response: 'GetServicesResponse', read: readServices },
    { body: CAPABILITIES, response: 'GetCapabilitiesResponse', read: readCapabilities },
  ]) {
    try {
      const response = await caller.call({ path, body: ask.body, response: ask.response, isPreAuth: true });
      for (const [name, address] of ask.read(response)) {
        services.set(name, address);
      }
    } catch (error) {
      // Old cameras know only one of the two; a few do not reply at all to what they do not know.
      const isLast = ask.response === 'GetCapabilitiesResponse';
      if (!isTrouble(error, 'notSupported', 'badReply') && (isLast || !isNoReply(error))) {
        throw error;
      }
      areAll &&= !isNoReply(error);
    }
    if (services.has('media') || services.has('media2')) {
      break;
    }
  }
  return { services, areAll };
}

const SERVICES = '<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>';
const CAPABILITIES = '<tds:GetCapabilities><tds:Category>All</tds:Category></tds:GetCapabilities>';

/** A session with a camera. Every call goes to the host that the caller has named. */
export class OnvifSession {
  /** URL of the device service, without credentials and zone. */
  readonly url: URL;
  /** Login for the camera's streams and pictures, on this host only. */
  readonly credentials: Credentials | undefined;
  /** False: it has not answered GetServices in time, so it may have more services than `has` knows. */
  readonly areServicesKnown: boolean;
  readonly #caller: SoapCaller;
  readonly #services: ServiceAddresses;
  readonly #path: string;
  /** Origins of services that answered at their claimed port instead of the device service's port. */
  readonly #origins = new Map<ServiceName, HttpOrigin>();
  #information: Promise<DeviceInformation> | undefined;

  constructor(
    url: URL,
    credentials: Credentials | undefined,
    caller: SoapCaller,
    services: ServiceAddresses,
    areServicesKnown: boolean,
  ) {
    this.url = url;
    this.credentials = credentials;
    this.areServicesKnown = areServicesKnown;
    this.#caller = caller;
    this.#services = services;
    this.#path = url.pathname + url.search;
  }

  /** Host, without the brackets of IPv6, with the zone of a link-local address. */
  get host(): string {
    return this.#caller.origin.host;
  }

  /** The camera's clock minus ours. */
  get skewMs(): number {
    return this.#caller.skewMs;
  }

  /** Over https: whether an authority that this box knows has signed the certificate. Most cameras sign their own. */
  get isTrusted(): boolean | undefined {
    return this.#caller.isTrusted;
  }

  /** Device information, cached after the first call. */
  information(): Promise<DeviceInformation> {
    this.#information ??= this.call('device', '<tds:GetDeviceInformation/>', 'GetDeviceInformationResponse')
      .then(readInformation)
      .catch((error: unknown) => {
        this.#information = undefined;
        throw error;
      });
    return this.#information;
  }

  /** Its name, as in discovery; undefined if it has none. */
  name(): Promise<string | undefined> {
    return this.call('device', '<tds:GetScopes/>', 'GetScopesResponse').then(readName);
  }

  has(service: ServiceName): boolean {
    return service === 'device' || this.#services.has(service);
  }

  /** @returns the element `response` of the reply. `body` is XML with the prefixes of soap/envelope.ts. */
  async call(service: ServiceName, body: string, response: string, options: CallOptions = {}): Promise<XmlElement> {
    const address = this.#services.get(service);
    if (!address && service !== 'device') {
      throw cameraError('notSupported', `the camera has no ONVIF service '${service}'`, { host: this.host });
    }
    const path = service === 'device' ? this.#path : (address?.path ?? this.#path);
    const headers = service === 'events' && options.action ? `<wsa:Action>${options.action}</wsa:Action>` : '';
    const asked = { path, headers, body, response, ...options };
    const known = this.#origins.get(service);
    try {
      return await this.#caller.call(known ? { ...asked, origin: known } : asked);
    } catch (error) {
      const claimed = this.#otherPort(address?.claimed);
      if (known || !claimed || !isElsewhere(error)) {
        throw error;
      }
      const element = await this.#caller.call({ ...asked, origin: claimed });
      this.#origins.set(service, claimed);
      return element;
    }
  }

  /** For addresses from the camera, such as subscription references: port and path are the camera's, the host is ours. */
  callAt(
    address: URL,
    headers: string,
    body: string,
    response: string,
    options: CallOptions = {},
  ): Promise<XmlElement> {
    if (address.protocol !== 'http:' && address.protocol !== 'https:') {
      const words = 'the camera returns an address that is not http';
      return Promise.reject(cameraError('badReply', words, { host: this.host }));
    }
    const origin = { ...httpOriginOf(address), host: this.host };
    return this.#caller.call({ origin, path: address.pathname + address.search, headers, body, response, ...options });
  }

  /** Reads the camera's clock again, after a reboot or when the clock was set. */
  readClock(): Promise<void> {
    return this.#caller.readClock();
  }

  /** The origin with the claimed port: a claim may change the port, never the host. */
  #otherPort(claimed: HttpOrigin | undefined): HttpOrigin | undefined {
    const { host, port } = this.#caller.origin;
    return claimed?.host === host && claimed.port !== port ? claimed : undefined;
  }
}

/** Whether the error means that nothing answers at this port, or not this service. */
function isElsewhere(error: unknown): boolean {
  const status = error instanceof PerchError ? error.context['status'] : undefined;
  return isTrouble(error, 'unreachable') || status === 404 || status === 405;
}
