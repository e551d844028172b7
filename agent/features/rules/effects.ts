import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { EventKind } from '../../base/event-kinds.ts';
import type { CameraEvent } from '../../record/events/event.ts';

/** A picture settles, a sensor rests and a camera reports within this time. */
export const SETTLE_MS = 15_000;

/**
 * What an action changes. `turn`: the picture of its camera. `output`: what its camera senses of an output that is on, and the sound of it that
 * others hear. `switching`: what its camera sees, and what others see, hear and feel of a light, a siren or a gate. `program`: the box, through
 * its API.
 */
type Reach = 'turn' | 'output' | 'switching' | 'program';

/** What a light, a siren or a gate that is switched causes at other cameras. Persons, vehicles and animals come by themselves. */
const FAR: ReadonlySet<EventKind> = new Set<EventKind>(['motion', 'tamper', 'sound', 'input', 'other']);

export interface Effect {
  readonly reach: Reach;
  /** Of the camera. */
  readonly path: string;
  /** Monotonic; Infinity while it lasts. */
  untilMs: number;
}

/** An effect, as an event meets it: `own turn` at the camera of the action, `far turn` at others. */
type Cause = `${'own' | 'far'} ${Reach}`;

/** Tells events that rules may have caused from others: no rule follows from a rule, over any number of them. */
export class Effects {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #effects = new Set<Effect>();
  /** What there was when an event was first seen: it may be reported again later, with labels. */
  readonly #known = new Map<string, ReadonlySet<Cause>>();
  /** Whether Perch turns the camera now, for a rule or on a patrol. */
  readonly #isTurning: (path: string) => boolean;

  constructor(clock: Pick<Clock, 'monoMs'>, isTurning: (path: string) => boolean = () => false) {
    this.#clock = clock;
    this.#isTurning = isTurning;
  }

  /** @param lastsMs default: until `end` */
  begin(reach: Reach, path: string, lastsMs = Number.POSITIVE_INFINITY): Effect {
    this.#forgetOld();
    const effect = { reach, path, untilMs: this.#clock.monoMs() + lastsMs };
    this.#effects.add(effect);
    return effect;
  }

  /** Its last consequences are over a moment later. */
  end(effect: Effect): void {
    effect.untilMs = Math.min(effect.untilMs, this.#clock.monoMs() + SETTLE_MS);
  }

  /** Whether a program of a rule may act through the API now. */
  get isAtWork(): boolean {
    this.#forgetOld();
    return [...this.#effects].some(({ reach }) => reach === 'program');
  }

  /** Call it for each report of each event, before `isCaused`. */
  saw({ id, path }: CameraEvent): void {
    const key = `${id} ${path}`;
    putBounded(this.#known, key, this.#known.get(key) ?? this.#present(path), 2_000);
  }

  /** Whether rules may have caused what the event has of this kind. */
  isCaused(event: CameraEvent, kind: EventKind): boolean {
    const causes = this.#known.get(`${event.id} ${event.path}`) ?? new Set<Cause>();
    return [...causes].some((cause) => reaches(cause, event, kind));
  }

  #present(path: string): ReadonlySet<Cause> {
    this.#forgetOld();
    const causes = [...this.#effects].map(
      ({ reach, path: other }): Cause => `${other === path ? 'own' : 'far'} ${reach}`,
    );
    return new Set<Cause>([...causes, ...(this.#isTurning(path) ? ['own turn' as const] : [])]);
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monoMs();
    for (const effect of this.#effects) {
      if (effect.untilMs <= nowMs) {
        this.#effects.delete(effect);
      }
    }
  }
}

function reaches(cause: Cause, { source }: CameraEvent, kind: EventKind): boolean {
  switch (cause) {
    case 'own program':
    case 'far program':
      return source === 'api';
    case 'own turn':
      // A turning camera reports no contact by itself.
      return kind !== 'doorbell' && kind !== 'input';
    case 'own output':
    case 'own switching':
      // Nothing but a hand presses a doorbell.
      return kind !== 'doorbell';
    case 'far switching':
      return FAR.has(kind);
    case 'far output':
      return kind === 'sound';
    case 'far turn':
      return false;
  }
}
