import type { Notification } from './notifications.ts';
import { readState } from './topics.ts';

/** As of outputs: modules have sixteen. */
const MAX_RELAYS = 32;
const TOPIC = /(?:^|\/)trigger\/relay(?:outputs?)?$/;
const TOKEN = /^relay(?:output)?(?:token)?$/i;

/** States of the relays of one camera, as `tns1:Device/Trigger/Relay` reports them. */
export class RelayStates {
  readonly #isOn = new Map<string, boolean>();
  /** Tokens that the present subscription has not reported yet. */
  readonly #former = new Set<string>();

  /** Whether a relay is in its active state, whichever that is of its contact; undefined: it is not known. */
  get(token: string): boolean | undefined {
    return this.#isOn.get(token);
  }

  take({ topic, source, data, operation }: Notification): void {
    if (!TOPIC.test(topic.join('/').toLowerCase())) {
      return;
    }
    const token = (source.find(({ name }) => TOKEN.test(name)) ?? (source.length === 1 ? source[0] : undefined))?.value;
    const isOn = data.map(({ value }) => readState(value)).find((state) => state !== undefined);
    if (token === undefined || token === '') {
      return;
    }
    this.#former.delete(token);
    if (operation === 'deleted') {
      this.#isOn.delete(token);
    } else if (isOn !== undefined && (this.#isOn.has(token) || this.#isOn.size < MAX_RELAYS)) {
      this.#isOn.set(token, isOn);
    }
  }

  /** A new subscription begins: a change may have been missed. */
  renewed(): void {
    for (const token of this.#isOn.keys()) {
      this.#former.add(token);
    }
  }

  /** The subscription has reported what it had. */
  heard(): void {
    for (const token of this.#former) {
      this.#isOn.delete(token);
    }
    this.#former.clear();
  }

  /** The camera is away. */
  forget(): void {
    this.#isOn.clear();
  }
}
