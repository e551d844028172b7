import { randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';
import { type AskOptions, askRouter } from './ask-router.ts';
import type { Granted, MappingWhy, RouterClient, RouterState, WantedPort } from './contract.ts';
import {
  EpochWatch,
  NONCE_BYTES,
  type PortControlAnswer,
  writeAddressRequest,
  writeNatPmpMap,
  writePcpAnnounce,
  writePcpMap,
} from './port-control.ts';

/** RFC 6887 §7.4. */
const PCP_REASONS: Readonly<Record<number, readonly [MappingWhy, string]>> = {
  2: ['refused', 'it does not permit it'],
  4: ['refused', 'it does not make mappings'],
  7: ['offline', 'it has no connection to the internet'],
  8: ['full', 'its table is full'],
  10: ['full', 'this box has too many mappings there'],
  11: ['taken', 'it has no free port'],
  12: ['refused', 'another router is between it and this box'],
};
/** RFC 6886 §3.5. */
const NAT_PMP_REASONS: Readonly<Record<number, readonly [MappingWhy, string]>> = {
  2: ['refused', 'it does not permit it'],
  3: ['offline', 'it has no connection to the internet'],
  4: ['full', 'its table is full'],
};
/** RFC 6886 §3.5, RFC 6887 §7.4. */
const UNSUPPORTED_VERSION = 1;
const NO_ADDRESS = '0.0.0.0';

interface PortControlOptions extends AskOptions {
  readonly clock: AskOptions['clock'] & { monoMs(): number };
  /** Nonce of the mappings of a port, which stays over restarts: 12 bytes. */
  nonceOf(port: WantedPort): Uint8Array;
}

/** A router that speaks PCP. */
export class PcpClient implements RouterClient {
  readonly protocol = 'pcp';
  readonly #options: PortControlOptions;
  readonly #epoch = new EpochWatch();
  #outsideIp: string | undefined;
  #hasAsked = false;

  constructor(options: PortControlOptions) {
    this.#options = options;
  }

  /** @throws PerchError also if the router speaks NAT-PMP alone */
  async check(signal: AbortSignal): Promise<RouterState> {
    const { own } = this.#options;
    const answer = await this.#ask(writePcpAnnounce(own), ({ kind }) => kind === 'announce', signal);
    const hasRestarted = this.#epoch.hasRestarted(answer.epochS, this.#options.clock.monoMs());
    if (!this.#hasAsked && isIPv4(own)) {
      this.#hasAsked = true;
      await this.#askAddress(signal);
    }
    return { outsideIp: this.#outsideIp, hasRestarted };
  }

  /**
   * PCP names the outside address only in answers about mappings, miniupnpd in all of them: one that does not exist is removed, of the
   * discard service. This opens nothing.
   */
  async #askAddress(signal: AbortSignal): Promise<void> {
    const nobody = { client: this.#options.own, nonce: randomBytes(NONCE_BYTES), transport: 'udp', port: 9 } as const;
    const request = writePcpMap({ ...nobody, outsidePort: 0, lifetimeS: 0 });
    const answer = await this.#ask(request, ({ kind }) => kind === 'map', signal).catch(() => undefined);
    const { outsideIp = NO_ADDRESS } = answer?.mapping ?? {};
    this.#outsideIp = outsideIp === NO_ADDRESS ? undefined : outsideIp;
  }

  async map(port: WantedPort, outsidePort: number, lifetimeS: number, signal: AbortSignal): Promise<Granted> {
    const { own, nonceOf } = this.#options;
    const nonce = nonceOf(port);
    const request = { client: own, nonce, transport: port.transport, port: port.port, outsidePort, lifetimeS };
    const { result, mapping } = await this.#ask(
      writePcpMap(request),
      ({ mapping: one }) =>
        one?.transport === port.transport && one.port === port.port && Buffer.from(nonce).equals(one.nonce ?? nonce),
      signal,
    );
    requireSuccess(result, PCP_REASONS);
    this.#outsideIp = mapping?.outsideIp ?? this.#outsideIp;
    return grantOf(mapping);
  }

  async unmap(port: WantedPort, _outsidePort: number, signal: AbortSignal): Promise<void> {
    try {
      await this.map(port, 0, 0, signal);
    } catch (error) {
      if (!(error instanceof PerchError) || error.context['why'] !== 'refused') {
        throw error;
      }
      // miniupnpd 2.3 refuses to remove an IPv6 port that was renewed: it takes the shortest lifetime, by default two minutes.
      await this.map(port, port.port, 1, signal);
    }
  }

  async has(): Promise<undefined> {
    return undefined;
  }

  async #ask(request: Uint8Array, fits: (answer: PortControlAnswer) => boolean, signal: AbortSignal) {
    const answer = await askRouter(
      this.#options,
      request,
      (one) => (one.version === 'pcp' ? fits(one) : one.result === UNSUPPORTED_VERSION),
      signal,
    );
    if (answer.version !== 'pcp' || answer.result === UNSUPPORTED_VERSION) {
      throw new PerchError('unsupported', 'the router speaks no PCP', { why: 'noProtocol' });
    }
    return answer;
  }
}

/** A router that speaks NAT-PMP. */
export class NatPmpClient implements RouterClient {
  readonly protocol = 'natPmp';
  readonly #options: PortControlOptions;
  readonly #epoch = new EpochWatch();

  constructor(options: PortControlOptions) {
    this.#options = options;
  }

  async check(signal: AbortSignal): Promise<RouterState> {
    const answer = await this.#ask(writeAddressRequest(), ({ kind }) => kind === 'address', signal);
    const hasRestarted = this.#epoch.hasRestarted(answer.epochS, this.#options.clock.monoMs());
    // Without a connection the address is not one.
    return { outsideIp: answer.result === 0 ? answer.outsideIp : undefined, hasRestarted };
  }

  async map(port: WantedPort, outsidePort: number, lifetimeS: number, signal: AbortSignal): Promise<Granted> {
    const request = writeNatPmpMap(port.transport, port.port, outsidePort, lifetimeS);
    const fits = ({ kind, result, mapping }: PortControlAnswer) =>
      kind === 'map' && (mapping ? mapping.transport === port.transport && mapping.port === port.port : result !== 0);
    const { result, mapping } = await this.#ask(request, fits, signal);
    requireSuccess(result, NAT_PMP_REASONS);
    return grantOf(mapping);
  }

  async unmap(port: WantedPort, _outsidePort: number, signal: AbortSignal): Promise<void> {
    await this.map(port, 0, 0, signal);
  }

  async has(): Promise<undefined> {
    return undefined;
  }

  async #ask(request: Uint8Array, fits: (answer: PortControlAnswer) => boolean, signal: AbortSignal) {
    const answer = await askRouter(this.#options, request, (one) => one.version === 'natPmp' && fits(one), signal);
    if (answer.result === UNSUPPORTED_VERSION) {
      throw new PerchError('unsupported', 'the router speaks no NAT-PMP', { why: 'noProtocol' });
    }
    return answer;
  }
}

function requireSuccess(result: number, reasons: Readonly<Record<number, readonly [MappingWhy, string]>>): void {
  if (result !== 0) {
    const [why, text] = reasons[result] ?? ['other', `its answer is the code ${result}`];
    throw new PerchError('unavailable', `the router does not forward the port: ${text}`, { why });
  }
}

function grantOf(mapping: PortControlAnswer['mapping']): Granted {
  const { outsidePort = 0, lifetimeS = 0, outsideIp } = mapping ?? {};
  return { outsidePort, lifetimeS, ...(outsideIp !== undefined && { outsideIp }) };
}
