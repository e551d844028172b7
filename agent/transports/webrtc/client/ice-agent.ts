import type { Candidate, Connection } from 'werift';
import { PerchError } from '../../../base/errors.ts';
import { isLoopbackIp } from '../../../base/network/ip-address.ts';
import type { IceServer } from './signalling.ts';

const STUN_PORT = 3478;
const TURN_TLS_PORT = 5349;
/** Types of the candidates that are used, RFC 8445 §5.1.1. */
const TYPES = ['host', 'srflx', 'relay'];

/** The server's ICE parameters from its answer. */
export interface RemoteIce {
  readonly ufrag: string;
  readonly password: string;
  readonly isLite: boolean;
  /** `a=candidate` values. */
  readonly candidates: readonly string[];
}

interface IceEvents {
  onDatagram(datagram: Buffer): void;
  /** The connection has failed, or consent has expired (RFC 7675). */
  onEnd(reason: string): void;
}

/** Full ICE (RFC 8445) in the controlling role, by werift: host, server reflexive and relayed candidates. */
export class IceAgent {
  readonly #connection: Connection;
  readonly #Candidate: typeof Candidate;

  private constructor(connection: Connection, candidate: typeof Candidate) {
    this.#connection = connection;
    this.#Candidate = candidate;
  }

  /**
   * Gathers the candidates of this box. werift is loaded with the first one.
   * @param host host of the server; a server on this box is reached by loopback
   */
  static async gather(
    servers: readonly IceServer[],
    host: string,
    stunTimeoutMs: number,
    events: IceEvents,
  ): Promise<IceAgent> {
    const werift = await import('../link/werift.ts');
    const stun = servers.find(({ url }) => /^stuns?:/i.test(url));
    const turn = servers.find(({ url }) => /^turns?:/i.test(url));
    const isLocal = host === 'localhost' || isLoopbackIp(host);
    const connection = new werift.Connection(true, {
      useIpv4: true,
      useIpv6: true,
      stunGatherTimeout: stunTimeoutMs / 1000,
      turnConnectTimeout: stunTimeoutMs / 1000,
      ...(isLocal ? { additionalHostAddresses: ['127.0.0.1'] } : {}),
      ...(turn ? turnOptions(turn) : {}),
    });
    // werift would ask a public server if none is named.
    const address = stun && addressOf(stun.url, STUN_PORT);
    connection.setIceServers(address ? { ...connection.options, stunServer: address } : connection.options);
    if (!address) {
      delete connection.stunServer;
    }
    connection.onData.subscribe((datagram) => events.onDatagram(datagram));
    connection.stateChanged.subscribe((state) => {
      if (state === 'failed' || state === 'disconnected' || state === 'closed') {
        events.onEnd(`the connection to the server is ${state}`);
      }
    });
    await connection.gatherCandidates();
    return new IceAgent(connection, werift.Candidate);
  }

  get ufrag(): string {
    return this.#connection.localUsername;
  }

  get password(): string {
    return this.#connection.localPassword;
  }

  /** `a=candidate` values. */
  get candidates(): readonly string[] {
    return this.#connection.localCandidates.map((candidate) => candidate.toSdp());
  }

  /** @throws PerchError when no pair of candidates works */
  async connect({ ufrag, password, isLite, candidates }: RemoteIce): Promise<void> {
    const connection = this.#connection;
    connection.setRemoteParams({ iceLite: isLite, usernameFragment: ufrag, password });
    for (const text of candidates.slice(0, 32)) {
      const candidate = this.#parse(text);
      if (candidate) {
        await connection.addRemoteCandidate(candidate);
      }
    }
    await connection.addRemoteCandidate(undefined);
    try {
      await connection.connect();
    } catch (cause) {
      throw new PerchError('unavailable', 'no pair of candidates connects to the server', {}, cause);
    }
  }

  /** @param bytes must not change afterwards */
  send(bytes: Uint8Array, offset: number, length: number): void {
    const datagram = Buffer.from(bytes.buffer, bytes.byteOffset + offset, length);
    this.#connection.send(datagram).catch(ignore);
  }

  async close(): Promise<void> {
    this.#connection.stateChanged.allUnsubscribe();
    this.#connection.onData.allUnsubscribe();
    await this.#connection.close();
  }

  /** @returns undefined for a kind of candidate that is not used here, such as an mDNS name */
  #parse(text: string): Candidate | undefined {
    const words = text.split(/\s+/);
    const [, , transport = '', , host = '', port = '', , type = ''] = words;
    const isUsable =
      transport.toLowerCase() === 'udp' && /^[\da-f.:]+$/i.test(host) && /^\d{1,5}$/.test(port) && TYPES.includes(type);
    return isUsable ? this.#Candidate.fromSdp(text) : undefined;
  }
}

/** Failures to send are ignored, like packets that the network loses. */
const ignore = (): void => {};

/** `turn:host:port?transport=tcp` → host and port. */
function addressOf(url: string, defaultPort: number): [string, number] | undefined {
  const [, host, port] = /^\w+:(?:\/\/)?(\[[^\]]+\]|[^:?]+)(?::(\d{1,5}))?/.exec(url) ?? [];
  return host === undefined ? undefined : [host.replace(/^\[|\]$/g, ''), Number(port ?? defaultPort)];
}

function turnOptions({ url, username, password }: IceServer): object {
  const isTls = /^turns:/i.test(url);
  const turnServer = addressOf(url, isTls ? TURN_TLS_PORT : STUN_PORT);
  const turnTransport = isTls ? 'tls' : /transport=tcp/i.test(url) ? 'tcp' : 'udp';
  return { turnServer, turnUsername: username, turnPassword: password, turnTransport };
}
