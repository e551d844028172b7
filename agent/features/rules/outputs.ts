import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { endsWithin } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import { DAY_MS, MINUTE_MS } from '../../base/time/units.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { type Effect, type Effects, SETTLE_MS } from './effects.ts';

const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 60_000;
/** A camera that starts may not know its outputs yet. */
const UNKNOWN_MS = 10 * MINUTE_MS;
/** A camera that is not in the configuration any more may come back, and its owner reads of the output. */
const GONE_MS = DAY_MS;
/** A stop of Perch waits this long for cameras; the next start switches off what is left. */
const PATIENCE_MS = 3_000;

const Held = Type.Object({ path: Type.String(), output: Type.String() });
const OutputsFile = Type.Object({ on: Type.Array(Held) });

interface HeldOutput extends Static<typeof Held> {
  /** Monotonic times until which rules want it on, by their names. */
  readonly wanted: Map<string, number>;
  /** Calls to the camera, one after the other. */
  readonly calls: SerialQueue;
  isBusy: boolean;
  failures: number;
  retryMs: number;
  /** Since when there is no such output, monotonic; undefined: it is not known. */
  unknownMs: number | undefined;
  problem: FeatureProblem | undefined;
  effect: Effect | undefined;
}

/** `off`: paused or private. `faulty`: its settings have a fault. `gone`: the configuration does not have it. */
type PathState = 'ready' | 'off' | 'faulty' | 'gone';

interface OutputsHost extends Pick<Host, 'dataDir' | 'clock' | 'log'> {
  readonly steering: Pick<Host['steering'], 'outputs' | 'setOutput' | 'switched'>;
  pathState(path: string): PathState;
}

/** Outputs that rules have switched on. A file of the data folder names them before they are, so that a restart switches them off. */
export class HeldOutputs {
  readonly #host: OutputsHost;
  readonly #effects: Effects;
  readonly #document: StoredDocument<typeof OutputsFile>;
  readonly #held = new Map<string, HeldOutput>();
  #stopListening = (): void => {};
  #isClosed = false;

  constructor(host: OutputsHost, effects: Effects) {
    this.#host = host;
    this.#effects = effects;
    this.#document = new StoredDocument(join(host.dataDir, 'rule-outputs.json'), OutputsFile, host.log);
  }

