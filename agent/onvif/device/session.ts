import type { XmlElement } from '@rgrove/parse-xml';
import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { CameraGuard } from '../soap/http/camera-guard.ts';
import { cameraError, troubleOf } from '../soap/http/failures.ts';
import { type HttpPlace, parseHttpUrl, placeOf } from '../soap/http/http-exchange.ts';
import type { KeptConnection } from '../soap/http/kept-connection.ts';
import { CallLanes } from '../soap/http/request-limiter.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { SoapCaller } from '../soap/soap-caller.ts';
import { type DeviceInformation, readInformation } from './information.ts';
import { readCapabilities, readServices, type ServiceAddresses, type ServiceName } from './service-addresses.ts';

export type { DeviceInformation } from './information.ts';
export type { ServiceName } from './service-addresses.ts';

const CALL_DEADLINE_MS = 5_000;

export interface CameraTarget {
  /** Of the device service, http or https, as discovery gives it; the zone of a link-local address as RFC 6874 writes it. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** The owner lets the password of this camera be sent so that anybody in the network can read it. */
  readonly isClearAllowed?: boolean | undefined;
  /** A person has just given the password: one that was refused twice may be tried once more. */
  readonly isAsked?: boolean | undefined;
  /** A token that nobody has asked for could be used elsewhere: `last` = only when no HTTP Digest is offered, `no` = not at all. */
  readonly tokens?: 'last' | 'no' | undefined;
  /** No token is made by a clock that this refuses; HTTP Digest has no time. @param skewMs the camera's clock minus ours, as it says */
  readonly takesClock?: ((skewMs: number) => boolean) | undefined;
  /** Ends every call of the session. */
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
  /** For each call, without the wait for its turn; 5 s when not given. */
  readonly callDeadlineMs?: number | undefined;
  /** What became of logins; the program has one memory for all, tests their own. */
  readonly logins?: LoginMemory | undefined;
  /** The turns of calls; those of all that is asked of cameras when not given. */
  readonly lanes?: CallLanes | undefined;
  /** Of every call but the one for the clock, which goes to whoever is there. */
  readonly guard?: CameraGuard | undefined;
}

export interface CallOptions {
  /** Before all calls that wait for their turn. */
  readonly isUrgent?: boolean | undefined;
  /** More than 15 s: the call waits for something to happen. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where it is not the operation's own name: events have longer ones. */
  readonly action?: string | undefined;
  /** That it goes on; one of its own when not given. */
  readonly connection?: KeptConnection | undefined;
}

/** A camera that is spoken to, logged in. Every call goes to the host that the caller has named. */
export interface OnvifSession {
  /** Without credentials and zone. */
  readonly url: URL;
  /** Without the brackets of IPv6, with the zone of a link-local address. */
  readonly host: string;
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  /** Over https: whether somebody that this machine knows has signed for the camera. Most sign for themselves. */
  readonly isTrusted: boolean | undefined;
  /** For its streams and pictures: to this host alone. */
  readonly credentials: Credentials | undefined;
  /** The answer is kept. */
  information(): Promise<DeviceInformation>;
  has(service: ServiceName): boolean;
  /** The element named `response` of the reply. `body` is XML with the prefixes of soap/envelope.ts. */
  call(service: ServiceName, body: string, response: string, options?: CallOptions): Promise<XmlElement>;
  /** For addresses that the camera gave, as references to subscriptions: port and path are its, the host is ours. */
  callAt(address: URL, headers: string, body: string, response: string, options?: CallOptions): Promise<XmlElement>;
  /** After a reboot, or when it has been set. */
  readClock(): Promise<void>;
}

const sharedLanes = new CallLanes();
/** Of all cameras: what asks them for pictures is held to it too. */
export const sharedLogins = new LoginMemory(systemClock);

/** Begins to speak to a camera: its clock, its services. @throws PerchError with `camera` (soap/failures.ts), in words for a person */
export async function openSession(target: CameraTarget): Promise<OnvifSession> {
  const { url, place } = parseTarget(target.url);
  const user = target.user || plainOf(url.username) || undefined;
  const password = target.user ? (target.password ?? '') : plainOf(url.password);
  const credentials = user === undefined ? undefined : { user, password };
  url.username = '';
  url.password = '';
  const caller = new SoapCaller({
    place,
    path: url.pathname + url.search,
    credentials,
    isClearAllowed: target.isClearAllowed ?? false,
    isAsked: target.isAsked ?? false,
    tokens: target.tokens,
    takesClock: target.takesClock ?? (() => true),
    deadlineMs: target.callDeadlineMs ?? CALL_DEADLINE_MS,
    signal: target.signal,
    clock: target.clock ?? systemClock,
    logins: target.logins ?? sharedLogins,
    lanes: target.lanes ?? sharedLanes,
    guard: target.guard,
  });
  await target.guard?.ready();
  // Without login first: a token that bears a wrong time would be refused by cameras that are strict about it.
  await caller.readClock();
  const services = await askServices(caller, url.pathname + url.search);
  return new Session(url, credentials, caller, services);
}

