import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check, Clean } from 'typebox/value';
import type { BoxAsking } from '../../../auth/pairing/linked-boxes.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import type { FeatureProblem } from '../../contract.ts';
import { Bundle, oneLine } from '../issue/bundle.ts';
import { HAND_OUT_PATH, MAX_ERROR_CHARS, MembershipAnswer, NOT_YET } from './box-routes.ts';

/** What the owner has signed, as the command has left it. */
const BUNDLE_FILE = 'fleet-bundle.json';
/** What boxes have said. */
const KEYS_FILE = 'fleet-box-keys.json';
const LOOK_MS = 5_000;
/** A box that has got its credential says this long later whether it is on the bus. */
const CHECKED_MS = 2_000;
/** Boxes do not say by themselves when they leave the bus. */
const AGAIN_MS = 25_000;

const KnownBox = Type.Object({
  name: Type.String(),
  /** Absent: it was not asked yet, or does not grant the right. */
  said: Type.Optional(MembershipAnswer),
  /** It is connected, and does not grant the right. */
  lacksRight: Type.Optional(Type.Literal(true)),
  /** The JWT that the box has last got, by its end, and why it did not take it. */
  delivered: Type.Optional(Type.Object({ jwt: Type.String(), refusal: Type.Optional(Type.String()) })),
});
type KnownBox = Static<typeof KnownBox>;
const KnownBoxes = Type.Object({ boxes: Type.Record(Type.String(), KnownBox) });
export type KnownBoxes = Static<typeof KnownBoxes>['boxes'];

export const bundleIn = (dataDir: string, log?: Logger): StoredDocument<typeof Bundle> =>
  new StoredDocument(join(dataDir, BUNDLE_FILE), Bundle, log);
export const knownBoxesIn = (dataDir: string, log?: Logger): StoredDocument<typeof KnownBoxes> =>
  new StoredDocument(join(dataDir, KEYS_FILE), KnownBoxes, log);

/** What becomes of a box's part of the bundle. `joined`: it has its credential, and is on the bus. */
export interface Outcome {
  readonly state: 'joined' | 'waiting' | 'refused' | 'missing';
  /** For people. */
  readonly text: string;
}

export function outcomeOf(jwt: string | undefined, box: KnownBox | undefined): Outcome {
  const { delivered, said, lacksRight } = box ?? {};
  const isWaiting = jwt !== undefined && delivered?.jwt !== endOf(jwt);
  if (lacksRight) {
    const text =
      'connected, does not grant the right fleet: its owner allows it on its page (Take this box into its fleet)';
    return isWaiting ? { state: 'waiting', text: `waiting: ${text}` } : { state: 'missing', text };
  }
  if (isWaiting) {
    return { state: 'waiting', text: 'waiting: it gets its credential when it connects' };
  }
  if (delivered?.refusal !== undefined) {
    return { state: 'refused', text: `refused: ${delivered.refusal}` };
  }
  if (!said) {
    return { state: 'missing', text: 'has not said its key yet: it does so when it connects' };
  }
  if (said.account === null) {
    return { state: 'missing', text: 'no credential yet' };
  }
  return said.error === null
    ? { state: 'joined', text: 'joined' }
    : { state: 'missing', text: `not on the bus: ${said.error}` };
}

/** A JWT ends with its signature. */
const endOf = (jwt: string): string => jwt.slice(-24);

interface HandOutsOptions {
  readonly asking: BoxAsking;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Collects the keys of connected boxes, and gives each its part of the bundle. Several servers of a fleet do so with the same documents. */
export class HandOuts {
  readonly #options: HandOutsOptions;
  readonly #bundleFile: StoredDocument<typeof Bundle>;
  readonly #knownFile: StoredDocument<typeof KnownBoxes>;
  #bundle: Bundle | undefined;
  #known: KnownBoxes = {};
  /** By box: for which connection and which JWT it was asked, and when it is asked again, in monotonic ms. */
  readonly #asked = new Map<string, { readonly about: string; readonly againMs: number }>();
  /** Boxes that were not paired at the last look. */
  #missing: ReadonlySet<string> = new Set();
  #bundleMs = 0;
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();
  readonly #stopLooking: () => void;

