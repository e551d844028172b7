import type { PathItem } from '../box/paths.ts';

/** Shorter ones nobody needs to hear of. */
const WORTH_MS = 60_000;

type Watched = Pick<PathItem, 'ready' | 'paused' | 'sourceOnDemand' | 'offlineSince' | 'lastError'>;

/** Remembers which cameras are away, and says when one comes back. */
export class Returns {
  #away = new Map<string, number>();

  /** @returns those that are back, and how long they were away */
  note(
    all: readonly { readonly name: string; readonly main: Watched }[],
    nowMs: number,
  ): readonly { readonly name: string; readonly awayMs: number }[] {
    const before = this.#away;
    this.#away = new Map(
      all.filter(({ main }) => isAway(main)).map(({ name, main }) => [name, Date.parse(main.offlineSince ?? '')]),
    );
    return all
      .filter(({ main }) => main.ready)
      .map(({ name }) => ({ name, awayMs: nowMs - (before.get(name) ?? nowMs) }))
      .filter(({ awayMs }) => awayMs >= WORTH_MS);
  }
}

/** Not one that somebody has paused, or that comes when it is asked for. */
const isAway = ({ ready, paused, sourceOnDemand, offlineSince, lastError }: Watched): boolean =>
  !ready && !paused && !sourceOnDemand && offlineSince !== null && lastError !== null;
