import type { Clock } from '../../base/clock.ts';

/** A login that was shown is answered by then, or never. */
const ANSWERED_MS = 10_000;

/** One login on its way to a camera. */
export interface ShownLogin {
  /** The camera has answered it, or it has not come there. Also twice. */
  end(): void;
}

interface Shown {
  readonly name: string;
  readonly seal: string;
  readonly atMs: number;
}

/** The logins that have no answer yet: each of them may become a refusal. */
export class ShownLogins {
  readonly #clock: Pick<Clock, 'monoMs'>;
  /** In the order in which they were shown. */
  readonly #shown = new Set<Shown>();

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
  }

  add(name: string, seal: string): ShownLogin {
    const shown = { name, seal, atMs: this.#clock.monoMs() };
    this.#forget();
    this.#shown.add(shown);
    return { end: () => this.#shown.delete(shown) };
  }

  count(is: (name: string, seal: string) => boolean): number {
    this.#forget();
    return [...this.#shown].filter(({ name, seal }) => is(name, seal)).length;
  }

  /** Until the first of them counts no more. */
  get waitMs(): number {
    this.#forget();
    const [first] = this.#shown;
    return first ? first.atMs + ANSWERED_MS - this.#clock.monoMs() : 0;
  }

  #forget(): void {
    const oldestMs = this.#clock.monoMs() - ANSWERED_MS;
    for (const shown of this.#shown) {
      if (shown.atMs > oldestMs) {
        return;
      }
      this.#shown.delete(shown);
    }
  }
}
