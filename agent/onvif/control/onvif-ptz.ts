import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isOwnFault } from '../device/media.ts';
import { ask, requestsOf } from '../device/requests.ts';
import type { OnvifSession } from '../device/session.ts';
import { cameraError } from '../soap/http/failures.ts';
import { escapeXml } from '../soap/xml/xml.ts';
import { DEAD_MAN_MS, type Preset, type Ptz, type PtzAbilities, type Velocity } from './control.ts';
import { ptzProfile } from './own-profile.ts';
import { continuousMove, type Head, listPresets, readHead, setPreset, stopMoving } from './ptz-calls.ts';
import type { SessionKeeper } from './session-keeper.ts';

/** The same move again before this is known to the camera. */
const RESEND_MS = 1_000;
/** A stop that has not got through is tried again, for longer than a radio is away: some turn until they are stopped. */
const STOP_RETRY_MS = 1_000;
const MAX_STOPS = 600;
/** The camera answers, and does not do it. */
const MAX_REFUSED_STOPS = 10;
const MAX_TEXT = 64;

export interface PtzOptions {
  readonly sessions: SessionKeeper;
  /** Of the path. */
  readonly profile: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Turns one camera. Calls go one after the other, so that no stop is overtaken by the move before it. */
export class OnvifPtz implements Ptz {
  readonly #options: PtzOptions;
  readonly #closing = new AbortController();
  /** With the session that it was read in: a new one may be after a reboot, which may bring other profiles. */
  #known: { readonly session: OnvifSession; readonly head: Head } | undefined;
  #takesTimeout = true;
  #turn: Promise<unknown> = Promise.resolve();
  /** The newest move that has not been sent. */
  #wanted: Velocity | undefined;
  #moving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** What the camera does as far as it is known; undefined: it stands. */
  #current: { readonly velocity: Velocity; readonly sentMs: number } | undefined;
  /** A move may have reached the camera since the last stop that did. */
  #mayMove = false;
  #aliveUntilMs = 0;
  #watching: Promise<void> | undefined;

  constructor(options: PtzOptions) {
    this.#options = options;
  }

