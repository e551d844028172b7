import { SessionAuthority } from '../../../../agent/app/servers/session-access.ts';
import { Authority, type Owners } from '../../../../agent/auth/permissions/authorize.ts';
import { WrongCredentials } from '../../../../agent/auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { createLogger } from '../../../../agent/base/log.ts';
import { PreLoginMemory } from '../../../../agent/base/network/pre-login-memory.ts';
import { type InternalUser, MEDIAMTX_USERS } from '../../../../agent/config/schema/common/general.ts';
import type { Track } from '../../../../agent/media/sample/track.ts';
import type { RtspReplays } from '../../../../agent/protocols/contract.ts';
import { RtspServer } from '../../../../agent/servers/rtsp/server.ts';
import type { RtspPaths } from '../../../../agent/servers/rtsp/session/contracts.ts';
import { DatagramPlane } from '../../../../agent/servers/rtsp/transport/datagram-plane.ts';
import type { RtspServerOptions } from '../../../../agent/servers/rtsp/transport/options.ts';
import type {
  BackChannel,
  Loudspeaker,
  Publication,
  Publisher,
  TalkFormat,
} from '../../../../agent/stream/contracts.ts';
import { Stream } from '../../../../agent/stream/stream.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { RtspCaller } from '../../clients/rtsp-caller.ts';

/** Paths whose streams a test writes itself. Any other is not configured. */
export class TestPaths implements RtspPaths {
  readonly streams = new Map<string, Stream>();
  readonly redirects = new Map<string, string>();
  readonly publishers = new Map<string, Publisher>();
  /** Paths that wait for a publisher. */
  readonly waiting = new Set<string>();
  /** The error of opening a path. */
  readonly failures = new Map<string, PerchError>();
  readonly opened: string[] = [];
  readonly loudspeakers = new Map<string, Loudspeaker>();
  readonly #over = new AbortController();

  redirectOf(name: string): string | undefined {
    return this.redirects.get(name);
  }

  async open(name: string, query = ''): Promise<Stream> {
    this.opened.push(`${name}?${query}`);
    const failure = this.failures.get(name);
    if (failure) {
      throw failure;
    }
    const stream = this.streams.get(name);
    if (stream) {
      return stream;
    }
    if (this.waiting.has(name)) {
      throw new PerchError('notFound', `no stream is available on path '${name}'`);
    }
    throw new PerchError('badInput', `path '${name}' is not configured`);
  }

  mayTalk(name: string): Promise<TalkFormat> {
    return this.#loudspeaker(name).check(this.#over.signal);
  }

  talk(name: string, onEnded: (reason: string) => void): Promise<BackChannel> {
    return this.#loudspeaker(name).open(onEnded, this.#over.signal);
  }

  #loudspeaker(name: string): Loudspeaker {
    const loudspeaker = this.loudspeakers.get(name);
    if (!loudspeaker) {
      throw new PerchError('unsupported', `path '${name}' has no camera with a back channel`);
    }
    return loudspeaker;
  }

  mayPublish(name: string): void {
    if (!this.waiting.has(name)) {
      throw new PerchError('badInput', `path '${name}' is not configured`);
    }
  }

  publish(name: string, publisher: Publisher): Publication {
    if (this.publishers.has(name)) {
      throw new PerchError('badInput', `someone is already publishing to path '${name}'`);
    }
    this.publishers.set(name, publisher);
    return {
      publish: (tracks: readonly Track[]) => {
        const stream = new Stream(tracks);
        this.streams.set(name, stream);
        return stream;
      },
      close: () => {
        this.publishers.delete(name);
        this.streams.get(name)?.close();
        this.streams.delete(name);
      },
    };
  }
}

export interface RtspHarnessOptions extends Partial<RtspServerOptions> {
  readonly users?: readonly InternalUser[];
  /** Perch's own setup with these people; without them a file for MediaMTX. */
  readonly people?: Owners;
  /** The memory limit of clients without a session; default: the product's. */
  readonly preLoginBytes?: number;
  /** Recordings that the server offers, by its clock. */
  readonly replays?: (clock: FakeClock) => RtspReplays;
}

