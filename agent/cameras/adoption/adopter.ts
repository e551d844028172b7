import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { withoutZone } from '../../base/url-zone.ts';
import type { Config } from '../../config/load/load.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { OnvifSession } from '../../onvif/device/session.ts';
import { withZone } from '../../onvif/device/stream-address.ts';
import {
  type CameraStream,
  DELAY_WORDS,
  delayOf,
  Patience,
  type ProveStream,
  type StreamDelay,
} from '../../onvif/device/streams.ts';
import { type CameraDescription, understand } from '../../onvif/device/understand.ts';
import { type FoundCamera, sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import type { KnownCamera } from '../../onvif/discovery/found-cameras.ts';
import { sharedPins } from '../../onvif/soap/http/certificate-pins.ts';
import { placeOf } from '../../onvif/soap/http/http-exchange.ts';
import { loginMissing } from '../../onvif/soap/login/login-failures.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { openGuarded } from '../following/endpoint-guard.ts';
import { isOtherCamera, refuseOther } from '../following/identity.ts';
import { type AtAddress, lookAtAddress } from './by-address.ts';
import { type AdoptedPath, type CameraPlan, editsFor, oneLine, pathOfCamera, type StreamPlan } from './plan.ts';
import { withLogin } from './stream-patterns.ts';
import type { IsOpen, Progress } from './try-patterns.ts';
import {
  type AdoptWish,
  type CameraWish,
  checkWish,
  credentialsOf,
  privateAddress,
  privateService,
  streamAddress,
} from './wish.ts';

/** Where paths stand, as the store of the configuration has it. */
export interface CameraPaths {
  readonly current: Config;
  revise(plan: (now: { readonly config: Config }) => readonly Edit[]): Promise<void>;
}

export interface AdopterDeps {
  readonly clock: Clock;
  readonly paths: CameraPaths;
  readonly found: {
    list(): readonly FoundCamera[];
    find(endpoint: string): readonly KnownCamera[];
    probe(range: string, options: { readonly signal: AbortSignal }): Promise<void>;
  };
  /** @param isClearAllowed the password may be sent so that anybody in the network can read it */
  prover(isClearAllowed: boolean): ProveStream;
  readonly isOpen: IsOpen;
  readonly speaksRtsp: IsOpen;
  /** Addresses of this machine itself count as private: for tests. */
  readonly includeLoopback: boolean;
  readonly logins?: LoginMemory | undefined;
  readonly onvifPorts?: readonly number[] | undefined;
  readonly streamPorts?: readonly number[] | undefined;
}

export interface AdoptedCamera {
  readonly title: string;
  /** One for each lens. */
  readonly paths: readonly AdoptedPath[];
  /** Undefined for cameras without ONVIF. */
  readonly description: CameraDescription | undefined;
}

const OTHER_THAN_FOUND = 'another camera is at the address where this one was found: look for cameras again';

/** Finds out about cameras that somebody wants, and writes them into the configuration. */
export class Adopter {
  readonly #deps: AdopterDeps;

  constructor(deps: AdopterDeps) {
    this.#deps = deps;
  }

  /** @throws PerchError in words for a person; nothing is written then */
  async adopt(wish: AdoptWish, signal: AbortSignal, onProgress?: (progress: Progress) => void): Promise<AdoptedCamera> {
    const at = await this.#locate(wish, signal, onProgress);
    const { plan, description } = 'session' in at ? await this.#planOf(at, wish, signal) : this.#streamPlan(at, wish);
    let paths: readonly AdoptedPath[] = [];
    await this.#deps.paths.revise(({ config }) => {
      const made = editsFor(plan, config);
      paths = made.paths;
      return made.edits;
    });
    return { title: oneLine(plan.title), paths, description };
  }

  /** Logs in and reads what the camera is, and changes nothing. @throws PerchError in words for a person */
  async check(wish: CameraWish, signal: AbortSignal): Promise<CameraDescription | undefined> {
    const at = await this.#locate(wish, signal);
    const [delay] = 'delays' in at ? (at.delays?.values() ?? []) : [];
    if (delay) {
      throw new PerchError('unavailable', `${DELAY_WORDS[delay]}: try again in a moment`);
    }
    return 'session' in at ? understand(at.session, { prove: at.prove, signal }) : undefined;
  }

  /** A camera that is there already, as the configuration has it. @throws PerchError in words for a person */
  async read(camera: AdoptedWish, signal: AbortSignal): Promise<CameraDescription> {
    const { session, prove } = await this.#open(camera.onvif, camera, signal);
    await refuseOther(session, camera.serial);
    return understand(session, { prove, signal });
  }

  /** What is at an address of a private network. @throws PerchError in words for a person */
  look(wish: CameraWish, signal: AbortSignal, onProgress?: (progress: Progress) => void): Promise<AtAddress> {
    const { clock, isOpen, speaksRtsp, includeLoopback, logins, onvifPorts, streamPorts } = this.#deps;
    const host = privateAddress(wish.address ?? '', includeLoopback);
    return lookAtAddress(
      {
        ...{ host, credentials: credentialsOf(wish), isClearAllowed: wish.clearPassword, maker: wish.maker },
        ...{ onvifPorts, ports: streamPorts },
      },
      {
        ...{ clock, prove: this.#proverFor(wish), isOpen, speaksRtsp, signal, logins },
        discover: (address) => this.#discover(address, signal),
        onProgress: (progress) => onProgress?.(progress),
      },
    );
  }

  /** The path of a camera that was found. */
  adoptedAs({ endpoint, url }: FoundCamera): string | undefined {
    return pathOfCamera({ endpoint, onvif: url }, this.#deps.paths.current);
  }

  async #discover(host: string, signal: AbortSignal): Promise<string[]> {
    const here = () => this.#deps.found.list().flatMap(({ address, url }) => (address === host ? [url] : []));
    const known = here();
    if (known.length > 0) {
      return known;
    }
    try {
      await this.#deps.found.probe(host, { signal });
    } catch (error) {
      // Not in a private network: then the ports are all there is.
      if (!(error instanceof PerchError)) {
        throw error;
      }
    }
    return here();
  }

  async #locate(wish: CameraWish, signal: AbortSignal, onProgress?: (progress: Progress) => void): Promise<Located> {
    checkWish(wish);
    const credentials = credentialsOf(wish);
    if (wish.rtsp !== undefined) {
      return this.#proveStreams({ ...wish, rtsp: wish.rtsp }, credentials, signal);
    }
    if (wish.address === undefined) {
      const url = this.#serviceOf(wish);
      return { ...(await this.#openFound(url, wish, signal)), found: this.#foundAt(url) };
    }
    const at = await this.look(wish, signal, onProgress);
    return at.onvif === undefined
      ? {
          main: withLogin(at.main, wish.user, wish.password),
          sub: at.sub && withLogin(at.sub, wish.user, wish.password),
          credentials,
          makers: at.makers,
        }
      : { ...(await this.#open(at.onvif, wish, signal)), found: this.#foundAt(at.onvif) };
  }

  async #proveStreams(
    wish: CameraWish & { readonly rtsp: string },
    given: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Located> {
    const { rtsp, sub } = wish;
    const prove = this.#proverFor(wish);
    const patience = new Patience(this.#deps.clock, signal);
    const delays = new Map<string, StreamDelay>();
    const addressOf = (text: string, login: Credentials | undefined) =>
      streamAddress(withLogin(text, login?.user, login?.password));
    // What stands in the address is this camera's own; the other may be for all of them.
    const credentials = addressOf(rtsp, given).credentials ?? given;
    const main = addressOf(rtsp, credentials).url;
    const claimed = sub === undefined ? undefined : addressOf(sub, credentials).url;
    // One address for both is one stream, which is pulled once.
    const small = claimed === main ? undefined : claimed;
    for (const url of small === undefined ? [main] : [main, small]) {
      await patience
        .ask(() => prove(url, credentials, signal))
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

  #proverFor({ clearPassword = false }: CameraWish): ProveStream {
    return this.#deps.prover(clearPassword);
  }

  #serviceOf({ endpoint, onvif }: CameraWish): string {
    const { found, includeLoopback } = this.#deps;
    if (onvif !== undefined) {
      return privateService(onvif, includeLoopback);
    }
    const [first, ...others] = found.list().filter((one) => sameEndpoint(one.endpoint, endpoint ?? ''));
    if (!first) {
      throw new PerchError('notFound', 'no camera with this endpoint has been found: look for cameras first');
    }
    if (others.length > 0) {
      const words = `${others.length + 1} cameras say that they are this one: say which by onvif, the address of its service`;
      throw new PerchError('badInput', words);
    }
    return first.url;
  }

  #foundAt(url: string): FoundCamera | undefined {
    return this.#deps.found.list().find((camera) => camera.url === url);
  }

  /** Who has another endpoint there than was found is no camera that was wished for, unless a probe of it says that it is. */
  async #openFound(url: string, wish: CameraWish, signal: AbortSignal): Promise<Opened> {
    const { endpoint } = wish;
    try {
      return await this.#open(url, wish, signal, OTHER_THAN_FOUND);
    } catch (error) {
      if (endpoint === undefined || !isOtherCamera(error) || !(await this.#answersAs(endpoint, url, signal))) {
        throw error;
      }
      return this.#open(url, { ...wish, endpoint: undefined }, signal);
    }
  }

  /** Some cameras give another endpoint by discovery than by ONVIF. */
  async #answersAs(endpoint: string, url: string, signal: AbortSignal): Promise<boolean> {
    const { found } = this.#deps;
    const here = () => found.find(endpoint).find((camera) => camera.url === url);
    const known = here();
    await found.probe(known?.address ?? '', { signal });
    return known !== undefined && here()?.lastSeenMs !== known.lastSeenMs;
  }

  async #open(url: string, wish: CameraWish, signal: AbortSignal, words?: string): Promise<Opened> {
    const { clock, logins } = this.#deps;
    const { clearPassword: isClearAllowed, endpoint } = wish;
    const target = { url, ...credentialsOf(wish), isClearAllowed, isAsked: true, signal, clock, logins };
    const { session, guard } = await openGuarded(target, endpoint, words);
    const prove = this.#proverFor(wish);
    return {
      session,
      prove: async (...asked) => {
        await guard.confirm();
        return prove(...asked);
      },
    };
  }

  async #planOf({ session, prove, found }: ByOnvif, wish: AdoptWish, signal: AbortSignal): Promise<Planned> {
    const { prefers } = wish;
    const description = await understand(session, { prove, prefers, signal, retryClock: this.#deps.clock });
    const { information, channels } = description;
    const model = [information.manufacturer, information.model].filter(Boolean).join(' ');
    const title = oneLine(wish.title ?? '') || found?.name || model || session.host;
    const plan = {
      ...planFor(wish, credentialsOf(wish)),
      identity: {
        endpoint: description.endpoint ?? found?.endpoint,
        serial: information.serial,
        onvif: withZone(session.url, session.host),
      },
      fingerprint: sharedPins.seenAt({ ...placeOf(session.url), host: session.host }),
      title,
      called: [found?.location, model],
      channels: channels.map(({ main, sub }) => ({
        main: planOf(main),
        sub: sub && planOf(sub),
      })),
    };
    return { plan, description };
  }

  #streamPlan({ main, sub, credentials, makers, delays }: ByStream, wish: AdoptWish): Planned {
    const { hostname } = new URL(withoutZone(main));
    const [maker] = makers?.split(/[,(]/) ?? [];
    const plan = {
      ...planFor(wish, credentials),
      identity: {},
      title: oneLine(wish.title ?? '') || [maker?.trim(), hostname].filter(Boolean).join(' '),
      called: [hostname],
      channels: [
        {
          main: { source: main, delay: delays?.get(main) },
          sub: sub === undefined ? undefined : { source: sub, delay: delays?.get(sub) },
        },
      ],
    };
    return { plan, description: undefined };
  }
}

/** A camera as the configuration has it. */
export type AdoptedWish = CameraWish & { readonly onvif: string; readonly serial?: string | undefined };

interface Opened {
  readonly session: OnvifSession;
  readonly prove: ProveStream;
}
interface ByOnvif extends Opened {
  readonly found: FoundCamera | undefined;
}
interface ByStream {
  readonly main: string;
  readonly sub: string | undefined;
  readonly credentials: Credentials | undefined;
  readonly makers: string | undefined;
  /** Of the addresses that could not be proved yet. */
  readonly delays?: ReadonlyMap<string, StreamDelay>;
}
type Located = ByOnvif | ByStream;
interface Planned {
  readonly plan: CameraPlan;
  readonly description: CameraDescription | undefined;
}

const planOf = ({ rtspUrl, token, delay }: CameraStream): StreamPlan => ({ source: rtspUrl, profile: token, delay });

const planFor = (wish: AdoptWish, credentials: Credentials | undefined) => ({
  name: wish.name || undefined,
  credentials,
  clearPassword: wish.clearPassword ?? false,
  record: wish.record,
  again: wish.again ?? false,
});