  abilities(): Promise<PtzAbilities> {
    return this.#with(async (_session, { hasPanTilt, hasZoom, hasHome, mostPresets }) => ({
      ...{ hasPanTilt, hasZoom, hasHome, mostPresets },
    }));
  }

  async move(asked: Velocity): Promise<void> {
    const velocity = checkVelocity(asked);
    if (Object.keys(velocity).length === 0) {
      await this.stop();
      return;
    }
    if (this.#closing.signal.aborted) {
      throw new PerchError('unavailable', 'the camera is not controlled any more');
    }
    this.#aliveUntilMs = this.#options.clock.monoMs() + DEAD_MAN_MS;
    this.#wanted = velocity;
    this.#moving ??= this.#inTurn(async () => {
      const wanted = this.#wanted;
      this.#wanted = undefined;
      this.#moving = undefined;
      if (wanted) {
        await this.#send(wanted);
      }
    });
    await this.#moving;
  }

  async stop(): Promise<void> {
    this.#wanted = undefined;
    this.#stopping ??= this.#inTurn(async () => {
      this.#stopping = undefined;
      await this.#stop();
      this.#current = undefined;
      this.#mayMove = false;
    });
    try {
      await this.#stopping;
    } catch (error) {
      // Whoever watches over the move tries again.
      this.#aliveUntilMs = 0;
      throw error;
    }
  }

  presets(): Promise<readonly Preset[]> {
    return this.#with((session, { profile }) => listPresets(session, profile));
  }

  async goToPreset(token: string): Promise<void> {
    await this.#go((session, profile) =>
      requestsOf(session).then(({ ptz }) =>
        ask(ptz.gotoPreset({ ProfileToken: escapeXml(profile), PresetToken: escapeXml(checkText('preset', token)) })),
      ),
    );
  }

  setPreset(name: string, token?: string): Promise<string> {
    return this.#inTurn(() =>
      this.#with((session, { profile }) =>
        setPreset(session, profile, checkText('name', name), token === undefined ? token : checkText('preset', token)),
      ),
    );
  }

  async removePreset(token: string): Promise<void> {
    await this.#with(async (session, { profile }) => {
      const { ptz } = await requestsOf(session);
      const PresetToken = escapeXml(checkText('preset', token));
      return ask(ptz.removePreset({ ProfileToken: escapeXml(profile), PresetToken }));
    });
  }

  async goHome(): Promise<void> {
    await this.#go((session, profile) =>
      requestsOf(session).then(({ ptz }) => ask(ptz.gotoHomePosition({ ProfileToken: escapeXml(profile) }))),
    );
  }

  /** Stops the camera, if it may move. */
  async close(): Promise<void> {
    this.#wanted = undefined;
    this.#aliveUntilMs = 0;
    this.#closing.abort();
    await this.#watching;
  }

  async #send(velocity: Velocity): Promise<void> {
    const { clock } = this.#options;
    const isSame = this.#current && isEqual(this.#current.velocity, velocity);
    if (isSame && clock.monoMs() - (this.#current?.sentMs ?? 0) < RESEND_MS) {
      return;
    }
    await this.#with(async (session, head) => {
      const named = nameAxes(velocity, this.#current?.velocity, head);
      // Finding out how to speak to the camera takes its time.
      if (clock.monoMs() >= this.#aliveUntilMs) {
        throw new PerchError('unavailable', 'the camera was not turned: it took so long that nobody wants it any more');
      }
      this.#mayMove = true;
      // Before it is known whether it came through: one without an answer may move the camera all the same.
      this.#watching ??= this.#watch();
      await this.#moveTo(session, head.profile, named);
      this.#current = { velocity, sentMs: clock.monoMs() };
    });
  }

  async #moveTo(session: OnvifSession, profile: string, velocity: Velocity): Promise<void> {
    try {
      await continuousMove(session, profile, velocity, this.#takesTimeout);
    } catch (error) {
      if (!this.#takesTimeout || !isOwnFault(error)) {
        throw error;
      }
      await continuousMove(session, profile, velocity, false);
      this.#takesTimeout = false;
    }
  }

  /** Whoever holds the button may be gone: the camera is stopped when nobody has renewed the move. */
  async #watch(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    let refusals = 0;
    while (this.#mayMove && failures < MAX_STOPS && refusals < MAX_REFUSED_STOPS) {
      const leftMs = this.#aliveUntilMs - clock.monoMs();
      if (leftMs > 0) {
        await clock.sleep(leftMs, signal);
        continue;
      }
      try {
        await this.stop();
      } catch (error) {
        failures += 1;
        refusals += isOwnFault(error) ? 1 : 0;
        log[failures === 1 ? 'warn' : 'debug']({ err: error, failures }, 'a moving camera could not be stopped');
        if (signal.aborted) {
          break;
        }
        await clock.sleep(STOP_RETRY_MS, signal);
      }
    }
    this.#watching = undefined;
  }

  /** To a place that the camera knows: what it did before is over. */
  async #go(call: (session: OnvifSession, profile: string) => Promise<unknown>): Promise<void> {
    this.#wanted = undefined;
    await this.#inTurn(() =>
      this.#with(async (session, { profile }) => {
        await call(session, profile);
        this.#current = undefined;
        this.#mayMove = false;
      }),
    );
  }

  #with<T>(work: (session: OnvifSession, head: Head) => Promise<T>): Promise<T> {
    return this.#options.sessions.use(async (session) => this.#using(work, session, await this.#headOf(session)));
  }

  /** At once, by what was known when the camera was moved: reading it anew takes calls that may be slow. */
  #stop(): Promise<void> {
    return this.#options.sessions.use(async (session) =>
      this.#using(stopMoving, session, this.#known?.head ?? (await this.#headOf(session))),
    );
  }

  async #headOf(session: OnvifSession): Promise<Head> {
    if (this.#known?.session !== session) {
      const head = await readHead(session, await ptzProfile(session, this.#options.profile));
      this.#known = { session, head };
      this.#takesTimeout = true;
    }
    return this.#known.head;
  }

  /** What the camera refuses may be of a profile that it has no more. */
  async #using<T>(work: (session: OnvifSession, head: Head) => Promise<T>, session: OnvifSession, head: Head) {
    try {
      return await work(session, head);
    } catch (error) {
      if (isOwnFault(error)) {
        this.#known = undefined;
      }
      throw error;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** The axes that move, within -1 to 1. */
function checkVelocity(asked: Velocity): Velocity {
  const checked: { -readonly [K in keyof Velocity]: number } = {};
  for (const axis of ['pan', 'tilt', 'zoom'] as const) {
    const value = asked[axis] ?? 0;
    if (!Number.isFinite(value)) {
      throw new PerchError('badInput', `${axis}: ${value} is not a number from -1 to 1`);
    }
    if (value !== 0) {
      checked[axis] = Math.min(1, Math.max(-1, value));
    }
  }
  return checked;
}

/** The axes to name: those that move, and those that moved and are to stand now. @throws PerchError when the camera has none of them */
function nameAxes(velocity: Velocity, before: Velocity | undefined, { hasPanTilt, hasZoom }: Head): Velocity {
  const { pan, tilt, zoom } = velocity;
  const turns = pan !== undefined || tilt !== undefined;
  const turned = before?.pan !== undefined || before?.tilt !== undefined;
  const named = {
    ...(hasPanTilt && (turns || turned) ? { pan: pan ?? 0, tilt: tilt ?? 0 } : {}),
    ...(hasZoom && (zoom !== undefined || before?.zoom !== undefined) ? { zoom: zoom ?? 0 } : {}),
  };
  if ((!hasPanTilt || !turns) && (!hasZoom || zoom === undefined)) {
    throw cameraError('notSupported', `the camera cannot ${zoom === undefined ? 'turn' : 'zoom'}`);
  }
  return named;
}

function isEqual(one: Velocity, other: Velocity): boolean {
  return one.pan === other.pan && one.tilt === other.tilt && one.zoom === other.zoom;
}

function checkText(what: string, text: string): string {
  if (text.trim() === '' || text.length > MAX_TEXT) {
    throw new PerchError('badInput', `${what} of ${text.length} characters, expected 1 to ${MAX_TEXT}`);
  }
  return text;
}
