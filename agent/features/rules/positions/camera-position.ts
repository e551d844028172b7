import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { isUnreachable } from '../../../onvif/soap/http/failures.ts';
import type { FeatureProblem } from '../../contract.ts';
import { Attempts, isRefused } from './attempts.ts';
import { PositionWatch, STEERED_MS } from './position-watch.ts';
import { PresetList } from './preset-list.ts';
import { type Axis, type Hold, isOrigin, isSame, type Place, type StoredPosition } from './stored-position.ts';

/** A camera turns, zooms and focuses for this long after its answer. */
export const TURNING_MS = 10_000;
/** Holds of one camera; the oldest give way. */
const MAX_HOLDS = 64;

/** Turns a camera. All reject with PerchError, those that it lacks with `unsupported`. */
export interface CameraHead {
  presets(): Promise<readonly { readonly token: string; readonly name: string }[]>;
  goToPreset(token: string): Promise<void>;
  goHome(): Promise<void>;
  /** Where it looks; null: it does not say. */
  position(): Promise<Readonly<Record<Axis, number | null>>>;
  moveTo(position: Partial<Readonly<Record<Axis, number>>>): Promise<void>;
}

interface PatrolStep {
  /** Name or token. */
  readonly preset: string;
  readonly seconds: number;
}

/** Settings of the path. */
export interface PositionSettings {
  /** Name or token of a preset, or empty. */
  readonly ptzGuard: string;
  readonly ptzGuardAfterMs: number;
  readonly ptzPatrol: readonly PatrolStep[];
  /** Paused or private: nothing moves. */
  readonly isOff: boolean;
}

interface CameraPositionOptions {
  readonly head: CameraHead;
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  /** When a person has steered it last, if that is known. */
  readonly steeredMs: number | undefined;
  readonly log: Logger;
  /** Resolves when the file has the present state, or cannot be written. */
  save(): Promise<unknown>;
}

interface RunningHold extends Hold {
  readonly dueMs: number;
}

/** Where the camera should look. */
interface Aim {
  readonly place: Place;
  readonly isHold?: true;
}

/** Where one camera should look, and the calls that turn it there. Times are monotonic unless they say otherwise. */
export class CameraPosition {
  readonly #options: CameraPositionOptions;
  readonly #presets: PresetList;
  readonly #attempts: Attempts;
  readonly #watch: PositionWatch;
  #settings: PositionSettings;
  /** The newest is the last. */
  #holds: readonly RunningHold[] = [];
  #before: Place | undefined;
  /** Where the camera was turned last; undefined: it may look elsewhere. */
  #at: Place | undefined;
  /** Where it was turned before its stream was another one: a camera that has not restarted does not move if it is turned there again. */
  #former: Place | undefined;
  #steeredMs: number;
  /** Nobody is known to have steered it before. */
  readonly #sinceMs: number;
  #isSending = false;
  #turnedMs = Number.NEGATIVE_INFINITY;
  /** Index of the patrol's present preset, and when the next one is due. */
  #step = 0;
  #stepDueMs = Number.NEGATIVE_INFINITY;
  #work: Promise<void> | undefined;
  /** Changes when the camera may look elsewhere: a call that was under way then does not count. */
  #round = 0;

  constructor(settings: PositionSettings, options: CameraPositionOptions) {
    const { head, clock } = options;
    this.#options = options;
    this.#settings = settings;
    this.#presets = new PresetList({ ...options, read: () => head.presets() });
    this.#attempts = new Attempts(options);
    this.#watch = new PositionWatch({ clock, read: () => this.#position() });
    this.#steeredMs = options.steeredMs ?? Number.NEGATIVE_INFINITY;
    this.#sinceMs = clock.monoMs();
  }

  /** Continues after a restart. */
  restore({ holds, before }: StoredPosition): void {
    const { clock } = this.#options;
    const [nowMs, wallMs] = [clock.monoMs(), clock.wallMs()];
    this.#holds = holds.map((hold) => ({ ...hold, dueMs: nowMs + Math.min(hold.untilMs - wallMs, hold.lastsMs) }));
    this.#before = before;
  }

  /** What a restart needs, or undefined if that is nothing. */
  get stored(): StoredPosition | undefined {
    const before = this.#before;
    const holds = this.#holds.map(({ owner, preset, untilMs, lastsMs }) => ({ owner, preset, untilMs, lastsMs }));
    return holds.length === 0 && before === undefined ? undefined : { holds, ...(before !== undefined && { before }) };
  }

  /** Perch turns it, or has turned it a moment ago. */
  get isTurning(): boolean {
    return this.#isSending || this.#options.clock.monoMs() < this.#turnedMs + TURNING_MS;
  }

  /** Resolves when no call to the camera is under way. */
  async settled(): Promise<void> {
    await this.#work;
    await this.#watch.settled();
  }

  get settings(): PositionSettings {
    return this.#settings;
  }

