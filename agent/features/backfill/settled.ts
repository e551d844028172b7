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
const ROOM_SAVED_MS = 3_600_000;

const Identity = Type.Object({ serial: Type.Optional(Type.String()), endpoint: Type.Optional(Type.String()) });
/** What a camera is known by. Its address changes. */
export type CameraIdentity = Static<typeof Identity>;
const OtherCamera = Type.Object({
  untilUs: Type.Number(),
  /** A person has had the card asked all the same. */
  isAsked: Type.Boolean(),
});

const Why = Type.Enum(['notOnCard', 'inDoubt']);
/** Why a gap was given up: the card has nothing of it, or only a part; what it has is not certain. */
export type Unfilled = Static<typeof Why>;

const State = Type.Object({
  /** In Unix microseconds, by path. */
  settled: Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number()]))),
  /** Of what was asked for: gaps that were given up, by path. */
  unfilled: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number(), Why])))),
  /** Never asked for: deletions, each as it was asked for, until one is undone. */
  deleted: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Tuple([Type.Number(), Type.Number()])))),
  /** The camera that was asked last, by path. */
  identities: Type.Optional(Type.Record(Type.String(), Identity)),
  /** When there was another camera last, by path. */
  others: Type.Optional(Type.Record(Type.String(), OtherCamera)),
  /** Until when recordings were deleted to make room, by path: what is as old would be deleted next. */
  madeRoom: Type.Optional(Type.Record(Type.String(), Type.Number())),
});
type State = Static<typeof State>;

/** Ranges that no card is asked for: it was asked, or they were deleted. Kept in a file of the data folder. */
export class Settled {
  readonly #clock: Host['clock'];
  readonly #document: StoredDocument<typeof State>;
  #asked: State['settled'] = {};
  #unfilled: NonNullable<State['unfilled']> = {};
  #deleted: State['settled'] = {};
  #identities: Record<string, CameraIdentity> = {};
  #others: Record<string, Static<typeof OtherCamera>> = {};
  #madeRoom: Record<string, number> = {};
  #roomSavedMs = Number.NEGATIVE_INFINITY;

  constructor({ dataDir, clock, log }: Pick<Host, 'dataDir' | 'clock' | 'log'>) {
    this.#clock = clock;
    this.#document = new StoredDocument(join(dataDir, 'backfill.json'), State, log);
  }

  async open(): Promise<void> {
    const stored = await this.#document.open('gaps are asked for again');
    const { settled = {}, deleted = {}, unfilled = {} } = stored ?? {};
    const { identities = {}, others = {}, madeRoom = {} } = stored ?? {};
    this.#asked = settled;
    this.#unfilled = unfilled;
    this.#deleted = deleted;
    this.#identities = identities;
    this.#others = others;
    this.#madeRoom = madeRoom;
  }

  of(path: string): readonly UsRange[] {
    return merged([...rangesOf(this.#asked[path]), ...this.neverAsked(path)]);
  }

  /** What is never asked for: deletions, and what is as old as those that made room, or as another camera. */
  neverAsked(path: string): readonly UsRange[] {
    const { untilUs = 0, isAsked = true } = this.#others[path] ?? {};
    const beforeUs = Math.max(isAsked ? 0 : untilUs, this.#madeRoom[path] ?? 0);
    const before = beforeUs > 0 ? [{ startUs: 0, endUs: beforeUs }] : [];
    return merged([...rangesOf(this.#deleted[path]), ...before]);
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

  /** A recording was deleted to make room. A full disk deletes every few minutes: a restart may forget an hour of that. */
  madeRoom(path: string, endUs: number): void {
    const nowMs = this.#clock.monoMs();
    // The clock may have been wrong when it was recorded.
    if (endUs > (this.#madeRoom[path] ?? 0) && endUs <= this.#clock.wallMs() * 1_000) {
      this.#madeRoom = { ...this.#madeRoom, [path]: endUs };
      if (nowMs - this.#roomSavedMs >= ROOM_SAVED_MS) {
        this.#roomSavedMs = nowMs;
        void this.#document.trySave(() => this.#state(), 'a restart may fetch what was deleted to make room');
      }
    }
  }

  /** The card is to be asked again for all that a person has not deleted. @throws PerchError if this cannot be stored */
  async askAgain(path: string): Promise<void> {
    const isOther = ([name]: [string, unknown]) => name !== path;
    this.#asked = Object.fromEntries(Object.entries(this.#asked).filter(isOther));
    this.#unfilled = Object.fromEntries(Object.entries(this.#unfilled).filter(isOther));
    const other = this.#others[path];
    this.#others = { ...this.#others, ...(other && { [path]: { ...other, isAsked: true } }) };
    await this.#document.save(() => this.#state());
  }

  /**
   * This camera is asked now. @returns whether there was another one before: then all until now is settled, which this one does not have
   * @throws PerchError if this cannot be stored
   */
  async isOther(path: string, camera: CameraIdentity): Promise<boolean> {
    const before = this.#identities[path];
    if (before && before.serial === camera.serial && before.endpoint === camera.endpoint) {
      return false;
    }
    const isOther = before !== undefined && areOthers(before, camera);
    this.#identities = { ...this.#identities, [path]: isOther ? camera : { ...before, ...camera } };
    if (isOther) {
      const untilUs = Math.round(this.#clock.wallMs() * 1_000);
      this.#others = { ...this.#others, [path]: { untilUs, isAsked: false } };
    }
    await this.#document.save(() => this.#state());
    return isOther;
  }

  /** Whether a range begins at a time when there may have been another camera. */
  isOfOther(path: string, { startUs }: UsRange): boolean {
    return startUs < (this.#others[path]?.untilUs ?? 0);
  }

  close(): Promise<void> {
    return this.#document.close();
  }

  #state(): State {
    return {
      ...{ settled: this.#asked, deleted: this.#deleted, identities: this.#identities, others: this.#others },
      ...{ madeRoom: this.#madeRoom, unfilled: this.#unfilled },
    };
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

/** Without a serial number it is known by its endpoint. Otherwise nothing is known. */
function areOthers(before: CameraIdentity, now: CameraIdentity): boolean {
  const [a, b] =
    before.serial === undefined && now.serial === undefined
      ? [before.endpoint, now.endpoint]
      : [before.serial, now.serial];
  return a !== undefined && b !== undefined && a !== b;
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
