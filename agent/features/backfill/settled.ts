import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { merged, type UsRange } from '../../playback/index/hidden-ranges.ts';
import type { Host } from '../contract.ts';

/** Gaps of the last weeks; cards of cameras hold days. */
export const FARTHEST_MS = 31 * 86_400_000;
/** More outages and deletions than a camera has in a month. */
const MAX_RANGES = 500;
/** Recordings around a gap may belong to it: its reasons are sampled. */
const AROUND_US = 30_000_000;

const Why = Type.Enum(['notOnCard', 'inDoubt']);
/** Why a gap was given up: the card has nothing of it, or only a part; what it has is not certain. */
export type Unfilled = Static<typeof Why>;

const State = Type.Object({
  /** In Unix microseconds, by path. */
  settled: Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number()]))),
  /** Of what was asked for: gaps that were given up, by path. */
  unfilled: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number(), Why])))),
  /** Never asked for: deletions, each as it was asked for, until one is undone; times of another camera. */
  deleted: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number()])))),
  /** Serial number or address of the camera that was asked last, by path. */
  cameras: Type.Optional(Type.Record(Type.String(), Type.String())),
});
type State = Static<typeof State>;

/** Ranges that no card is asked for: it was asked, or a person has deleted them. Kept in a file of the data folder. */
export class Settled {
  readonly #clock: Host['clock'];
  readonly #document: StoredDocument<typeof State>;
  #asked: State['settled'] = {};
  #unfilled: NonNullable<State['unfilled']> = {};
  #deleted: State['settled'] = {};
  #cameras: Record<string, string> = {};

  constructor({ dataDir, clock, log }: Pick<Host, 'dataDir' | 'clock' | 'log'>) {
    this.#clock = clock;
    this.#document = new StoredDocument(join(dataDir, 'backfill.json'), State, log);
  }

  async open(): Promise<void> {
    const {
      settled = {},
      unfilled = {},
      deleted = {},
      cameras = {},
    } = (await this.#document.open('gaps are asked for again')) ?? {};
    this.#asked = settled;
    this.#unfilled = unfilled;
    this.#deleted = deleted;
    this.#cameras = cameras;
  }

  of(path: string): readonly UsRange[] {
    return merged([...rangesOf(this.#asked[path]), ...rangesOf(this.#deleted[path])]);
  }

  /** What is never asked for. */
  deletedOf(path: string): readonly UsRange[] {
    return merged(rangesOf(this.#deleted[path]));
  }

  /** Gaps that were given up, also those that are recorded or have expired since. */
  unfilled(path: string): readonly (UsRange & { readonly why: Unfilled })[] {
    return (this.#unfilled[path] ?? []).map(([startUs, endUs, why]) => ({ startUs, endUs, why }));
  }

  /** The card was asked. @param why it has not filled the gap @throws PerchError if this cannot be stored */
  async asked(path: string, range: UsRange, why?: Unfilled): Promise<void> {
    this.#add(this.#asked, path, range);
    if (why) {
      const oldestUs = (this.#clock.wallMs() - FARTHEST_MS) * 1_000;
      const recent = (this.#unfilled[path] ?? []).filter(([, endUs]) => endUs > oldestUs).slice(1 - MAX_RANGES);
      this.#unfilled[path] = [...recent, [range.startUs, range.endUs, why]];
    }
    await this.#document.save(() => this.#state());
  }

  /** A person has deleted what was recorded there. In force at once, even if it cannot be stored. */
  async deleted(path: string, { startUs, endUs }: UsRange): Promise<void> {
    const around = { startUs: startUs - AROUND_US, endUs: endUs + AROUND_US };
    this.#add(this.#deleted, path, around);
    const failure = 'a restart may fetch deleted recordings from the card of the camera again';
    await this.#document.trySave(() => this.#state(), failure);
  }

  /** Such a deletion is undone. */
  async restored(path: string, { startUs, endUs }: UsRange): Promise<void> {
    const isOther = (one: readonly [number, number]) => one[0] !== startUs - AROUND_US || one[1] !== endUs + AROUND_US;
    this.#deleted[path] = (this.#deleted[path] ?? []).filter(isOther);
    await this.#document.trySave(() => this.#state(), 'a restart may leave a gap in restored recordings');
  }

  /** The card is to be asked again for all that a person has not deleted. @throws PerchError if this cannot be stored */
  async askAgain(path: string): Promise<void> {
    const isOther = ([name]: [string, unknown]) => name !== path;
    this.#asked = Object.fromEntries(Object.entries(this.#asked).filter(isOther));
    this.#unfilled = Object.fromEntries(Object.entries(this.#unfilled).filter(isOther));
    await this.#document.save(() => this.#state());
  }

  /**
   * This camera is asked now. @returns whether there was another one before: then all until now is settled, which this one does not have
   * @throws PerchError if this cannot be stored
   */
  async isOther(path: string, camera: string): Promise<boolean> {
    const before = this.#cameras[path];
    if (before === camera) {
      return false;
    }
    this.#cameras = { ...this.#cameras, [path]: camera };
    if (before !== undefined) {
      const until = { startUs: 0, endUs: Math.round(this.#clock.wallMs() * 1_000) };
      this.#add(this.#deleted, path, until);
    }
    await this.#document.save(() => this.#state());
    return before !== undefined;
  }

  close(): Promise<void> {
    return this.#document.close();
  }

  #state(): State {
    return { settled: this.#asked, unfilled: this.#unfilled, deleted: this.#deleted, cameras: this.#cameras };
  }

  /** @param to `#asked` or `#deleted` */
  #add(to: State['settled'], path: string, range: UsRange): void {
    to[path] = [...(to[path] ?? []), [range.startUs, range.endUs]];
    this.#asked = this.#recent(this.#asked, merged);
    this.#deleted = this.#recent(this.#deleted, byTime);
  }

  #recent(all: State['settled'], ordered: (ranges: readonly UsRange[]) => readonly UsRange[]): State['settled'] {
    const oldestUs = (this.#clock.wallMs() - FARTHEST_MS) * 1_000;
    return Object.fromEntries(
      Object.entries(all).flatMap(([name, ranges]) => {
        const kept = ordered(rangesOf(ranges)).filter((one) => one.endUs > oldestUs);
        return kept.length > 0 ? [[name, limited(kept).map((one): [number, number] => [one.startUs, one.endUs])]] : [];
      }),
    );
  }
}

const rangesOf = (ranges: readonly (readonly [number, number])[] = []): UsRange[] =>
  ranges.map(([startUs, endUs]) => ({ startUs, endUs }));

const byTime = (ranges: readonly UsRange[]): UsRange[] => ranges.toSorted((a, b) => a.startUs - b.startUs);

/** With too many ranges the oldest ones are one, with what is between them: rather too little is fetched. */
function limited(ranges: readonly UsRange[]): readonly UsRange[] {
  const old = ranges.slice(0, -MAX_RANGES);
  const [first] = old;
  const last = old.at(-1);
  return first && last ? [{ startUs: first.startUs, endUs: last.endUs }, ...ranges.slice(-MAX_RANGES)] : ranges;
}
