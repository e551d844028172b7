import type { Clock } from '../../base/clock.ts';
import { ignoreExpected, PerchError } from '../../base/errors.ts';
import { splitUrl } from '../../base/network/url-parts.ts';
import type { Config } from '../../config/load/load.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import { type CameraDescription, describeDevice } from '../../onvif/device/describe-device.ts';
import { withZone } from '../../onvif/device/media-uri.ts';
import type { OnvifSession } from '../../onvif/device/onvif-session.ts';
import {
  type CameraStream,
  DELAY_WORDS,
  delayOf,
  type ProbeStream,
  type StreamDelay,
  StreamRetry,
} from '../../onvif/device/streams.ts';
import { type FoundCamera, sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import type { KnownCamera } from '../../onvif/discovery/found-cameras.ts';
import { sharedPins } from '../../onvif/soap/http/certificate-pins.ts';
import { httpOriginOf } from '../../onvif/soap/http/origin.ts';
import { loginMissing } from '../../onvif/soap/login/login-failures.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { openGuarded } from '../following/endpoint-guard.ts';
import { isOtherCamera, requireSameCamera } from '../following/identity.ts';
import { type AddressProbe, probeAddress } from './by-address.ts';
import {
  type AdoptRequest,
  type CameraRequest,
  checkRequest,
  credentialsOf,
  isHostName,
  otherSource,
  parseHost,
  privateAddress,
  privateService,
  resolvePrivate,
  streamAddress,
} from './camera-request.ts';
import { type AdoptedPath, type CameraPlan, editsFor, oneLine, pathOfCamera, type StreamPlan } from './plan.ts';
import { type OnProgress, trackProgress } from './progress.ts';
import { withLogin } from './stream-patterns.ts';
import type { IsOpen } from './try-patterns.ts';

interface CameraPaths {
  readonly current: Config;
  revise(plan: (now: { readonly config: Config }) => Promise<readonly Edit[]>): Promise<void>;
}

export interface AdopterDeps {
  readonly clock: Clock;
  readonly paths: CameraPaths;
  /** Called before new cameras get these paths: rights to former ones there end. */
  endGrants(paths: readonly string[]): Promise<void>;
  readonly found: {
    list(): readonly FoundCamera[];
    find(endpoint: string): readonly KnownCamera[];
    probe(range: string, options: { readonly signal: AbortSignal }): Promise<void>;
    /** Whether this Perch itself offers the camera with this serial number. */
    isOwn?(identity: string): boolean;
  };
  /** @param isClearAllowed the password may be sent unencrypted @param onSlow the camera is connected and needs longer than usual */
  createProbe(isClearAllowed: boolean, onSlow?: () => void): ProbeStream;
  readonly isOpen: IsOpen;
  readonly speaksRtsp: IsOpen;
  /** Addresses of this box count as private; for tests. */
  readonly includeLoopback: boolean;
  readonly logins?: LoginMemory | undefined;
  readonly onvifPorts?: readonly number[] | undefined;
  readonly streamPorts?: readonly number[] | undefined;
}

interface AdoptedCamera {
  readonly title: string;
  readonly paths: readonly AdoptedPath[];
  readonly description: CameraDescription | undefined;
}

/** Time limit of calls to slow cameras: some take 8 s for each answer, and a call has up to two of them. */
const SLOW_CALL_DEADLINE_MS = 20_000;
const OWN_CAMERA = 'this is a camera that Perch itself offers to recorders: it is here already';
const OTHER_THAN_FOUND = 'another camera is at the address where this one was found: search for cameras again';

/** Identifies requested cameras and adds them to the configuration. */
export class Adopter {
  readonly #deps: AdopterDeps;

  constructor(deps: AdopterDeps) {
    this.#deps = deps;
  }

  /** @throws PerchError for a person; then nothing is written */
  async adopt(request: AdoptRequest, signal: AbortSignal, onProgress?: OnProgress): Promise<AdoptedCamera> {
    const at = await this.#locate(request, signal, onProgress);
    const { plan, description } =
      'session' in at ? await this.#planOf(at, request, signal) : this.#streamPlan(at, request);
    let made: ReturnType<typeof editsFor> | undefined;
    await this.#deps.paths.revise(async ({ config }) => {
      made = editsFor(plan, config);
      await this.#deps.endGrants(made.paths.map(({ name }) => name));
      return made.edits;
    });
    const { title = plan.title, paths = [] } = made ?? {};
    return { title, paths, description };
  }

  /** Logs in and reads the camera without changes. @throws PerchError for a person */
  async check(request: CameraRequest, signal: AbortSignal): Promise<CameraDescription | undefined> {
    const at = await this.#locate(request, signal);
    const [delay] = 'delays' in at ? (at.delays?.values() ?? []) : [];
    if (delay) {
      throw new PerchError('unavailable', `${DELAY_WORDS[delay]}: try again in a moment`);
    }
    return 'session' in at ? describeDevice(at.session, { probeStream: at.probeStream, signal }) : undefined;
  }

  /** Reads a configured camera. @throws PerchError for a person */
  async read(camera: ConfiguredRequest, signal: AbortSignal): Promise<CameraDescription> {
    const { session, probeStream } = await this.#open(camera.onvif, camera, { signal });
    await requireSameCamera(session, camera.serial);
    return describeDevice(session, { probeStream, signal });
  }

  /** Identifies the device at an address of a private network. @throws PerchError for a person */
  async probe(request: CameraRequest, signal: AbortSignal, onProgress?: OnProgress): Promise<AddressProbe> {
    const { clock, isOpen, speaksRtsp, includeLoopback, logins, onvifPorts, streamPorts } = this.#deps;
    const { host: named, port } = parseHost(request.address ?? '');
    const host = isHostName(named)
      ? await resolvePrivate(named, includeLoopback)
      : privateAddress(named, includeLoopback);
    const track = trackProgress(onProgress);
    const isRtspPort = port !== undefined && (await speaksRtsp(host, port, signal));
    return probeAddress(
      {
        host,
        credentials: credentialsOf(request),
        isClearAllowed: request.clearPassword,
        maker: request.maker,
        onvifPorts: port === undefined ? onvifPorts : isRtspPort ? [] : [port],
        ports: port === undefined ? streamPorts : [port],
      },
      {
        clock,
        probeStream: this.#probeFor(request, track.onSlow),
        isOpen,
        speaksRtsp,
        signal,
        logins,
        discover: async (address) => (port === undefined ? this.#discover(address, signal) : []),
        onProgress: track.onProgress,
      },
    );
  }

  adoptedAs({ endpoint, url }: FoundCamera): string | undefined {
    return pathOfCamera({ endpoint, onvif: url }, this.#deps.paths.current);
  }

  async #discover(host: string, signal: AbortSignal): Promise<string[]> {
    const knownUrls = () => this.#deps.found.list().flatMap(({ address, url }) => (address === host ? [url] : []));
    const known = knownUrls();
    if (known.length > 0) {
      return known;
    }
    // Fails if it is not in a private network: then only its ports can be tried.
    await this.#deps.found.probe(host, { signal }).catch(ignoreExpected);
    return knownUrls();
  }

  async #locate(request: CameraRequest, signal: AbortSignal, onProgress?: OnProgress): Promise<LocatedCamera> {
    checkRequest(request);
    const credentials = credentialsOf(request);
    if (request.source !== undefined) {
      const { source, rtpSDP } = request;
      const { paths } = this.#deps;
      return {
        main: otherSource(source, paths.current.keys.sources),
        rtpSDP,
        sub: undefined,
        credentials: undefined,
        makers: undefined,
      };
    }
    if (request.rtsp !== undefined) {
      const { onSlow } = trackProgress(onProgress);
      return this.#probeStreams({ ...request, rtsp: request.rtsp }, credentials, signal, onSlow);
    }
    if (request.address === undefined) {
      const url = this.#serviceUrlOf(request);
      return { ...(await this.#openFound(url, request, signal, onProgress)), found: this.#foundAt(url) };
    }
    const at = await this.probe(request, signal, onProgress);
    return at.onvif === undefined
      ? {
          main: withLogin(at.main, request.user, request.password),
          sub: at.sub && withLogin(at.sub, request.user, request.password),
          credentials,
          makers: at.makers,
        }
      : { ...(await this.#open(at.onvif, request, { signal, onProgress })), found: this.#foundAt(at.onvif) };
  }

  async #probeStreams(
    request: CameraRequest & { readonly rtsp: string },
    given: Credentials | undefined,
    signal: AbortSignal,
    onSlow: () => void,
  ): Promise<LocatedCamera> {
    const { rtsp, sub } = request;
    const probeStream = this.#probeFor(request, onSlow);
    const retry = new StreamRetry(this.#deps.clock, signal);
    const delays = new Map<string, StreamDelay>();
    const addressOf = (text: string, login: Credentials | undefined) =>
      streamAddress(withLogin(text, login?.user, login?.password));
    // Credentials in the address belong to this camera; the given ones may be for several.
    const credentials = addressOf(rtsp, given).credentials ?? given;
    const main = addressOf(rtsp, credentials).url;
    const claimed = sub === undefined ? undefined : addressOf(sub, credentials).url;
    // One address for both is one stream.
    const small = claimed === main ? undefined : claimed;
    for (const url of small === undefined ? [main] : [main, small]) {
      await retry
        .run(() => probeStream(url, credentials, signal))
        .catch((error: unknown) => {
          const delay = delayOf(error);
          if (delay) {
            delays.set(url, delay);
            return;
          }
          throw error instanceof PerchError && error.code === 'unauthorized' && !credentials
            ? loginMissing({ url })
            : error;
        });
    }
    return { main, sub: small, credentials, makers: undefined, delays };
  }

  #probeFor({ clearPassword = false }: CameraRequest, onSlow: () => void): ProbeStream {
    return this.#deps.createProbe(clearPassword, onSlow);
  }

  #serviceUrlOf({ endpoint, onvif }: CameraRequest): string {
    const { found, includeLoopback } = this.#deps;
    if (onvif !== undefined) {
      return privateService(onvif, includeLoopback);
    }
    const [first, ...others] = found.list().filter((one) => sameEndpoint(one.endpoint, endpoint ?? ''));
    if (!first) {
      throw new PerchError('notFound', 'no camera with this endpoint has been found: search for cameras first');
    }
    if (others.length > 0) {
      const words = `${others.length + 1} cameras have this endpoint: choose one by onvif, the address of its service`;
      throw new PerchError('badInput', words);
    }
    return first.url;
  }

  #foundAt(url: string): FoundCamera | undefined {
    return this.#deps.found.list().find((camera) => camera.url === url);
  }

  /** A device with another endpoint than discovered is another camera, unless a probe of it returns the discovered one. */
  async #openFound(
    url: string,
    request: CameraRequest,
    signal: AbortSignal,
    onProgress: OnProgress | undefined,
  ): Promise<OpenDevice> {
    const { endpoint } = request;
    try {
      return await this.#open(url, request, { signal, onProgress, otherWords: OTHER_THAN_FOUND });
    } catch (error) {
      if (endpoint === undefined || !isOtherCamera(error) || !(await this.#answersAs(endpoint, url, signal))) {
        throw error;
      }
      return this.#open(url, { ...request, endpoint: undefined }, { signal, onProgress });
    }
  }

  /** Whether the device returns this endpoint in discovery: some cameras have another one there than in ONVIF. */
  async #answersAs(endpoint: string, url: string, signal: AbortSignal): Promise<boolean> {
    const { found } = this.#deps;
    const discovered = () => found.find(endpoint).find((camera) => camera.url === url);
    const known = discovered();
    await found.probe(known?.address ?? '', { signal });
    return known !== undefined && discovered()?.lastSeenMs !== known.lastSeenMs;
  }

  async #open(
    url: string,
    request: CameraRequest,
    { signal, onProgress, otherWords }: OpenOptions,
  ): Promise<OpenDevice> {
    const { clock, logins } = this.#deps;
    const { clearPassword: isClearAllowed, endpoint } = request;
    const target = {
      url,
      ...credentialsOf(request),
      isClearAllowed,
      isInteractive: true,
      signal,
      clock,
      logins,
      slowCallDeadlineMs: SLOW_CALL_DEADLINE_MS,
    };
    const { session, guard } = await openGuarded(target, endpoint, otherWords);
    const probeStream = this.#probeFor(request, trackProgress(onProgress).onSlow);
    return {
      session,
      probeStream: async (...asked) => {
        await guard.confirm();
        return probeStream(...asked);
      },
    };
  }

  async #planOf(
    { session, probeStream, found }: ByOnvif,
    request: AdoptRequest,
    signal: AbortSignal,
  ): Promise<Planned> {
    const { prefers } = request;
    const { serial } = await session.information();
    if (serial !== undefined && this.#deps.found.isOwn?.(serial)) {
      throw new PerchError('badInput', OWN_CAMERA);
    }
    const description = await describeDevice(session, { probeStream, prefers, signal, retryClock: this.#deps.clock });
    const { information, channels } = description;
    const model = [information.manufacturer, information.model].filter(Boolean).join(' ');
    const title = oneLine(request.title ?? '') || found?.name || description.name || model || session.host;
    const plan = {
      ...planFor(request, credentialsOf(request)),
      identity: {
        endpoint: description.endpoint ?? found?.endpoint,
        serial: information.serial,
        onvif: withZone(session.url, session.host),
      },
      fingerprint: sharedPins.seenAt({ ...httpOriginOf(session.url), host: session.host }),
      title,
      called: [found?.location, model],
      channels: channels.map(({ main, sub }) => ({
        main: planOf(main),
        sub: sub && planOf(sub),
      })),
    };
    return { plan, description };
  }

  #streamPlan({ main, rtpSDP, sub, credentials, makers, delays }: ByStream, request: AdoptRequest): Planned {
    const { host = '', rest = '' } = splitUrl(main) ?? {};
    const place = host || rest.slice(rest.lastIndexOf('/') + 1);
    const [maker] = makers?.split(/[,(]/) ?? [];
    const plan = {
      ...planFor(request, credentials),
      identity: {},
      title: oneLine(request.title ?? '') || [maker?.trim(), place].filter(Boolean).join(' '),
      called: [place],
      channels: [
        {
          main: { source: main, rtpSDP, delay: delays?.get(main) },
          sub: sub === undefined ? undefined : { source: sub, delay: delays?.get(sub) },
        },
      ],
    };
    return { plan, description: undefined };
  }
}

type ConfiguredRequest = CameraRequest & { readonly onvif: string; readonly serial?: string | undefined };

interface OpenOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
  /** Message if another camera answers. */
  readonly otherWords?: string;
}

interface OpenDevice {
  readonly session: OnvifSession;
  readonly probeStream: ProbeStream;
}
interface ByOnvif extends OpenDevice {
  readonly found: FoundCamera | undefined;
}
interface ByStream {
  readonly main: string;
  readonly rtpSDP?: string | undefined;
  readonly sub: string | undefined;
  readonly credentials: Credentials | undefined;
  readonly makers: string | undefined;
  /** Addresses that could not be probed yet. */
  readonly delays?: ReadonlyMap<string, StreamDelay>;
}
type LocatedCamera = ByOnvif | ByStream;
interface Planned {
  readonly plan: CameraPlan;
  readonly description: CameraDescription | undefined;
}

const planOf = ({ rtspUrl, token, delay }: CameraStream): StreamPlan => ({ source: rtspUrl, profile: token, delay });

const planFor = (request: AdoptRequest, credentials: Credentials | undefined) => ({
  name: request.name || undefined,
  isTitled: oneLine(request.title ?? '') !== '',
  credentials,
  clearPassword: request.clearPassword ?? false,
  record: request.record,
  again: request.again ?? false,
});
