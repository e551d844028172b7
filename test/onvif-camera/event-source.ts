import type { Clock } from '../../agent/base/clock.ts';
import { escapeXml } from '../../agent/onvif/soap/xml/xml.ts';
import { type Happening, topicsOf } from './event-dialects.ts';
import type { EventQuirks } from './quirks/events.ts';

/** A state of the camera that events report. */
interface Property {
  readonly topic: string;
  readonly item: string;
  readonly value: string;
  /** What has the state; default: the lens. */
  readonly source?: Source | undefined;
}

interface Source {
  readonly name: string;
  readonly value: string;
}

/** One pull point. */
export interface Subscription {
  readonly id: string;
  /** The address that the camera gave. */
  address: string;
  readonly waiting: string[];
  terminationMs: number;
  wake: () => void;
}

/** Events in front of a camera, and their subscribers. */
export class EventSource {
  readonly #clock: Clock;
  readonly #quirks: EventQuirks;
  readonly #properties = new Map<string, Property>();
  readonly #subscriptions = new Map<string, Subscription>();
  #lastId = 0;

  constructor(clock: Clock, quirks: EventQuirks) {
    this.#clock = clock;
    this.#quirks = quirks;
    for (const happening of ['motion', 'tamper', 'input'] as const) {
      for (const [topic, item] of topicsOf(quirks.dialect ?? 'standard', happening)) {
        this.#properties.set(`${topic} `, { topic, item, value: this.#word(false) });
      }
    }
  }

  get subscriptions(): readonly Subscription[] {
    return [...this.#subscriptions.values()];
  }

  /** An event begins or ends, and is reported with its vendor's topic. */
  happens(happening: Happening, isOn: boolean): void {
    if (!isOn && (this.#quirks.losesEnds || this.#quirks.tellsPulsesOnly)) {
      return;
    }
    for (const [topic, item] of topicsOf(this.#quirks.dialect ?? 'standard', happening)) {
      this.tell(topic, item, this.#word(isOn));
    }
  }

  tell(topic: string, item: string, value: string, source?: Source): void {
    const property = { topic, item, value, source };
    this.#properties.set(`${topic} ${source?.value ?? ''}`, property);
    const operation = this.#quirks.tellsDeleted && (value === 'false' || value === '0') ? 'Deleted' : 'Changed';
    for (const subscription of this.#subscriptions.values()) {
      subscription.waiting.push(this.#message(property, operation));
      subscription.wake();
    }
  }

  subscribe(lifeMs: number): Subscription {
    this.#expire();
    this.#lastId += 1;
    const subscription: Subscription = {
      id: `${this.#lastId}`,
      address: '',
      waiting: [],
      terminationMs: this.#clock.wallMs() + lifeMs,
      wake: () => {},
    };
    this.#subscriptions.set(subscription.id, subscription);
    this.initialize(subscription);
    return subscription;
  }

  /** Sends the current states. */
  initialize(subscription: Subscription): void {
    if (!this.#quirks.tellsNoInitialState) {
      for (const property of this.#properties.values()) {
        subscription.waiting.push(this.#message(property, 'Initialized'));
      }
    }
    subscription.wake();
  }

  find(id: string | undefined): Subscription | undefined {
    this.#expire();
    return id === undefined ? undefined : this.#subscriptions.get(id);
  }

  end(id: string): void {
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.wake();
  }

  endAll(): void {
    for (const { id } of this.subscriptions) {
      this.end(id);
    }
  }

  /** Number of pull points. */
  get count(): number {
    this.#expire();
    return this.#subscriptions.size;
  }

  #expire(): void {
    const nowMs = this.#clock.wallMs();
    for (const { id, terminationMs } of this.subscriptions) {
      if (terminationMs <= nowMs) {
        this.end(id);
      }
    }
  }

  #word(isOn: boolean): string {
    return this.#quirks.tellsDigits ? String(Number(isOn)) : String(isOn);
  }

  #message({ topic, item, value, source }: Property, operation: string): string {
    const lens =
      '<tt:SimpleItem Name="VideoSourceConfigurationToken" Value="video"/><tt:SimpleItem Name="Rule" Value="1"/>';
    const named = source && `<tt:SimpleItem Name="${source.name}" Value="${escapeXml(source.value)}"/>`;
    return (
      '<wsnt:NotificationMessage>' +
      `<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">${topic}</wsnt:Topic>` +
      `<wsnt:Message><tt:Message UtcTime="${new Date(this.#clock.wallMs()).toISOString()}" PropertyOperation="${operation}">` +
      `<tt:Source>${named ?? lens}</tt:Source><tt:Data><tt:SimpleItem Name="${item}" Value="${value}"/></tt:Data></tt:Message></wsnt:Message>` +
      '</wsnt:NotificationMessage>'
    );
  }
}
