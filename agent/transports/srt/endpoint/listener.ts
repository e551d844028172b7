import { createHmac, randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import type { Clock } from '../../../base/clock.ts';
import { PerchError, unlessExpected } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/network/ip-address.ts';
import type { SrtConnection } from '../connection.ts';
import { Encryption } from '../encryption.ts';
import { parseKeyMaterial } from '../key-material.ts';
import { CONTROL, controlTypeOf, isControl, MTU_BYTES } from '../packet.ts';
import { MAX_WINDOW } from '../packet-ring.ts';
import { SrtEndpoint } from './endpoint.ts';
import {
  addressField,
  DEFAULT_LATENCY_MS,
  EXTENSION_FLAG,
  FLAG,
  HANDSHAKE,
  type Handshake,
  LIVE_FLAGS,
  MAGIC,
  MIN_SRT_VERSION,
  parseHandshake,
  SRT_VERSION,
  timestampOf,
  writeHandshake,
} from './handshake.ts';
import { REJECT, type RejectReason } from './reject-reason.ts';

const MINUTE_US = 60_000_000;

/** A conclusion with a valid cookie. Answer it with `accept` or `reject`; `reject` also ends an `accept` that has not answered. */
export interface ConnectionRequest {
  /** IP address of the caller, without zone. */
  readonly ip: string;
  readonly port: number;
  readonly streamId: string;
  readonly isEncrypted: boolean;
  /**
   * @param passphrase '': no encryption
   * @param beginGuess called before the key is derived; its result is called for a wrong passphrase, and the rejection waits for that
   * @returns undefined if the passphrase or `reject` has ended the handshake
   */
  accept(passphrase: string, beginGuess?: () => () => Promise<void>): Promise<SrtConnection | undefined>;
  /** Rejects the caller. Only the first call has an effect. */
  reject(reason: RejectReason): void;
}

interface ListenerOptions {
  readonly latencyMs?: number;
  /** A silent caller ends after this time. */
  readonly idleTimeoutMs?: number;
}

/** Accepts SRT callers. Nothing is kept for a caller without a valid cookie. */
export class SrtListener {
  /** Handshakes that were rejected for their contents. */
  rejected = 0;
  readonly endpoint: SrtEndpoint;
  readonly #latencyMs: number;
  readonly #idleTimeoutMs: number | undefined;
  readonly #onRequest: (request: ConnectionRequest) => void;
  readonly #secret = randomBytes(32);
  /** Response to repeat, by caller, or undefined if the caller waits for an answer. */
  readonly #callers = new Map<string, Buffer | undefined>();
  readonly #byAddress = new Map<string, number>();
  /** Last key derivation of each address. */
  readonly #deriving = new Map<string, Promise<unknown>>();

  /** @param sockets bound, one for each address family, IPv4 first */
  constructor(
    sockets: readonly Socket[],
    onRequest: (request: ConnectionRequest) => void,
    clock: Clock,
    options: ListenerOptions = {},
  ) {
    this.#onRequest = onRequest;
    this.#latencyMs = options.latencyMs ?? DEFAULT_LATENCY_MS;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.endpoint = new SrtEndpoint(
      sockets,
      (packet, ip, port, nowUs) => this.#handshake(packet, ip, port, nowUs),
      clock,
    );
  }

  /** Connections, and callers that wait for an answer. */
  get callers(): number {
    return this.#callers.size;
  }

  async close(reason: string): Promise<void> {
    await this.endpoint.close(reason);
  }

  #handshake(packet: Buffer, ip: string, port: number, nowUs: number): void {
    if (!isControl(packet) || controlTypeOf(packet) !== CONTROL.handshake) {
      this.endpoint.ignored += 1;
      return;
    }
    const handshake = unlessExpected(() => parseHandshake(packet));
    if (!handshake) {
      this.endpoint.ignored += 1;
    } else if (handshake.type === HANDSHAKE.induction) {
      this.#induce(handshake, ip, port, nowUs);
    } else if (handshake.type === HANDSHAKE.conclusion && this.#isCookie(handshake.cookie, ip, port, nowUs)) {
      this.#conclude(handshake, timestampOf(packet), ip, port, nowUs);
    } else {
      this.endpoint.ignored += 1;
    }
  }

  #induce(handshake: Handshake, ip: string, port: number, nowUs: number): void {
    const response = {
      ...handshake,
      version: 5,
      encryption: 0,
      extensionField: MAGIC,
      mtuBytes: MTU_BYTES,
      cookie: this.#cookie(ip, port, Math.floor(nowUs / MINUTE_US)),
      peerAddress: addressField(ip),
    };
    this.#send(writeHandshake(response, { timestamp: 0, destination: handshake.socketId }), ip, port);
  }

  #conclude(handshake: Handshake, timestamp: number, ip: string, port: number, nowUs: number): void {
    const caller = `${ip} ${port} ${handshake.socketId}`;
    if (this.#callers.has(caller)) {
      const response = this.#callers.get(caller);
      if (response) {
        this.#send(response, ip, port);
      }
      return;
    }
    const fault = faultOf(handshake) ?? this.#limitFault(ip);
    if (fault !== undefined) {
      this.#reject(handshake, fault, ip, port);
      return;
    }
    const subscriber = subscriberOf(ip);
    this.#callers.set(caller, undefined);
    this.#byAddress.set(subscriber, (this.#byAddress.get(subscriber) ?? 0) + 1);
    let isOver = false;
    const end = () => {
      if (!isOver) {
        isOver = true;
        this.#forget(caller, subscriber);
      }
    };
    const reject = (reason: RejectReason) => {
      if (!isOver) {
        end();
        this.#reject(handshake, reason, ip, port);
      }
    };
    this.#onRequest({
      ip,
      port,
      streamId: handshake.streamId ?? '',
      isEncrypted: handshake.keyMaterial !== undefined,
      reject,
      accept: async (passphrase, beginGuess) => {
        const { encryption, fault, answerTime } = await this.#inTurn(
          subscriber,
          async (): Promise<Negotiated> => (isOver ? {} : encryptionOf(handshake, passphrase, beginGuess?.())),
        );
        await answerTime;
        if (fault !== undefined) {
          reject(fault);
        }
        return isOver
          ? undefined
          : this.#accept({ handshake, timestamp, arrivedUs: nowUs, caller, ip, port, encryption, end });
      },
    });
  }

  #forget(caller: string, subscriber: string): void {
    this.#callers.delete(caller);
    const others = (this.#byAddress.get(subscriber) ?? 1) - 1;
    if (others === 0) {
      this.#byAddress.delete(subscriber);
    } else {
      this.#byAddress.set(subscriber, others);
    }
  }

  #accept(accepted: {
    readonly handshake: Handshake;
    readonly timestamp: number;
    readonly arrivedUs: number;
    readonly caller: string;
    readonly ip: string;
    readonly port: number;
    readonly encryption: Encryption | undefined;
    readonly end: () => void;
  }): SrtConnection {
    const { handshake, encryption, ip, port, caller } = accepted;
    const { receiverDelayMs = 0, senderDelayMs = 0 } = handshake.capabilities ?? {};
    const latencyMs = Math.max(this.#latencyMs, senderDelayMs);
    const peerLatencyMs = Math.max(this.#latencyMs, receiverDelayMs);
    const startUs = this.endpoint.nowUs();
    const socketId = this.endpoint.newSocketId();
    const connection = this.endpoint.add(
      {
        socketId,
        peerSocketId: handshake.socketId,
        ip,
        port,
        // As libsrt: both directions begin with the caller's.
        firstSequence: handshake.initialSequence,
        peerFirstSequence: handshake.initialSequence,
        latencyMs,
        peerLatencyMs,
        peerFlowWindow: handshake.flowWindow,
        encryption,
        startUs,
        peerTimestamp: accepted.timestamp,
        peerArrivedUs: accepted.arrivedUs,
        idleTimeoutMs: this.#idleTimeoutMs,
      },
      accepted.end,
    );
    const response = writeHandshake(
      {
        ...handshake,
        encryption: (encryption?.keyBytes ?? 0) / 8,
        extensionField: EXTENSION_FLAG.hsReq | (encryption ? EXTENSION_FLAG.kmReq : 0),
        mtuBytes: Math.min(handshake.mtuBytes, MTU_BYTES),
        flowWindow: MAX_WINDOW,
        socketId,
        peerAddress: addressField(ip),
        capabilities: {
          version: SRT_VERSION,
          flags: LIVE_FLAGS,
          receiverDelayMs: latencyMs,
          senderDelayMs: peerLatencyMs,
        },
        keyMaterial: encryption?.keyMaterial,
        streamId: undefined,
        congestion: undefined,
      },
      { timestamp: 0, destination: handshake.socketId, isResponse: true },
    );
    this.#callers.set(caller, response);
    this.#send(response, ip, port);
    return connection;
  }

  /**
   * Runs the key derivations of one address one after the other. Each takes a millisecond in the thread pool that file access uses, too. A
   * wrong passphrase is counted before the next derivation begins.
   */
  #inTurn<T>(subscriber: string, derive: () => Promise<T>): Promise<T> {
    const turn = (this.#deriving.get(subscriber) ?? Promise.resolve()).then(derive);
    const over = turn.then(
      () => {},
      () => {},
    );
    this.#deriving.set(subscriber, over);
    void over.then(() => this.#deriving.get(subscriber) === over && this.#deriving.delete(subscriber));
    return turn;
  }

  #limitFault(ip: string): RejectReason | undefined {
    const fromThere = this.#byAddress.get(subscriberOf(ip)) ?? 0;
    // A recorder opens one for each camera and stream.
    return this.#callers.size >= 1_000 || fromThere >= 256 ? REJECT.backlog : undefined;
  }

  #reject(handshake: Handshake, reason: RejectReason, ip: string, port: number): void {
    this.rejected += 1;
    const { capabilities, keyMaterial, streamId, congestion, ...fixed } = handshake;
    const response = { ...fixed, type: reason, extensionField: 0, peerAddress: addressField(ip) };
    this.#send(writeHandshake(response, { timestamp: 0, destination: handshake.socketId }), ip, port);
  }

  #send(packet: Buffer, ip: string, port: number): void {
    this.endpoint.send(packet, 0, packet.length, port, ip);
  }

  #cookie(ip: string, port: number, minute: number): number {
    return createHmac('sha256', this.#secret).update(`${ip} ${port} ${minute}`).digest().readUInt32BE(0);
  }

  /** A cookie is valid in its minute and the next one. */
  #isCookie(cookie: number, ip: string, port: number, nowUs: number): boolean {
    const minute = Math.floor(nowUs / MINUTE_US);
    return cookie === this.#cookie(ip, port, minute) || cookie === this.#cookie(ip, port, minute - 1);
  }
}

