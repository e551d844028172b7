import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { type ErrorCode, PerchError, unlessExpected } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { bindUdp } from '../../../base/network/udp.ts';
import { dumpDatagrams } from '../../../base/packet-dump/dump-connections.ts';
import type { SrtConnection } from '../connection.ts';
import { Encryption } from '../encryption.ts';
import { CONTROL, controlTypeOf, destinationOf, isControl, MTU_BYTES } from '../packet.ts';
import { MAX_WINDOW } from '../packet-ring.ts';
import { SrtEndpoint } from './endpoint.ts';
import {
  addressField,
  DEFAULT_LATENCY_MS,
  EXTENSION_FLAG,
  HANDSHAKE,
  type Handshake,
  LIVE_FLAGS,
  MAGIC,
  parseHandshake,
  SRT_VERSION,
  timestampOf,
  writeHandshake,
} from './handshake.ts';
import { REJECT, rejectText } from './reject-reason.ts';

const REPEAT_MS = 250;
/** libsrt's default. */
const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
/** Handshake types from here on, as signed values up to the special ones, are rejections. */
const FIRST_REJECTION = 1_000;
const LAST_REJECTION = 0x7fff_ffff;
const ERROR_OF: Readonly<Record<number, ErrorCode>> = {
  [REJECT.badSecret]: 'unauthorized',
  [REJECT.unsecure]: 'unauthorized',
  [REJECT.unauthorized]: 'unauthorized',
  [REJECT.forbidden]: 'unauthorized',
  [REJECT.notFound]: 'notFound',
};

interface CallOptions {
  /** IP address of the listener, in canonical form. */
  readonly ip: string;
  readonly port: number;
  readonly streamId: string;
  /** '': no encryption. */
  readonly passphrase: string;
  readonly keyBytes?: 16 | 24 | 32 | undefined;
  readonly latencyMs?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  /** The most bytes per second. */
  readonly maxBandwidth?: number | undefined;
}

interface Call {
  readonly connection: SrtConnection;
  readonly endpoint: SrtEndpoint;
}

/**
 * Connects to a listener, from a port of its own. The result's endpoint is closed by the owner, also when the connection has ended.
 * @throws PerchError with the reason: a rejection, no answer in time, or `signal`
 */
export async function callSrt(options: CallOptions, clock: Clock, signal: AbortSignal): Promise<Call> {
  const socket = await bindUdp(options.ip.includes(':') ? '::' : '0.0.0.0', 0);
  dumpDatagrams(socket, 'srt_source_packet_conn');
  const handshake = new CallerHandshake(options);
  const endpoint = new SrtEndpoint(
    [socket],
    (packet, ip, port, nowUs) => handshake.receive(packet, ip, port, nowUs),
    clock,
  );
  try {
    return { endpoint, connection: await handshake.run(endpoint, clock, signal) };
  } catch (error) {
    await endpoint.close('not connected');
    throw error;
  }
}

