import { createPrivateKey, type KeyObject } from 'node:crypto';
import { headers, type RequestOptions } from '@nats-io/transport-node';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { writeDialOrder } from '../../../auth/pairing/dial-order.ts';
import type { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { FeatureProblem } from '../../contract.ts';
import type { BusConnection } from './connection.ts';
import { type Credential, memberOf, permits } from './credential.ts';
import { HOSTS_HEADER, headerOf } from './host-list.ts';
import { answerSubject, newAnswerSubject, requestSubject } from './subjects.ts';

/** A box takes at most 20 s to connect. */
const DIAL_MS = 25_000;
/** One whose NATS server has ended is on another one by then. Viewers wait this long for the first picture. */
const UNHEARD_MS = 10_000;
/** A message is lost with the NATS server that has it: the order is sent again, and a box that connects already goes on with that. */
const ANSWER_MS = 2_000;
const AGAIN_MS = 250;
/** After a restart of this server, or an outage, boxes are back by themselves by then. */
const BACK_MS = 60_000;
/** Viewers ask for a box that is away again and again. */
const PAUSE_MS = 5_000;
const MAX_BOXES = 20_000;

const Now = Type.Object({ run: Type.String({ minLength: 1, maxLength: 64 }), timeS: Type.Integer({ minimum: 0 }) });
const Answer = Type.Object({
  error: Type.Optional(Type.String({ maxLength: 300 })),
  why: Type.Optional(Type.String({ maxLength: 40 })),
  now: Type.Optional(Now),
});
type Now = Static<typeof Now>;
type Answer = Static<typeof Answer>;

/** What a person can do, by `why` of a box. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['address', 'perch fleet hosts FOLDER with all servers, then perch fleet join on this one'],
  [
    'certificate',
    'give this server a certificate of a known authority, or trust its authority on the box (NODE_EXTRA_CA_CERTS)',
  ],
  ['form', 'update the box, or give this server a certificate of a known authority'],
]);

interface SummonsDeps {
  /** `host:port` at which boxes reach this server. */
  readonly address: () => string;
  /** Of the certificate of this server; undefined: it has no https of its own. */
  readonly pin: () => string | undefined;
  readonly links: Pick<LinkedBoxes, 'pairings' | 'isConnected' | 'onChange'>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface ServerBus {
  readonly connection: BusConnection;
  readonly credential: Credential;
}

/** Has boxes connect to this server, by orders that it signs for the fleet. */
export class Summons {
  readonly #deps: SummonsDeps;
  /** When a box was asked last, in monotonic ms, and what becomes of it. */
  readonly #asked = new Map<string, { readonly ms: number; readonly done: Promise<void> }>();
  /** Boxes that have said why they do not connect. */
  readonly #failed = new Map<
    string,
    { readonly text: string; readonly why: string | null; readonly sinceMs: number }
  >();
  /** Boxes that were not asked, because this server has no address, and when they first were not: in monotonic and Unix ms. */
  readonly #unasked = new Map<string, { readonly ms: number; readonly sinceMs: number }>();
  readonly #stopListening: () => void;
  #hasWarned = false;

  constructor(deps: SummonsDeps) {
    this.#deps = deps;
    this.#stopListening = deps.links.onChange((box) => {
      if (deps.links.isConnected(box)) {
        this.forget(box);
      }
    });
  }

  /** What was wrong with the box is over: it is connected, or no longer on the bus. */
  forget(box: string): void {
    this.#failed.delete(box);
    this.#unasked.delete(box);
  }

  close(): void {
    this.#stopListening();
  }

  /**
   * Asks a box, unless that was done a moment ago. Resolves when it is connected, has answered, or does not.
   * @param bus that is there now, or will be in a moment
   */
  ask(bus: () => Promise<ServerBus | undefined>, box: string): Promise<void> {
    const nowMs = this.#deps.clock.monoMs();
    const former = this.#asked.get(box);
    if (former && nowMs - former.ms < PAUSE_MS) {
      return former.done;
    }
    if (this.#asked.size >= MAX_BOXES) {
      this.#asked.clear();
    }
    const done = this.#order(bus, box);
    this.#asked.set(box, { ms: nowMs, done });
    return done;
  }

  /** Boxes that do not connect to this server, with the reason. */
  problems(): readonly FeatureProblem[] {
    const { pairings } = this.#deps.links;
    const unasked = this.#unaskedProblem();
    return [
      ...(unasked ? [unasked] : []),
      ...[...this.#failed].flatMap(([name, { text, why, sinceMs }]) =>
        pairings?.has(name) ? [{ name, why, text, since: new Date(sinceMs).toISOString() }] : [],
      ),
    ];
  }

  /** Why the box does not connect to this server; undefined: it has not said so. */
  fault(box: string): string | undefined {
    return this.#failed.get(box)?.text;
  }

  #unaskedProblem(): FeatureProblem | undefined {
    const { address, clock, links } = this.#deps;
    const untilMs = clock.monoMs() - BACK_MS;
    const since = [...this.#unasked].flatMap(([box, { ms, sinceMs }]) =>
      ms <= untilMs && links.pairings?.has(box) ? [sinceMs] : [],
    );
    if (address() !== '' || since.length === 0) {
      return undefined;
    }
    const boxes = since.length === 1 ? '1 box does' : `${since.length} boxes do`;
    const text = `replicaAddress is not set, and ${boxes} not connect to this server: set it to the address at which boxes reach this server`;
    return { why: 'noAddress', text, since: new Date(Math.min(...since)).toISOString() };
  }

  #noteUnasked(box: string): void {
    const { clock, log } = this.#deps;
    const first = this.#unasked.get(box) ?? { ms: clock.monoMs(), sinceMs: clock.wallMs() };
    putBounded(this.#unasked, box, first, MAX_BOXES);
    const problem = this.#hasWarned ? undefined : this.#unaskedProblem();
    if (problem) {
      this.#hasWarned = true;
      log.warn({ cause: problem.text }, 'this server cannot ask boxes to connect');
    }
  }

  #fail(box: string, { error = '', why }: Answer): void {
    const { clock, links, log } = this.#deps;
    if (links.isConnected(box)) {
      return;
    }
    const advice = ADVICE.get(why ?? '');
    const said = error.replace(/[\s\p{Cc}]+/gu, ' ').trim();
    const text = `box ${box} does not connect to this server: ${said}${advice === undefined ? '' : `: ${advice}`}`;
    const { sinceMs = clock.wallMs(), text: former } = this.#failed.get(box) ?? {};
    if (text !== former) {
      log.warn({ box, cause: text }, 'a box does not connect to this server');
    }
    putBounded(this.#failed, box, { text, why: why ?? null, sinceMs }, MAX_BOXES);
  }

  async #order(bus: () => Promise<ServerBus | undefined>, box: string): Promise<void> {
    const { links, clock, log } = this.#deps;
    const connected = Promise.withResolvers<Answer>();
    const over = new AbortController();
    const forget = links.onChange((changed) => {
      if (changed === box && links.isConnected(box)) {
        connected.resolve({});
        over.abort();
      }
    });
    const beganMs = clock.monoMs();
    // The box alone knows what an order has to name: it says so when it rejects this one.
    let now: Now = { run: 'unknown', timeS: Math.floor(clock.wallMs() / 1000) };
    let [isHeard, isVouched] = [false, false];
    try {
      while (clock.monoMs() - beganMs < (isHeard ? DIAL_MS : UNHEARD_MS)) {
        const answer = await Promise.race([this.#send(await bus(), box, now, isVouched), connected.promise]);
        if (answer?.now && !isHeard) {
          now = answer.now;
          isHeard = true;
        } else if (answer?.why === 'certificate' && !isVouched) {
          // No authority that the box knows has issued the certificate. Boxes of earlier versions take no order with a pin.
          isVouched = true;
        } else if (answer) {
          if (answer.error === undefined) {
            this.#failed.delete(box);
          } else {
            this.#fail(box, answer);
          }
          return;
        } else {
          await clock.sleep(AGAIN_MS, over.signal);
        }
      }
    } catch (error) {
      log.debug({ box, cause: explain(error) }, 'a box answers an order with something else');
    } finally {
      forget();
    }
  }

  /** @returns undefined: there is no answer @throws PerchError badInput */
  async #send(bus: ServerBus | undefined, box: string, now: Now, isVouched: boolean): Promise<Answer | undefined> {
    const { address, links, log } = this.#deps;
    const pairing = links.pairings?.find(box);
    if (pairing && !bus) {
      return undefined;
    }
    const { orders: { key, secret } = {}, list, hosts = [] } = bus?.credential ?? {};
    if (!pairing || !bus || key === undefined || secret === undefined) {
      return {};
    }
    const at = address();
    if (at === '') {
      // Boxes have their own connection to the only server of a fleet.
      if ((list?.hosts ?? hosts).length > 1 && !links.isConnected(box)) {
        this.#noteUnasked(box);
      }
      return {};
    }
    const pin = isVouched ? this.#deps.pin() : undefined;
    const vouched = pin === undefined ? undefined : { pin, key: pairing.privateKey };
    const order = writeDialOrder(
      { ...now, box, server: pairing.server, address: at, vouched },
      orderKeyOf(key, secret),
    );
    try {
      const { client } = bus.connection;
      const named = headers();
      if (list) {
        named.set(HOSTS_HEADER, headerOf(list));
      }
      const options = { timeout: ANSWER_MS, headers: named, ...replyOf(box, bus.credential) };
      return answerOf((await client.request(requestSubject(box, 'dial'), order, options)).data);
    } catch (error) {
      if (error instanceof PerchError) {
        throw error;
      }
      log.debug({ box, cause: explain(error) }, 'a box does not answer on the bus');
      return undefined;
    }
  }
}

/** Where a box is to answer. A credential that is older than answers of boxes has only its inbox, in which boxes of before answer. */
function replyOf(box: string, { jwt }: Credential): Partial<RequestOptions> {
  const { id: server } = memberOf(jwt);
  return permits(jwt, 'sub', answerSubject('*', server, '*'))
    ? { noMux: true, reply: newAnswerSubject(box, server) }
    : {};
}

/** @throws PerchError badInput: a box may send anything */
function answerOf(data: Uint8Array): Answer {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(data.subarray(0, 1_000)));
    if (Check(Answer, answer)) {
      return answer;
    }
  } catch {
    // Below.
  }
  throw new PerchError('badInput', 'an invalid answer to an order');
}

const orderKeyOf = (x: string, d: string): KeyObject =>
  createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' });