  set settings(settings: PositionSettings) {
    if (JSON.stringify(settings) !== JSON.stringify(this.#settings)) {
      this.#settings = settings;
      this.#step = 0;
      this.renew();
    }
  }

  problems(): readonly Omit<FeatureProblem, 'name'>[] {
    const { ptzGuard, ptzPatrol } = this.#settings;
    const used = [ptzGuard, ...ptzPatrol.map(({ preset }) => preset), ...this.#holds.map(({ preset }) => preset)];
    this.#presets.keep(new Set(used));
    const own = this.#attempts.problem ?? this.#watch.problem;
    return own ? [own] : this.#presets.problems();
  }

  /**
   * The newest hold goes before the others; an owner has one. Never rejects.
   * @param untilMs Unix milliseconds @returns why the camera does not turn there now, or undefined
   */
  async hold(preset: string, owner: string, untilMs: number): Promise<string | undefined> {
    const { clock, save } = this.#options;
    const lastsMs = untilMs - clock.wallMs();
    const others = this.#holds.filter((hold) => hold.owner !== owner).slice(1 - MAX_HOLDS);
    this.#holds = [...others, { owner, preset, untilMs, lastsMs, dueMs: clock.monoMs() + lastsMs }];
    void save();
    this.#attempts.again();
    await this.#work;
    this.follow();
    await this.#work;
    return this.#obstacle(preset);
  }

  #obstacle(preset: string): string | undefined {
    if (this.#settings.isOff) {
      return 'it is paused or private';
    }
    if (this.#options.clock.monoMs() < this.#steeredMs + STEERED_MS) {
      return 'a person steers it, and it waits for a minute after the last move';
    }
    return this.#presets.mayHave(preset) ? this.#attempts.reason : 'it has no such preset';
  }

  release(owner: string): void {
    this.#keepHolds((hold) => hold.owner !== owner);
    this.follow();
  }

  /** A person moves it through Perch. */
  steered(): void {
    this.#watch.reset(0);
    this.#steeredAway();
  }

  #steeredAway(): void {
    this.#steeredMs = this.#options.clock.monoMs();
    this.#lose();
    this.#former = undefined;
    this.#forgetBefore();
  }

  /** The camera may have restarted: it is turned again. */
  renew(): void {
    this.#watch.reset(0);
    this.#former = this.#at ?? this.#former;
    this.#lose();
    this.#presets.forget();
    this.#attempts.again();
  }