const NO_ACCOUNTS = { owner: undefined, verify: async () => false, person: () => undefined };

/** A server on loopback with the real access rules, over the test's paths. Wrong credentials wait for the full four seconds. */
export class RtspHarness implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly paths = new TestPaths();
  /** The log as lines of JSON. */
  readonly log: string[] = [];
  readonly media: DatagramPlane;
  /** SRTP, of RTSPS. */
  readonly secureMedia: DatagramPlane;
  readonly server: RtspServer;
  readonly preLogin: PreLoginMemory;
  readonly access: SessionAuthority;
  readonly #callers: RtspCaller[] = [];
  readonly #stop = new AbortController();

  static async open(options: RtspHarnessOptions = {}): Promise<RtspHarness> {
    const box = new RtspHarness(options);
    await box.media.listen();
    await box.secureMedia.listen();
    await box.server.listen();
    return box;
  }

  constructor({
    people,
    users = people ? [] : MEDIAMTX_USERS,
    preLoginBytes,
    replays,
    ...options
  }: RtspHarnessOptions) {
    const log = createLogger('debug', (line) => this.log.push(line));
    const authority = new Authority(people ?? NO_ACCOUNTS, { isOwn: people !== undefined, internalUsers: users });
    const wrong = new WrongCredentials(this.clock, this.#stop.signal, () => 1);
    this.access = new SessionAuthority(authority, wrong, log);
    const all = { ...OPTIONS, ...options };
    this.media = new DatagramPlane(all, this.clock, log);
    this.secureMedia = new DatagramPlane(all, this.clock, log, 'secure');
    this.preLogin = new PreLoginMemory(this.clock, log, preLoginBytes);
    const { clock, paths, preLogin } = this;
    const recorded = replays?.(clock);
    const planes = { plain: this.media, secure: this.secureMedia };
    this.server = new RtspServer(all, paths, this.access, clock, log, planes, undefined, preLogin, () => recorded);
  }

  call(isTls = false, localAddress?: string): Promise<RtspCaller> {
    return this.#call(isTls ? this.server.rtsps.port : this.server.rtsp.port, isTls, localAddress);
  }

  /** Without TLS, also on a port for TLS. */
  callPlain(port: number): Promise<RtspCaller> {
    return this.#call(port, false);
  }

  url(path: string): string {
    return `rtsp://127.0.0.1:${this.server.rtsp.port}/${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const caller of this.#callers) {
      caller[Symbol.dispose]();
    }
    await this.server.close();
  }

  async #call(port: number, isTls: boolean, localAddress?: string): Promise<RtspCaller> {
    const caller = await RtspCaller.connect(port, isTls, localAddress);
    this.#callers.push(caller);
    return caller;
  }
}

const OPTIONS: RtspServerOptions = {
  rtspAddress: '127.0.0.1:0',
  rtspsAddress: '127.0.0.1:0',
  rtspEncryption: 'no',
  rtspServerKey: '',
  rtspServerCert: '',
  rtspTransports: ['udp', 'multicast', 'tcp'],
  rtspAuthMethods: ['basic'],
  rtspTrustedProxies: [],
  rtpAddress: '127.0.0.1:0',
  rtcpAddress: '127.0.0.1:0',
  multicastIPRange: '224.1.0.0/16',
  multicastRTPPort: 8002,
  multicastRTCPPort: 8003,
  srtpAddress: '127.0.0.1:0',
  srtcpAddress: '127.0.0.1:0',
  multicastSRTPPort: 8006,
  multicastSRTCPPort: 8007,
  readTimeoutMs: 10_000,
  writeTimeoutMs: 10_000,
  writeQueueSize: 512,
  udpMaxPayloadSize: 1452,
  udpReadBufferSize: 0,
  dumpPackets: false,
};
