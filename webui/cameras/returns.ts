import type { PathItem } from '../api-client/paths.ts';

/** Shorter ones nobody needs to hear of. */
const WORTH_MS = 60_000;

type Watched = Pick<PathItem, 'ready' | 'readyTime' | 'paused' | 'sourceOnDemand' | 'offlineSince' | 'lastError'>;

/** Remembers which cameras are away, and says when one comes back. */
export class Returns {
  #away = new Map<string, number>();

  /** @returns those that are back, and how long they were away: by the box's clock, since nobody may have looked meanwhile */
  note(
    all: readonly { readonly name: string; readonly main: Watched }[],
  ): readonly { readonly name: string; readonly awayMs: number }[] {
    const before = this.#away;
    this.#away = new Map(
      all.filter(({ main }) => isAway(main)).map(({ name, main }) => [name, Date.parse(main.offlineSince ?? '')]),
    );
    return all
      .filter(({ main }) => main.ready)
      .map(({ name, main }) => ({ name, awayMs: Date.parse(main.readyTime ?? '') - (before.get(name) ?? Number.NaN) }))
      .filter(({ awayMs }) => awayMs >= WORTH_MS);
  }
}

/** Not one that somebody has paused, or that comes when it is asked for. */
const isAway = ({ ready, paused, sourceOnDemand, offlineSince, lastError }: Watched): boolean =>
  !ready && !paused && !sourceOnDemand && offlineSince !== null && lastError !== null;