  constructor(options: HandOutsOptions) {
    const { dataDir, log, clock } = options;
    this.#options = options;
    this.#bundleFile = bundleIn(dataDir, log);
    this.#knownFile = knownBoxesIn(dataDir, log);
    this.#bundleFile.follow((bundle) => {
      this.#bundle = bundle;
    });
    this.#knownFile.follow((known) => {
      this.#known = known?.boxes ?? {};
    });
    this.#stopLooking = clock.every(LOOK_MS, () => {
      this.#running ??= this.#run();
    });
    this.#running = this.#load().then(() => this.#run());
  }

  async close(): Promise<void> {
    this.#stopLooking();
    this.#stop.abort();
    await this.#running;
  }

  async #load(): Promise<void> {
    try {
      this.#known = (await this.#knownFile.open('keys of boxes are lost: they are collected again'))?.boxes ?? {};
      this.#bundle = this.#bundleFile.isShared ? await this.#bundleFile.load() : undefined;
    } catch (error) {
      this.#options.log.warn({ cause: explain(error) }, 'what boxes of the fleet get cannot be read');
    }
  }

  async #run(): Promise<void> {
    try {
      await this.#readBundle();
      await this.#forgetRemoved();
      await this.#askAll();
    } catch (error) {
      this.#options.log.warn({ cause: explain(error) }, 'credentials of the fleet cannot be handed out');
    } finally {
      this.#running = undefined;
    }
  }

  /** In a file: the command replaces it while this runs. */
  async #readBundle(): Promise<void> {
    if (!this.#bundleFile.isShared) {
      const { mtimeMs } = await stat(this.#bundleFile.file).catch(() => ({ mtimeMs: 0 }));
      if (mtimeMs !== this.#bundleMs) {
        this.#bundleMs = mtimeMs;
        this.#bundle = await this.#bundleFile.load();
      }
    }
  }

  /** Deletes what belongs to removed boxes: those that two looks in a row do not list, because pairing a box again removes it for a moment. */
  async #forgetRemoved(): Promise<void> {
    const paired = new Set(this.#options.asking.list().map(({ id }) => id));
    const missing = Object.keys({ ...this.#known, ...this.#bundle?.boxes }).filter((id) => !paired.has(id));
    const gone = new Set(missing.filter((id) => this.#missing.has(id)));
    this.#missing = new Set(missing);
    const isKept = ([id]: readonly [string, unknown]) => !gone.has(id);
    for (const id of gone) {
      this.#asked.delete(id);
    }
    const bundle = this.#bundle;
    if (bundle && Object.keys(bundle.boxes).some((id) => gone.has(id))) {
      await this.#bundleFile.change(async () => {
        const now = (await this.#bundleFile.load()) ?? bundle;
        this.#bundle = { ...now, boxes: Object.fromEntries(Object.entries(now.boxes).filter(isKept)) };
        await this.#bundleFile.save(() => this.#bundle ?? now);
      });
    }
    if (Object.keys(this.#known).some((id) => gone.has(id))) {
      await this.#save((known) => Object.fromEntries(Object.entries(known).filter(isKept)));
    }
  }

  async #askAll(): Promise<void> {
    const { asking, clock } = this.#options;
    const about = (box: string, sinceMs: number) => `${sinceMs} ${endOf(this.#bundle?.boxes[box] ?? '')}`;
    const changed = new Map<string, KnownBox>();
    const due = asking.list().filter(({ id, name: given, isConnected, mayHandOut, sinceMs }) => {
      const [known, name] = [this.#known[id], oneLine(given)];
      if (isConnected && !mayHandOut && (!known?.lacksRight || known.name !== name)) {
        changed.set(id, { name, lacksRight: true, ...(known?.delivered && { delivered: known.delivered }) });
      } else if (!known) {
        changed.set(id, { name });
      }
      const asked = this.#asked.get(id);
      const isNew = asked?.about !== about(id, sinceMs) || clock.monoMs() >= asked.againMs;
      return isConnected && mayHandOut && isNew;
    });
    const next = due[Symbol.iterator]();
    const askInTurn = async () => {
      for (const { id, name, sinceMs } of next) {
        if (this.#stop.signal.aborted) {
          return;
        }
        const asked = about(id, sinceMs);
        const { known, againMs } = await this.#ask(id, oneLine(name), this.#asked.get(id)?.about !== asked);
        this.#asked.set(id, { about: asked, againMs: clock.monoMs() + againMs });
        if (known && JSON.stringify(known) !== JSON.stringify(this.#known[id])) {
          changed.set(id, known);
        }
      }
    };
    await Promise.all(Array.from({ length: 32 }, askInTurn));
    if (changed.size > 0) {
      await this.#save((known) => ({ ...known, ...Object.fromEntries(changed) }));
    }
  }

  /** @returns what it says now, and when it is asked again on this connection */
  async #ask(
    id: string,
    name: string,
    isFirst: boolean,
  ): Promise<{ readonly known?: KnownBox; readonly againMs: number }> {
    const { asking, log } = this.#options;
    const { signal } = this.#stop;
    try {
      let said = answerOf(await asking.ask(id, 'GET', HAND_OUT_PATH, undefined, signal));
      let delivered = this.#known[id]?.delivered;
      const jwt = this.#bundle?.boxes[id];
      const fleet = this.#bundle?.fleet;
      const isDelivered = jwt !== undefined && delivered?.jwt === endOf(jwt);
      // A box without a credential may have been paired again: it takes the same one.
      const isAgain = delivered?.refusal === undefined ? said.account === null : isFirst;
      if (jwt !== undefined && (!isDelivered || isAgain)) {
        const given = await this.#give(id, JSON.stringify({ fleet, jwt }));
        said = given.said ?? said;
        delivered = { jwt: endOf(jwt), ...(given.refusal !== undefined && { refusal: given.refusal }) };
        if (given.refusal === undefined) {
          log.info({ box: id }, 'a box of the fleet has got its credential');
        } else {
          log.warn({ box: id, refusal: given.refusal }, 'a box refuses its credential of the fleet');
        }
        return { known: { name, said, delivered }, againMs: isDelivered ? AGAIN_MS : CHECKED_MS };
      }
      return { known: { name, said, ...(delivered && { delivered }) }, againMs: AGAIN_MS };
    } catch (error) {
      rethrowUnexpected(error);
      log.debug({ box: id, cause: explain(error) }, 'a box does not say its key for the fleet');
      // It is about to be away, or the right was withdrawn a moment ago.
      return { againMs: AGAIN_MS };
    }
  }

  /** @throws PerchError if the box is away */
  async #give(id: string, part: string): Promise<{ readonly said?: MembershipAnswer; readonly refusal?: string }> {
    try {
      return { said: answerOf(await this.#options.asking.ask(id, 'POST', HAND_OUT_PATH, part, this.#stop.signal)) };
    } catch (error) {
      if (!isRefusal(error)) {
        throw error;
      }
      return { refusal: oneLine(explain(error)).slice(0, MAX_ERROR_CHARS) };
    }
  }

  /** @param change called again if another server has saved meanwhile */
  async #save(change: (known: KnownBoxes) => KnownBoxes): Promise<void> {
    await this.#knownFile.change(async () => {
      const boxes = change(this.#known);
      await this.#knownFile.save(() => ({ boxes }));
      this.#known = boxes;
    });
  }

  /** Boxes that are connected to this server, and not on the bus. */
  problems(): readonly FeatureProblem[] {
    return this.#options.asking.list().flatMap(({ id, isConnected }) => {
      const { name, said } = this.#known[id] ?? {};
      const error = isConnected ? (said?.error ?? NOT_YET) : NOT_YET;
      const advice = `if it is revoked, hand out another credential (perch fleet boxes FILE ${id}), or remove the box`;
      const text = `box ${name} (${id}) is not on the bus: ${error}: ${advice}`;
      return error === NOT_YET ? [] : [{ name: id, why: 'box', text, since: null }];
    });
  }
}

/** @throws PerchError for an answer of another form */
function answerOf(answer: unknown): MembershipAnswer {
  if (!Check(MembershipAnswer, answer)) {
    throw new PerchError('unavailable', 'the box answers in another form');
  }
  const said = Clean(MembershipAnswer, answer) as MembershipAnswer;
  return { ...said, error: said.error === null ? null : oneLine(said.error) };
}

const isRefusal = (error: unknown): boolean =>
  error instanceof PerchError && ['badInput', 'unauthorized', 'notFound'].includes(error.code);