class CallerHandshake {
  readonly #options: CallOptions;
  readonly #answers: { readonly packet: Buffer; readonly nowUs: number }[] = [];
  #socketId = 0;
  #wake: AbortController | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  receive(packet: Buffer, ip: string, port: number, nowUs: number): void {
    const { ip: peer, port: peerPort } = this.#options;
    const isOurs = ip === peer && port === peerPort && destinationOf(packet) === this.#socketId;
    if (isOurs && this.#answers.length === 0 && isControl(packet) && controlTypeOf(packet) === CONTROL.handshake) {
      this.#answers.push({ packet: Buffer.from(packet), nowUs });
      this.#wake?.abort();
    }
  }

  async run(endpoint: SrtEndpoint, clock: Clock, signal: AbortSignal): Promise<SrtConnection> {
    const { ip, passphrase, streamId, latencyMs = DEFAULT_LATENCY_MS } = this.#options;
    const startUs = endpoint.nowUs();
    this.#socketId = endpoint.newSocketId();
    const request: Handshake = {
      version: 4,
      encryption: 0,
      extensionField: 2,
      initialSequence: randomInt(2 ** 31),
      mtuBytes: MTU_BYTES,
      flowWindow: MAX_WINDOW,
      type: HANDSHAKE.induction,
      socketId: this.#socketId,
      cookie: 0,
      peerAddress: addressField(ip),
    };
    const deadlineMs = clock.monoMs() + (this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
    const ask = (handshake: Handshake) => this.#ask(handshake, endpoint, startUs, deadlineMs, clock, signal);
    const { answer: induction } = await ask(request);
    if (induction.version !== 5 || induction.extensionField !== MAGIC) {
      throw new PerchError('unsupported', `the SRT listener has handshake version ${induction.version}, expected 5`);
    }
    const encryption = passphrase === '' ? undefined : await Encryption.create(passphrase, this.#keyBytes(induction));
    const { answer, packet, nowUs } = await ask({
      ...request,
      version: 5,
      encryption: (encryption?.keyBytes ?? 0) / 8,
      extensionField:
        EXTENSION_FLAG.hsReq | (encryption ? EXTENSION_FLAG.kmReq : 0) | (streamId === '' ? 0 : EXTENSION_FLAG.config),
      type: HANDSHAKE.conclusion,
      cookie: induction.cookie,
      capabilities: { version: SRT_VERSION, flags: LIVE_FLAGS, receiverDelayMs: latencyMs, senderDelayMs: latencyMs },
      keyMaterial: encryption?.keyMaterial,
      streamId,
    });
    if (answer.type !== HANDSHAKE.conclusion || !answer.capabilities) {
      throw new PerchError('unsupported', 'the SRT listener answered without its capabilities');
    }
    // A response of one word is an error: 3 no secret, 4 bad secret.
    if (encryption && answer.keyMaterial?.length !== encryption.keyMaterial.length) {
      throw new PerchError('unauthorized', 'the SRT listener has another passphrase, or none');
    }
    return endpoint.add(
      {
        socketId: this.#socketId,
        peerSocketId: answer.socketId,
        ip,
        port: this.#options.port,
        firstSequence: request.initialSequence,
        peerFirstSequence: answer.initialSequence,
        latencyMs: Math.max(latencyMs, answer.capabilities.senderDelayMs),
        peerLatencyMs: Math.max(latencyMs, answer.capabilities.receiverDelayMs),
        peerFlowWindow: answer.flowWindow,
        encryption,
        startUs,
        peerTimestamp: timestampOf(packet),
        peerArrivedUs: nowUs,
        idleTimeoutMs: this.#options.idleTimeoutMs,
        maxBandwidth: this.#options.maxBandwidth,
      },
      () => {},
    );
  }

  /** Key length as configured, else as the listener advertises. */
  #keyBytes({ encryption }: Handshake): 16 | 24 | 32 {
    const advertised = encryption >= 2 && encryption <= 4 ? ((8 * encryption) as 16 | 24 | 32) : 16;
    return this.#options.keyBytes ?? advertised;
  }

  /** Repeats a handshake until an answer of the same phase comes. */
  async #ask(
    handshake: Handshake,
    endpoint: SrtEndpoint,
    startUs: number,
    deadlineMs: number,
    clock: Clock,
    signal: AbortSignal,
  ) {
    const { ip, port } = this.#options;
    while (clock.monoMs() < deadlineMs && !signal.aborted) {
      const timestamp = Math.round(endpoint.nowUs() - startUs);
      const packet = writeHandshake(handshake, { timestamp, destination: 0 });
      endpoint.send(packet, 0, packet.length, port, ip);
      const repeatMs = clock.monoMs() + REPEAT_MS;
      for (let leftMs = REPEAT_MS; leftMs > 0 && !signal.aborted; leftMs = repeatMs - clock.monoMs()) {
        const pauseMs = leftMs;
        this.#wake = new AbortController();
        if (this.#answers.length === 0) {
          await withJoinedSignal([this.#wake.signal, signal], undefined, (woken) => clock.sleep(pauseMs, woken.signal));
        }
        const received = this.#answers.shift();
        const answer = received && unlessExpected(() => parseHandshake(received.packet));
        if (received && answer) {
          if (answer.type >= FIRST_REJECTION && answer.type <= LAST_REJECTION) {
            const code = ERROR_OF[answer.type] ?? 'unavailable';
            throw new PerchError(code, `the SRT listener rejects: ${rejectText(answer.type)}`, { reason: answer.type });
          }
          if (answer.type === handshake.type) {
            return { answer, ...received };
          }
        }
      }
    }
    if (signal.aborted) {
      throw new PerchError('unavailable', 'the SRT call was ended');
    }
    throw new PerchError('timeout', `no SRT listener answers at port ${port}`, { isUnreachable: true });
  }
}
