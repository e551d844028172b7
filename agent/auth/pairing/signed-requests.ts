import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { BOX_HEADER, isSigned, MAX_SIGNATURE_S, RUN_HEADER, readSignature } from './message-signature.ts';

/** Tolerance for the creation time: clients round to seconds, and a request is under way for some time. */
const EARLY_S = 5;
/** Maximum number of nonces of one key within a minute: a page with 100 cameras sends a few hundred. */
const MAX_NONCES = 20_000;
const RUN_BYTES = 16;

/** A request as it came in. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly hasBody: boolean;
  /** The connection that it came on. */
  readonly connection?: object;
}

/** What this box knows about servers. */
interface KnownServers {
  keyOf(server: string): KeyObject | undefined;
  /** Whether the server has named the box before. */
  namesBox(server: string): boolean;
  noteNamesBox(server: string): void;
}

interface VerifiedRequest {
  /** Id of the paired server. */
  readonly server: string;
  /** SHA-256 of the body in base64, or undefined without a body. */
  readonly digest: string | undefined;
}

/** `sha-256=:…:` (RFC 9530). */
export const digestOf = (body: Uint8Array): string => `sha-256=:${sha256(body)}:`;
const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('base64');
const DIGEST = /^sha-256=:([A-Za-z0-9+/]{43}=):$/;

/**
 * Verifies the requests of paired servers. A signature is valid for 60 s, once, and in this run of the program only: the time is the box's
 * own, which does not jump, so that a wrong clock on either side neither locks out nor lets a request be repeated. It is valid at this box
 * only; signatures without the name of a box are taken from a server until its first one with it.
 */
export class SignedRequests {
  /** Identifies this run of the program. */
  readonly run = randomBytes(RUN_BYTES).toString('base64url');
  readonly #servers: KnownServers;
  readonly #isOwnName: (box: string, connection: object | undefined) => boolean;
  readonly #clock: Clock;
  readonly #startMs: number;
  /** Monotonic milliseconds of the expiry by nonce, oldest first, for each server. */
  readonly #used = new Map<string, Map<string, number>>();

  /** @param isOwnName whether a text of `boxNameOf` is a name of this box on that connection */
  constructor(
    servers: KnownServers,
    isOwnName: (box: string, connection: object | undefined) => boolean,
    clock: Clock,
  ) {
    this.#servers = servers;
    this.#isOwnName = isOwnName;
    this.#clock = clock;
    this.#startMs = clock.wallMs() - clock.monoMs();
  }

  /** Unix seconds by the clock of the program's start. */
  get timeS(): number {
    return Math.floor((this.#startMs + this.#clock.monoMs()) / 1000);
  }

  /** @throws PerchError unauthorized with `why`, exhausted after too many requests within a minute */
  verify({ method, target, headers, hasBody, connection }: ReceivedRequest): VerifiedRequest {
    const signature = readSignature(headers['signature-input'], headers['signature']);
    const { created, expires, nonce, keyId, coversBody, coversBox } = signature;
    const key = this.#servers.keyOf(keyId);
    if (!key) {
      throw refusal('unknown', 'this box is not paired with this server, or the pairing was revoked');
    }
    if (!coversBox && this.#servers.namesBox(keyId)) {
      throw refusal(
        'form',
        'the signature does not name this box, as those of this server did before: update the server',
      );
    }
    const box = coversBox ? String(headers[BOX_HEADER]) : undefined;
    if (box !== undefined && !this.#isOwnName(box, connection)) {
      throw refusal('box', 'the signature is for another box');
    }
    if (headers[RUN_HEADER] !== this.run) {
      throw refusal('run', 'the signature is for an earlier run of this box');
    }
    const nowS = this.timeS;
    if (created > nowS + EARLY_S || expires <= nowS || expires <= created || expires - created > MAX_SIGNATURE_S) {
      throw refusal('expired', `the signature is not valid now: this box has ${nowS}`);
    }
    const digest = coversBody ? DIGEST.exec(String(headers['content-digest']))?.[1] : undefined;
    if (coversBody !== hasBody || (coversBody && digest === undefined)) {
      throw refusal('digest', 'a request with a body needs its Content-Digest (sha-256) in the signature');
    }
    const shown = coversBody ? String(headers['content-digest']) : undefined;
    if (!isSigned({ method, target, run: this.run, box, digest: shown }, signature, key)) {
      throw refusal('signature', 'the signature is wrong');
    }
    this.#use(keyId, nonce);
    if (coversBox) {
      this.#servers.noteNamesBox(keyId);
    }
    return { server: keyId, digest };
  }

  /** Frees the memory of a server that is not paired any more. */
  forget(server: string): void {
    this.#used.delete(server);
  }

  #use(server: string, nonce: string): void {
    const nowMs = this.#clock.monoMs();
    const used = this.#used.get(server) ?? new Map<string, number>();
    this.#used.set(server, used);
    for (const [old, untilMs] of used) {
      if (untilMs > nowMs) {
        break;
      }
      used.delete(old);
    }
    if (used.has(nonce)) {
      throw refusal('replayed', 'the request was sent before');
    }
    if (used.size >= MAX_NONCES) {
      const message = `more than ${MAX_NONCES} requests of this server within ${MAX_SIGNATURE_S} s`;
      throw new PerchError('exhausted', message, { retryAfterS: MAX_SIGNATURE_S });
    }
    used.set(nonce, nowMs + (MAX_SIGNATURE_S + EARLY_S + 1) * 1000);
  }
}

const refusal = (why: string, message: string): PerchError => new PerchError('unauthorized', message, { why });