  /** Turns the camera to where it should look now. Call once a second. */
  follow(): void {
    const nowMs = this.#options.clock.monoMs();
    this.#keepHolds(({ dueMs }) => dueMs > nowMs);
    if (this.#settings.isOff) {
      this.#former = undefined;
      this.#lose();
      return;
    }
    if (this.#work) {
      return;
    }
    const mayTurn = nowMs >= this.#steeredMs + STEERED_MS && this.#attempts.isDue;
    const aim = mayTurn ? this.#aim(nowMs) : undefined;
    if (aim && !isSame(aim.place, this.#at)) {
      this.#work = this.#go(aim).finally(() => {
        this.#work = undefined;
      });
    } else if (!this.#matters) {
      // Nobody looks any more, so it is not known when it is moved.
      this.#watch.reset(0);
    } else if (this.#watch.isDue) {
      void this.#look();
    }
  }

  /** Whether it counts where the camera looks. */
  get #matters(): boolean {
    const { ptzGuard, ptzPatrol } = this.#settings;
    return ptzGuard !== '' || ptzPatrol.length > 0 || this.stored !== undefined;
  }

  async #look(): Promise<void> {
    const wasMoving = this.#watch.isMoving;
    if (await this.#watch.look()) {
      if (!wasMoving) {
        this.#options.log.info('the camera was moved, not by Perch: nothing turns it until it has rested for a minute');
      }
      this.#steeredAway();
    }
  }

  #keepHolds(isKept: (hold: RunningHold) => boolean): void {
    const left = this.#holds.filter(isKept);
    if (left.length < this.#holds.length) {
      this.#holds = left;
      void this.#options.save();
    }
  }

  #forgetBefore(): void {
    if (this.#before !== undefined) {
      this.#before = undefined;
      void this.#options.save();
    }
  }

  #lose(): void {
    this.#at = undefined;
    this.#round += 1;
  }

  #aim(nowMs: number): Aim | undefined {
    const hold = this.#holds.findLast(({ preset }) => this.#presets.mayHave(preset));
    if (hold) {
      return { place: { preset: hold.preset }, isHold: true };
    }
    const { ptzGuard, ptzGuardAfterMs } = this.#settings;
    const step = this.#patrolStep(nowMs);
    if (step) {
      return { place: { preset: step.preset } };
    }
    if (ptzGuard !== '' && this.#presets.mayHave(ptzGuard)) {
      const isTurned = this.#before !== undefined || this.#at !== undefined;
      const isDue = nowMs - Math.max(this.#steeredMs, this.#sinceMs) >= ptzGuardAfterMs;
      return isTurned || isDue ? { place: { preset: ptzGuard } } : undefined;
    }
    const place = this.#before;
    const isMissing = typeof place === 'object' && 'preset' in place && !this.#presets.mayHave(place.preset);
    return place === undefined || isMissing ? undefined : { place };
  }

  /** The present one; undefined: there is none whose preset exists. */
  #patrolStep(nowMs: number): PatrolStep | undefined {
    const steps = this.#settings.ptzPatrol;
    const isOver = this.#at !== undefined && nowMs >= this.#stepDueMs;
    for (let i = isOver ? 1 : 0; i < steps.length + (isOver ? 1 : 0); i += 1) {
      const index = (this.#step + i) % steps.length;
      const step = steps[index];
      if (step && this.#presets.mayHave(step.preset)) {
        if (isOver) {
          this.#stepDueMs = nowMs + 1000 * step.seconds;
        }
        this.#step = index;
        return step;
      }
    }
    return undefined;
  }

  async #go({ place, isHold }: Aim): Promise<void> {
    const round = this.#round;
    const isLost = (): boolean => round !== this.#round;
    try {
      const token = typeof place === 'object' && 'preset' in place ? await this.#presets.tokenOf(place.preset) : '';
      if (token === undefined || isLost()) {
        return;
      }
      // An app may have moved it since it was asked last.
      await (this.#watch.isArmed && this.#look());
      if (isHold && this.#before === undefined && !isLost()) {
        const before = await this.#present();
        if (isLost()) {
          return;
        }
        this.#before = before;
        // After a power cut the camera still returns.
        await this.#options.save();
      }
      if (isLost() || !(await this.#send(place, token)) || isLost()) {
        return;
      }
      this.#arrived(place, isHold === true);
    } catch (error) {
      this.#attempts.failed(error);
    }
  }

  /** Where the camera looks without holds. @throws PerchError if it does not answer */
  async #present(): Promise<Place> {
    const { ptzGuard, ptzPatrol } = this.#settings;
    const usual = ptzPatrol[this.#step]?.preset ?? ptzGuard;
    return usual === '' ? ((await this.#position()) ?? 'home') : { preset: usual };
  }

  /** Undefined: the camera does not report it. @throws PerchError if it does not answer */
  async #position(): Promise<Partial<Record<Axis, number>> | undefined> {
    try {
      const known = Object.entries(await this.#options.head.position()).filter(([, share]) => share !== null);
      return known.length === 0 ? undefined : Object.fromEntries(known);
    } catch (error) {
      if (!(error instanceof PerchError) || isUnreachable(error)) {
        throw error;
      }
      return undefined;
    }
  }

  /** Some cameras report zero wherever they look: they go home. */
  async #reports(place: Partial<Record<Axis, number>>): Promise<boolean> {
    return !isOrigin(place) || !isOrigin((await this.#position()) ?? {});
  }

  /** @returns whether the camera goes there @throws PerchError if it does not answer, or cannot turn */
  async #send(place: Place, token: string): Promise<boolean> {
    const { head, clock, log } = this.#options;
    const moves = !isSame(place, this.#former);
    this.#isSending = moves;
    this.#watch.reset(TURNING_MS);
    try {
      if (place !== 'home' && 'preset' in place) {
        await head.goToPreset(token);
      } else if (place !== 'home' && (await this.#reports(place))) {
        await head.moveTo(place);
      } else {
        await head.goHome();
      }
      return true;
    } catch (error) {
      if (typeof place === 'object' && 'preset' in place) {
        if (isUnknownPreset(error)) {
          this.#presets.missed(place.preset);
          return false;
        }
        throw error;
      }
      if (!isRefused(error)) {
        throw error;
      }
      log.warn({ reason: explain(error) }, 'the camera cannot return to where it was');
      this.#before = place === 'home' ? undefined : 'home';
      void this.#options.save();
      return false;
    } finally {
      this.#isSending = false;
      this.#watch.reset(TURNING_MS);
      this.#turnedMs = moves ? clock.monoMs() : this.#turnedMs;
    }
  }

  #arrived(place: Place, isHold: boolean): void {
    const { clock, log } = this.#options;
    log.debug({ place }, 'the camera turns by itself');
    this.#at = place;
    this.#former = undefined;
    this.#attempts.worked();
    if (!isHold) {
      this.#stepDueMs = clock.monoMs() + 1000 * (this.#settings.ptzPatrol[this.#step]?.seconds ?? 0);
      this.#forgetBefore();
    }
  }
}

/** The camera does not know the preset. */
const isUnknownPreset = (error: unknown): boolean =>
  error instanceof PerchError && ['notFound', 'badInput'].includes(`${error.context['complaint']}`);