/** Why a handshake is rejected, or undefined if it is acceptable. */
function faultOf(handshake: Handshake): RejectReason | undefined {
  const { version, capabilities, congestion, filter, isGroup } = handshake;
  if (version !== 5 || (capabilities && capabilities.version < MIN_SRT_VERSION)) {
    return REJECT.version;
  }
  if (!capabilities || handshake.mtuBytes < 64) {
    return REJECT.rogue;
  }
  if (isGroup) {
    return REJECT.group;
  }
  if (filter) {
    return REJECT.filter;
  }
  if (congestion && congestion !== 'live') {
    return REJECT.congestion;
  }
  return (capabilities.flags & FLAG.stream) === 0 ? undefined : REJECT.messageApi;
}

interface Negotiated {
  /** Undefined without a fault: the connection is not encrypted. */
  readonly encryption?: Encryption | undefined;
  readonly fault?: RejectReason;
  /** Resolves when the fault may be answered. */
  readonly answerTime?: Promise<void> | undefined;
}

/** @param countWrong called at once for a fault */
async function encryptionOf(
  handshake: Handshake,
  passphrase: string,
  countWrong: (() => Promise<void>) | undefined,
): Promise<Negotiated> {
  const result = await negotiate(handshake, passphrase);
  return typeof result === 'number' ? { fault: result, answerTime: countWrong?.() } : { encryption: result };
}

async function negotiate(
  { keyMaterial }: Handshake,
  passphrase: string,
): Promise<Encryption | RejectReason | undefined> {
  if (passphrase === '' && !keyMaterial) {
    return undefined;
  }
  if (passphrase === '' || !keyMaterial) {
    return REJECT.unsecure;
  }
  try {
    return (await Encryption.accept(passphrase, parseKeyMaterial(keyMaterial))) ?? REJECT.badSecret;
  } catch (error) {
    if (error instanceof PerchError) {
      return error.code === 'unsupported' ? REJECT.crypto : REJECT.rogue;
    }
    throw error;
  }
}
