import { PerchError } from '../../base/errors.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { parseAddress } from '../../config/values/address.ts';
import { perchOf } from '../../onvif/device/perch-camera.ts';
import { scan } from '../../onvif/discovery/scan.ts';
import type { RtspReplays } from '../../protocols/contract.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Host } from '../contract.ts';
import { ONVIF } from './keys.ts';
import type { OnvifSourceDeps } from './onvif-source.ts';
import type { Replays } from './replay/replays.ts';
import type { OnvifState } from './routes.ts';
import type { OnvifLogin } from './server/contract.ts';
import type { Responder } from './server/discovery/responder.ts';
import type { OnvifServer } from './server/server.ts';

const PART = 'ONVIF device';
/** Duration of a test: three rounds of probes, and the half second in which devices answer. */
const TEST_LISTEN_MS = 2_000;
/** Query of the URLs that GetReplayUri returns; clients may append the control of a track. */
const REPLAY_QUERY = /(?:^|&)onvif-replay(?=[=&/]|$)/;
const UNHEARD = 'this Perch does not receive its own probes: a firewall may block UDP port 3702';

type OnvifDeps = OnvifSourceDeps &
  Pick<Host, 'dataDir' | 'clock' | 'log' | 'accounts' | 'wrongCredentials' | 'preLogin' | 'discovery'>;

interface Running {
  readonly perch: string;
  readonly server: OnvifServer;
  readonly responder: Responder | undefined;
  readonly replays: Replays;
  /** Number of probes received by the end of a test that found no camera, or undefined if there was no such test. Later probes refute it. */
  unheard?: number | undefined;
}

/** The ONVIF devices for other recorders while they are configured. Their code is loaded then. */
export class OnvifDevice {
  /** Recordings of the cameras by RTSP, while the devices are on. */
  readonly replays: RtspReplays = {
    takes: (query) => REPLAY_QUERY.test(query),
    tracks: (path) => this.#requireReplays().tracks(path),
    open: async (path, tracks, link, client) => this.#requireReplays().open(path, tracks, link, client),
  };
  readonly #deps: OnvifDeps;
  readonly #changes = new Set<() => void>();
  #running: Running | undefined;
  #testing: Promise<OnvifState> | undefined;

  constructor(deps: OnvifDeps) {
    this.#deps = deps;
  }

  get #hasPassword(): boolean {
    return this.#deps.accounts.people.devices.list().some(({ onvif }) => onvif);
  }

  get state(): OnvifState {
    const { server, responder, unheard } = this.#running ?? {};
    const refused = server?.lastRefusal;
    return {
      isOn: server !== undefined,
      isDiscoverable: settingsIn(this.#deps.config(), ONVIF).onvifDiscovery,
      hasPassword: this.#hasPassword,
      cameras: (server?.cameras ?? []).map(({ path, name, port = null, error = null }) => ({
        path,
        name,
        port,
        error,
      })),
      urls: [...(server?.urls ?? [])],
      subscriptions: server?.subscriptions ?? 0,
      discoveryError: responder?.error ?? (unheard !== undefined && unheard === responder?.probes ? UNHEARD : null),
      refused: refused
        ? {
            why: refused.why,
            user: refused.user,
            address: refused.ip,
            path: refused.path,
            time: new Date(refused.timeMs).toISOString(),
          }
        : null,
    };
  }

  #requireReplays(): Replays {
    if (!this.#running) {
      throw new PerchError('unavailable', 'recordings are replayed only while onvif is on');
    }
    return this.#running.replays;
  }

  /** The state, after closed ports were tried again and this Perch has searched for its cameras as recorders do. */
  test(): Promise<OnvifState> {
    this.#testing ??= this.#test().finally(() => {
      this.#testing = undefined;
    });
    return this.#testing;
  }

  async #test(): Promise<OnvifState> {
    await this.#running?.server.openClosed();
    if (this.#running) {
      this.#running.unheard = await this.#search(this.#running);
    }
    return this.state;
  }

  /** @returns undefined if a camera was found, or there is none to find; else the number of probes that have arrived */
  async #search({ perch, server, responder }: Running): Promise<number | undefined> {
    if (!responder || !server.cameras.some(({ port }) => port !== undefined)) {
      return undefined;
    }
    const { discovery, log, clock } = this.#deps;
    const found = new AbortController();
    const options = { ...discovery, log, clock, listenMs: TEST_LISTEN_MS, signal: found.signal };
    await scan(options, ({ endpoint }) => {
      if (perchOf(endpoint) === perch) {
        found.abort();
      }
    });
    return found.signal.aborted ? undefined : responder.probes;
  }

  /** There may be other cameras. */
  applied(): void {
    for (const onChange of this.#changes) {
      onChange();
    }
  }

  /** Whether this Perch offers the camera with this endpoint or serial number. */
  isOwn(identity: string): boolean {
    return this.#running !== undefined && perchOf(identity) === this.#running.perch;
  }

  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      settings: (config) => {
        const { onvif, onvifAddress, onvifDiscovery, readTimeoutMs } = settingsIn(config, ONVIF);
        return onvif ? [onvifAddress, onvifDiscovery, readTimeoutMs] : undefined;
      },
      start: (config) => this.#start(config),
    };
  }

  async #start(config: Config): Promise<() => Promise<void>> {
    const { onvifAddress: address, onvifDiscovery, readTimeoutMs } = settingsIn(config, ONVIF);
    const { dataDir, log, clock, discovery } = this.#deps;
    const [
      { OnvifServer: Server },
      { DeviceFile },
      { onvifSource, recordedStore },
      { Replays: Sessions },
      { recordingServices },
      discoverable,
    ] = await loadLate(PART, () =>
      Promise.all([
        import('./server/server.ts'),
        import('./server/device-file.ts'),
        import('./onvif-source.ts'),
        import('./replay/replays.ts'),
        import('./recordings/recording-service.ts'),
        onvifDiscovery ? import('./server/discovery/responder.ts') : undefined,
      ]),
    );
    const file = await DeviceFile.open(dataDir, log);
    const where = { ...discovery, host: parseAddress(address)?.host };
    const responder = discoverable && new discoverable.Responder({ ...where, clock, log, perch: file.id });
    const store = recordedStore(this.#deps);
    const source = onvifSource(this.#deps, (listener) => {
      this.#changes.add(listener);
      return () => this.#changes.delete(listener);
    });
    const deps = {
      ...this.#deps,
      source,
      more: recordingServices({ source, store, clock }),
      file,
      address,
      readTimeoutMs,
      login: (user: string) => this.#login(user),
    };
    try {
      const server = await Server.start(deps, (cameras) => responder?.setCameras(cameras));
      const replays = new Sessions({ clock, log, recordings: this.#deps.recordings.playback });
      this.#running = { perch: file.id, server, responder, replays };
      return async () => {
        this.#running = undefined;
        replays.close();
        await responder?.close();
        await server.close();
      };
    } catch (error) {
      await responder?.close();
      throw error;
    }
  }

  #login(user: string): OnvifLogin | undefined {
    const device = this.#deps.accounts.device(user);
    return (
      device && {
        user,
        may: (path) => device.may('onvif', path),
        mayPlay: (path) => device.may('playback', path),
        isRight: (proves) => device.isRight({ proves }),
      }
    );
  }
}