function parseTarget(text: string): { readonly url: URL; readonly place: HttpPlace } {
  const parsed = parseHttpUrl(text);
  if (!parsed) {
    throw new PerchError('badInput', `'${text.slice(0, 100)}' is not the http address of an ONVIF device`);
  }
  return parsed;
}

function plainOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

async function askServices(caller: SoapCaller, path: string): Promise<ServiceAddresses> {
  const found: ServiceAddresses = new Map();
  for (const ask of [
    { body: SERVICES, response: 'GetServicesResponse', read: readServices },
    { body: CAPABILITIES, response: 'GetCapabilitiesResponse', read: readCapabilities },
  ]) {
    try {
      const response = await caller.call({ path, body: ask.body, response: ask.response, isOpen: true });
      for (const [name, address] of ask.read(response)) {
        found.set(name, address);
      }
    } catch (error) {
      // Old cameras know only the one, some only the other; a few answer what they do not know with silence.
      const isLast = ask.response === 'GetCapabilitiesResponse';
      const passed = isLast ? ['notSupported', 'badReply'] : ['notSupported', 'badReply', 'timeout', 'unreachable'];
      if (!passed.includes(troubleOf(error) ?? '')) {
        throw error;
      }
    }
    if (found.has('media') || found.has('media2')) {
      break;
    }
  }
  return found;
}

const SERVICES = '<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>';
const CAPABILITIES = '<tds:GetCapabilities><tds:Category>All</tds:Category></tds:GetCapabilities>';

class Session implements OnvifSession {
  readonly url: URL;
  readonly credentials: Credentials | undefined;
  readonly #caller: SoapCaller;
  readonly #services: ServiceAddresses;
  readonly #path: string;
  /** Of services that answered at the port that they claim, not at the one of the device service. */
  readonly #places = new Map<ServiceName, HttpPlace>();
  #information: Promise<DeviceInformation> | undefined;

  constructor(url: URL, credentials: Credentials | undefined, caller: SoapCaller, services: ServiceAddresses) {
    this.url = url;
    this.credentials = credentials;
    this.#caller = caller;
    this.#services = services;
    this.#path = url.pathname + url.search;
  }

  get host(): string {
    return this.#caller.place.host;
  }

  get skewMs(): number {
    return this.#caller.skewMs;
  }

  get isTrusted(): boolean | undefined {
    return this.#caller.isTrusted;
  }

  information(): Promise<DeviceInformation> {
    this.#information ??= this.call('device', '<tds:GetDeviceInformation/>', 'GetDeviceInformationResponse')
      .then(readInformation)
      .catch((error: unknown) => {
        this.#information = undefined;
        throw error;
      });
    return this.#information;
  }

  has(service: ServiceName): boolean {
    return service === 'device' || this.#services.has(service);
  }

  async call(service: ServiceName, body: string, response: string, options: CallOptions = {}): Promise<XmlElement> {
    const address = this.#services.get(service);
    if (!address && service !== 'device') {
      throw cameraError('notSupported', `the camera has no ONVIF service '${service}'`, { host: this.host });
    }
    const path = service === 'device' ? this.#path : (address?.path ?? this.#path);
    const headers = service === 'events' && options.action ? `<wsa:Action>${options.action}</wsa:Action>` : '';
    const asked = { path, headers, body, response, ...options };
    const known = this.#places.get(service);
    try {
      return await this.#caller.call(known ? { ...asked, place: known } : asked);
    } catch (error) {
      const claimed = this.#otherPort(address?.claimed);
      if (known || !claimed || !isElsewhere(error)) {
        throw error;
      }
      const element = await this.#caller.call({ ...asked, place: claimed });
      this.#places.set(service, claimed);
      return element;
    }
  }

  callAt(
    address: URL,
    headers: string,
    body: string,
    response: string,
    options: CallOptions = {},
  ): Promise<XmlElement> {
    if (address.protocol !== 'http:' && address.protocol !== 'https:') {
      const words = 'the camera names an address that is not http';
      return Promise.reject(cameraError('badReply', words, { host: this.host }));
    }
    const place = { ...placeOf(address), host: this.host };
    return this.#caller.call({ place, path: address.pathname + address.search, headers, body, response, ...options });
  }

  readClock(): Promise<void> {
    return this.#caller.readClock();
  }

  /** A claim is followed to another port, never to another host. */
  #otherPort(claimed: HttpPlace | undefined): HttpPlace | undefined {
    const { host, port } = this.#caller.place;
    return claimed?.host === host && claimed.port !== port ? claimed : undefined;
  }
}

/** Nothing is there at this port, or not that. */
function isElsewhere(error: unknown): boolean {
  const status = error instanceof PerchError ? error.context['status'] : undefined;
  return troubleOf(error) === 'unreachable' || status === 404 || status === 405;
}
