import { optimizeForMedia } from '../../system/memory.ts';
import { PerchError } from '../base/errors.ts';
import { IdentityCheckedSource, type IdentityWatch } from '../cameras/identity-checked-source.ts';
import { streamLogin } from '../cameras/stream-login.ts';
import type { Config } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import { schemeOf } from '../config/schema/source.ts';
import { ForwardLeases } from '../paths/forward-leases.ts';
import { type PathMakers, PathTable } from '../paths/path-table.ts';
import type {
  Forwarder,
  ForwarderProtocol,
  ForwardRequest,
  Reach,
  SourceProtocol,
  SourceRequest,
} from '../protocols/contract.ts';
import { LivePictures } from '../recordings/live-pictures.ts';
import { Recordings } from '../recordings/recordings.ts';
import type { Source } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import { startEngine } from '../transcode/engine-host.ts';
import { Transcoder } from '../transcode/transcoder.ts';
import { noAudioReason } from '../transports/webrtc/sdp/codecs.ts';
import type { Shared } from './app-state.ts';
import type { OpenFeatures } from './features/open-features.ts';
import type { HostPart } from './host.ts';
import { PROTOCOLS } from './protocols.ts';
import { HookRunner } from './servers/hook-runner.ts';
import { Servers } from './servers/servers.ts';
import { SessionAuthority } from './servers/session-access.ts';
import { SessionRevocation } from './servers/session-revocation.ts';

/** What paths ask of parts that are made after them. */
interface MediaLinks {
  readonly watch: IdentityWatch;
  readonly features: Pick<OpenFeatures, 'sources' | 'boxOf' | 'segmentHooks' | 'replays'>;
  streamOpened(name: string, stream: Stream): void;
}

/** Paths with their sources, recorders and readers; servers of all protocols. */
export class MediaPart {
  readonly commands: HookRunner;
  readonly recordings: Recordings;
  readonly transcoder: Transcoder;
  readonly paths: PathTable;
  readonly pictures: LivePictures;
  readonly servers: Servers;
  readonly revocation: SessionRevocation;
  readonly #shared: Shared;
  readonly #host: HostPart;
  readonly #links: MediaLinks;

  constructor(shared: Shared, host: HostPart, links: MediaLinks) {
    this.#shared = shared;
    this.#host = host;
    this.#links = links;
    const { config, dataDir, clock, log, accounts, pairedServers, protocols = PROTOCOLS } = shared;
    this.commands = new HookRunner(config, shared);
    this.recordings = new Recordings(config, dataDir, clock, log, () => shared.applied());
    const nameOf = (stream: Stream) => this.paths.openStreams().find(([, other]) => other === stream)?.[0];
    this.transcoder = new Transcoder(startEngine, clock, log, nameOf);
    this.paths = new PathTable(this.#makers(), clock, log);
    const { paths, recordings } = this;
    const elsewhere = (path: string) => recordings.stores.picturesOf(path);
    this.pictures = new LivePictures({ ...shared, paths, recordings, elsewhere });
    this.servers = new Servers(protocols.servers, {
      ...shared,
      paths,
      own: host.own,
      access: new SessionAuthority(host.authority, host.wrongCredentials, log, this.commands),
      connections: this.commands.connections,
      preLogin: host.preLogin,
      audio: this.transcoder,
      replays: () => this.#links.features.replays,
    });
    this.revocation = new SessionRevocation(accounts, this.servers, clock);
    this.revocation.follow(pairedServers);
  }

  source(name: string, settings: PathSettings, config: Config, watch?: IdentityWatch): Source {
    const { clock, log, protocols = PROTOCOLS } = this.#shared;
    const sources = [...protocols.sources, ...this.#links.features.sources];
    return makeSource(sources, { name, settings, config, clock, log }, watch);
  }

  #makers(): PathMakers {
    const { clock, log, events, protocols = PROTOCOLS } = this.#shared;
    const leases = new ForwardLeases(this.#shared);
    return {
      source: (name, settings, config) => this.source(name, settings, config, this.#links.watch),
      recorder: (name, settings, hooks) =>
        this.recordings.recorders.recorder(name, settings, [
          ...(hooks ? [hooks] : []),
          ...this.#links.features.segmentHooks(),
        ]),
      forwarder: (name, destination, config) => {
        const sound = this.transcoder.opus;
        const forwarder = makeForwarder(protocols.forwarders, { name, destination, config, sound, clock, log });
        return leases.limit(forwarder, name, destination.dest);
      },
      hooks: (name, settings, groups, former) => this.commands.ofPath(settings, { name, groups, former }),
      noAudioReason: (tracks) => noAudioReason(tracks, this.transcoder.opus),
      box: (source) => this.#links.features.boxOf(source),
      streamOpened: (name, stream) => {
        stream.recipients.onWatcher = ({ user, remoteAddr }) => this.#host.views.begin(name, user, remoteAddr);
        this.#links.streamOpened(name, stream);
        this.servers.streamOpened(name, stream);
      },
      publisherAccepted: optimizeForMedia,
      publishEvent: events.emit,
    };
  }
}

/** The forwarder of a destination, by the scheme of its URL. */
function makeForwarder(protocols: readonly ForwarderProtocol[], request: ForwardRequest): Forwarder {
  const { name, destination, log } = request;
  const scheme = schemeOf(destination.dest);
  const protocol = protocols.find(({ keys }) => keys.schemes.includes(scheme));
  if (!protocol) {
    throw new PerchError('unsupported', `no forwarder publishes to ${scheme}:// URLs`, { path: name });
  }
  return protocol.create({ ...request, log: log.child({ path: name }) });
}

/**
 * The source of a path that is pulled, by the scheme of its URL.
 * @param watch default: none, the camera's identity is not checked
 */
export function makeSource(
  protocols: readonly SourceProtocol[],
  request: Omit<SourceRequest, 'loginWatch'>,
  watch?: IdentityWatch,
): Source {
  const { name, settings, clock, log } = request;
  const { camera = {} } = settings;
  const scheme = schemeOf(settings.source);
  const protocol = protocols.find(({ keys }) => keys.schemes.includes(scheme));
  if (!protocol) {
    throw new PerchError('unsupported', `no source pulls ${scheme}:// URLs`, { path: name });
  }
  const { loginTarget } = protocol;
  let checked: IdentityCheckedSource | undefined;
  const confirm = async (signal: AbortSignal, reach?: Reach): Promise<void> => checked?.beforeLogin(signal, reach);
  const source = protocol.create({
    ...request,
    loginWatch: loginTarget && streamLogin(() => loginTarget(settings.source, name), camera, { confirm }),
    log: log.child({ path: name }),
  });
  const { endpoint, serial, onvif } = camera;
  checked = watch && onvif && (endpoint || serial) ? new IdentityCheckedSource(source, name, watch, clock) : undefined;
  return checked ?? source;
}
