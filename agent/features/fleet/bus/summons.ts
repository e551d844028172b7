import { createPrivateKey, type KeyObject } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { writeDialOrder } from '../../../auth/pairing/dial-order.ts';
import type { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { BusConnection } from './connection.ts';
import type { Credential } from './credential.ts';
import { requestSubject } from './subjects.ts';

/** A box takes at most 20 s to connect. */
const DIAL_MS = 25_000;
/** One whose NATS server has ended is on another one by then. */
const UNHEARD_MS = 5_000;
/** A message is lost with the NATS server that has it: the order is sent again, and a box that connects already goes on with that. */
const ANSWER_MS = 2_000;
const AGAIN_MS = 250;
/** Viewers ask for a box that is away again and again. */
const PAUSE_MS = 5_000;
const MAX_ANSWER_BYTES = 1_000;
const MAX_BOXES = 20_000;

const Now = Type.Object({ run: Type.String({ minLength: 1, maxLength: 64 }), timeS: Type.Integer({ minimum: 0 }) });
const Answer = Type.Object({
  error: Type.Optional(Type.String({ maxLength: 300 })),
  now: Type.Optional(Now),
});
type Now = Static<typeof Now>;
type Answer = Static<typeof Answer>;

interface SummonsDeps {
  /** `host:port` at which boxes reach this server. */
  readonly address: () => string;
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

  constructor(deps: SummonsDeps) {
    this.#deps = deps;
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
    let isHeard = false;
    try {
      while (clock.monoMs() - beganMs < (isHeard ? DIAL_MS : UNHEARD_MS)) {
        const answer = await Promise.race([this.#send(await bus(), box, now), connected.promise]);
        if (answer?.now && !isHeard) {
          now = answer.now;
          isHeard = true;
        } else if (answer) {
          if (answer.error !== undefined) {
            log.info({ box, cause: answer.error }, 'a box does not connect to this server');
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
  async #send(bus: ServerBus | undefined, box: string, now: Now): Promise<Answer | undefined> {
    const { address, links, log } = this.#deps;
    const pairing = links.pairings?.find(box);
    const { key, secret } = bus?.credential.orders ?? {};
    const at = address();
    if (!pairing || at === '' || (bus && (key === undefined || secret === undefined))) {
      return {};
    }
    if (!bus || key === undefined || secret === undefined) {
      return undefined;
    }
    const order = writeDialOrder({ ...now, box, server: pairing.server, address: at }, orderKeyOf(key, secret));
    try {
      const { client } = bus.connection;
      return answerOf((await client.request(requestSubject(box, 'dial'), order, { timeout: ANSWER_MS })).data);
    } catch (error) {
      if (error instanceof PerchError) {
        throw error;
      }
      log.debug({ box, cause: explain(error) }, 'a box does not answer on the bus');
      return undefined;
    }
  }
}

/** @throws PerchError badInput: a box may send anything */
function answerOf(data: Uint8Array): Answer {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(data.subarray(0, MAX_ANSWER_BYTES)));
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