  /** Reads what a former run has left on; `tick` switches it off. */
  async begin(): Promise<void> {
    const file = await this.#document.open(
      'which outputs rules have left on is lost: look at lights, sirens and relays',
    );
    for (const one of file?.on ?? []) {
      this.#add(one);
    }
    this.#stopListening = this.#host.steering.switched((path, output, isOn) => {
      const held = this.#held.get(keyOf(path, output));
      // A person wants it on: it stays on.
      if (held && isOn) {
        this.#drop(held);
      }
    });
  }

  /**
   * Switches an output on, and off after the time.
   * @throws PerchError notFound, and with the reason why the camera does not; unavailable if the rule was ended, or the camera leaves
   */
  async switchOn(rule: string, path: string, output: string, seconds: number): Promise<void> {
    const { clock, steering } = this.#host;
    const known = this.#held.get(keyOf(path, output));
    const held = known ?? this.#add({ path, output });
    const former = held.wanted.get(rule);
    held.wanted.set(rule, Math.max(former ?? 0, clock.monoMs() + seconds * 1_000));
    await this.#save();
    const switching = this.#effects.begin('switching', path);
    try {
      await held.calls.run(() => {
        // Its end is in the queue already: nothing would switch it off later.
        if (!held.wanted.has(rule)) {
          throw new PerchError('unavailable', `output '${output}' was given up before it was on`, { path });
        }
        return this.#isClosed ? undefined : steering.setOutput(path, output, true);
      });
    } catch (error) {
      // It may be on all the same: the answer may be lost.
      if (held.wanted.has(rule)) {
        setOrDelete(held.wanted, rule, former);
      }
      if (isUnknown(error) && !known) {
        this.#drop(held);
      }
      throw error;
    } finally {
      this.#effects.end(switching);
    }
    answered(held);
    this.#lasts(held);
  }

  /** The rule does not want it on any more. */
  release(rule: string, path: string, output: string): void {
    if (this.#held.get(keyOf(path, output))?.wanted.delete(rule)) {
      this.tick();
    }
  }

  /** The camera is about to be removed: switches off what is on there, while it can be reached. */
  async leaving(path: string): Promise<void> {
    const here = [...this.#held.values()].filter((held) => held.path === path);
    for (const held of here) {
      held.wanted.clear();
    }
    await endsWithin(this.#host.clock, PATIENCE_MS, Promise.all(here.map((held) => this.#switchOff(held))));
  }

  /** Switches off what is due. */
  tick(): void {
    const nowMs = this.#host.clock.monoMs();
    for (const held of this.#held.values()) {
      const state = this.#host.pathState(held.path);
      if (state === 'off' || state === 'gone') {
        held.wanted.clear();
      }
      if (dueMs(held) <= nowMs && held.retryMs <= nowMs && !held.isBusy) {
        void this.#switchOff(held);
      }
    }
  }

  problems(): readonly FeatureProblem[] {
    const lost = this.#document.fault;
    return [
      ...[...this.#held.values()].flatMap(({ problem }) => problem ?? []),
      ...(lost === undefined ? [] : [{ why: 'damaged', text: lost, since: null }]),
    ];
  }

  /** Switches everything off. What a camera does not confirm in time stays in the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    const calls = [...this.#held.values()].map((held) => this.#switchOff(held));
    await endsWithin(this.#host.clock, PATIENCE_MS, Promise.all(calls));
    await this.#document.close();
  }

  #add({ path, output }: Static<typeof Held>): HeldOutput {
    const held: HeldOutput = {
      ...{ path, output, wanted: new Map(), calls: new SerialQueue() },
      ...{ isBusy: false, failures: 0, retryMs: Number.NEGATIVE_INFINITY },
      ...{ unknownMs: undefined, problem: undefined, effect: undefined },
    };
    this.#held.set(keyOf(path, output), held);
    return held;
  }

  /** What it causes while it is on is over at its time, whether the camera confirms that it is off or not. */
  #lasts(held: HeldOutput): void {
    const { clock, steering } = this.#host;
    const { path, output } = held;
    this.#endEffect(held);
    const effect = this.#effects.begin('output', path, dueMs(held) - clock.monoMs() + SETTLE_MS);
    held.effect = effect;
    // The steady light of a lamp changes nothing.
    const asked = steering.outputs(path).then((all) => all.find(({ id }) => id === output)?.kind === 'light');
    void asked.then(
      (isLight) => isLight && this.#effects.end(effect),
      () => {},
    );
  }

  #endEffect(held: HeldOutput): void {
    if (held.effect) {
      this.#effects.end(held.effect);
      held.effect = undefined;
    }
  }

  async #switchOff(held: HeldOutput): Promise<void> {
    const { clock, steering, pathState } = this.#host;
    const { path, output } = held;
    held.isBusy = true;
    try {
      const state = pathState(path);
      if (state === 'gone') {
        throw new PerchError('notFound', 'its camera was removed or renamed');
      }
      if (state === 'faulty') {
        throw new PerchError('unavailable', 'the settings of its camera have a fault');
      }
      const isRetry = held.failures > 0;
      // A camera that is away changes nothing, each time that it is tried.
      const effect = isRetry ? undefined : this.#effects.begin('switching', path);
      await held.calls
        .run(() => steering.setOutput(path, output, false))
        .finally(() => effect && this.#effects.end(effect));
      if (isRetry) {
        this.#effects.begin('switching', path, SETTLE_MS);
      }
      answered(held);
      // A rule may have switched it on again meanwhile.
      if (this.#isClosed || dueMs(held) <= clock.monoMs()) {
        this.#drop(held);
      }
    } catch (error) {
      this.#failed(held, error);
    } finally {
      held.isBusy = false;
    }
  }

  #failed(held: HeldOutput, error: unknown): void {
    const { clock, log, pathState } = this.#host;
    const { path, output } = held;
    const nowMs = clock.monoMs();
    const isGone = pathState(path) === 'gone';
    held.failures += 1;
    held.retryMs = nowMs + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (held.failures - 1));
    held.unknownMs = isUnknown(error) ? (held.unknownMs ?? nowMs) : undefined;
    const facts = { path, output, cause: explain(error) };
    if (held.unknownMs !== undefined && nowMs - held.unknownMs >= (isGone ? GONE_MS : UNKNOWN_MS)) {
      log.warn(facts, 'an output that a rule has switched on is not switched off: there is no such output');
      this.#drop(held);
    } else if (isGone || held.failures >= 3) {
      // A restarting camera answers a moment later, which is no problem.
      const text = `output '${output}' may still be on, it cannot be switched off: ${explain(error)}. Rules run as if it were off.`;
      if (!held.problem) {
        log.warn(facts, 'an output that a rule has switched on cannot be switched off');
      }
      held.problem = {
        name: path,
        why: 'stillOn',
        text,
        since: held.problem?.since ?? new Date(clock.wallMs()).toISOString(),
      };
    }
  }

  #drop(held: HeldOutput): void {
    this.#endEffect(held);
    const key = keyOf(held.path, held.output);
    if (this.#held.get(key) === held) {
      this.#held.delete(key);
      void this.#save();
    }
  }

  #save(): Promise<boolean> {
    const on = () => ({ on: [...this.#held.values()].map(({ path, output }) => ({ path, output })) });
    return this.#document.trySave(on, 'which outputs are on cannot be saved: a restart would leave them on');
  }
}

/** @throws PerchError notFound, and with the reason why the camera does not answer */
export async function checkOutput(
  steering: Pick<Host['steering'], 'outputs'>,
  path: string,
  output: string,
): Promise<void> {
  if (!(await steering.outputs(path)).some(({ id }) => id === output)) {
    throw new PerchError('notFound', `camera '${path}' has no output '${output.slice(0, 64)}'`, { path });
  }
}

/** When it is switched off, monotonic. What a former run has left on is due at once. */
const dueMs = ({ wanted }: HeldOutput): number => Math.max(...wanted.values());

function answered(held: HeldOutput): void {
  held.failures = 0;
  held.retryMs = Number.NEGATIVE_INFINITY;
  held.unknownMs = undefined;
  held.problem = undefined;
}

const isUnknown = (error: unknown): boolean => error instanceof PerchError && error.code === 'notFound';

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}

/** Names of paths have no blanks. */
const keyOf = (path: string, output: string): string => `${path} ${output}`;
