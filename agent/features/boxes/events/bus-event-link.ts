import type { BusCarrier } from '../../../auth/pairing/box-bus.ts';
import { type BoxEvent, eventOf } from '../requests/box-answers.ts';
import { type EventLink, isOfCamera, OUTAGE, type TakesEvents } from './event-link.ts';

interface BusEventLinkDeps extends TakesEvents {
  readonly box: string;
  readonly carrier: BusCarrier;
  /** How far the events were received before; undefined: not at all. */
  readonly mark: string | undefined;
  /** How far the past was read again; empty: not at all, undefined: as far as it has to be. */
  readonly past: string | undefined;
  noteMark(mark: string): void;
  notePast(past: string | undefined): void;
}

/** The events of a box from the bus of the fleet, which keeps those of an interruption. */
export class BusEventLink implements EventLink {
  readonly #deps: BusEventLinkDeps;
  #end: (() => Promise<void>) | undefined;
  /** Ends the reading of the past. */
  #endPast: () => Promise<void> = async () => {};
  /** See `BusEventLinkDeps.past`. */
  #past: string | undefined;

  constructor(deps: BusEventLinkDeps) {
    this.#deps = deps;
    this.#past = deps.past;
  }

  begin(): void {
    const { box, carrier, mark: from, noteMark } = this.#deps;
    this.#end = carrier.follow(box, from, async (sent, mark) => {
      await this.#take(sent, false);
      noteMark(mark);
    });
    if (this.#past !== undefined && from !== undefined) {
      this.#readPast();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#end?.(), this.#endPast()]);
    this.#end = undefined;
  }

  /** Reads the past again, because events of cameras that were added were left out. What happens now comes meanwhile. */
  addPaths(): void {
    this.#note('');
    if (this.#end) {
      this.#readPast();
    }
  }

  #readPast(): void {
    const { box, carrier } = this.#deps;
    const former = this.#endPast();
    const end = carrier.past(
      box,
      this.#past || undefined,
      async (sent, mark) => {
        await this.#take(sent, true);
        if (this.#endPast === endThis) {
          this.#note(mark);
        }
      },
      () => {
        if (this.#endPast === endThis) {
          this.#note(undefined);
        }
      },
    );
    const endThis = async () => {
      await end();
      await former;
    };
    this.#endPast = endThis;
  }

  #note(past: string | undefined): void {
    this.#past = past;
    this.#deps.notePast(past);
  }

  async #take(sent: unknown, isPast: boolean): Promise<void> {
    const { isShown, take, takeOutage } = this.#deps;
    const event = valid(sent);
    if (!event || !isShown(event.path)) {
      return;
    }
    if (event.type === OUTAGE) {
      await takeOutage(event);
    } else if (isOfCamera(event) && !(isPast && event.endUs === undefined)) {
      // Of the past an event is taken with its end, which may be what happens now.
      await take(event, isPast);
    }
  }
}

function valid(sent: unknown): BoxEvent | undefined {
  try {
    return eventOf(sent);
  } catch {
    return undefined;
  }
}
