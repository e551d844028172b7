import type { Clock } from '../../base/clock.ts';
import { ignoreExpected, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { sendRequest } from '../device/requests.ts';
import { cameraError, isOperationFault, unlessFault } from '../soap/http/failures.ts';
import { escapeXml } from '../soap/xml/xml.ts';
import {
  goHome,
  goToPreset,
  listPresets,
  type Preset,
  type PtzAbilities,
  type PtzNode,
  readPtzNode,
  setPreset,
  startMoving,
  stopMoving,
  type Velocity,
} from './ptz-calls.ts';
import { center, centeringOf, moveTo, position, readAllSpaces } from './ptz-positions.ts';
import type { PtzPosition, PtzSpaces } from './ptz-spaces.ts';
import type { SharedSession } from './shared-session.ts';
import { Ways } from './ways.ts';

/** A move that is not renewed ends after this time. */
export const MOVE_TIMEOUT_MS = 2_000;
/** A repeated move is sent again after this time. */
const RESEND_MS = 1_000;
/** A failed stop is retried longer than a radio link is down: some cameras move until they are stopped. */
const STOP_RETRY_MS = 1_000;
const MAX_TEXT = 64;

interface PositionAbilities {
  /** It moves to a position. */
  readonly hasAbsolute: boolean;
  /** How it brings a point of the picture to the centre; undefined: it cannot. */
  readonly centering: 'exact' | 'estimated' | undefined;
}

interface PtzOptions {
  readonly sessions: SharedSession;
  readonly profile: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Moves one camera. Calls run in sequence, so no move overtakes a stop; a stop goes out at once and again in its turn.
 * All methods reject with PerchError for a person, `notSupported` in `context.camera` among them.
 */
export class OnvifPtz {
  readonly #options: PtzOptions;
  readonly #closing = new AbortController();
  /** The PTZ node, with the session that read it: a new session may follow a reboot, after which there may be other profiles. */
  #known: { readonly session: OnvifSession; readonly node: PtzNode } | undefined;
  /** All spaces of a node. */
  #spaces: { readonly node: PtzNode; readonly spaces: PtzSpaces } | undefined;
  readonly #ways = new Ways();
  /** Calls that run or wait in `#turn`. */
  #pending = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #wanted: Velocity | undefined;
  #moving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** The last move sent, or undefined while the camera stands still. */
  #current: { readonly velocity: Velocity; readonly sentMs: number } | undefined;
  /** A move may have reached the camera after the last successful stop. */
  #mayMove = false;
  #aliveUntilMs = 0;
  #watching: Promise<void> | undefined;

  constructor(options: PtzOptions) {
    this.#options = options;
  }

  abilities(): Promise<PtzAbilities & PositionAbilities> {
    return this.#placed(async (session, node) => {
      const { hasPanTilt, hasZoom, hasHome, mostPresets, spaces } = node;
      const hasAbsolute = spaces.panTilt.length > 0 || spaces.zoom.length > 0;
      return { hasPanTilt, hasZoom, hasHome, mostPresets, hasAbsolute, centering: await centeringOf(session, node) };
    });
  }

  position(): Promise<PtzPosition> {
    return this.#placed(position);
  }

  /** Moves to a position in generic spaces; absent axes stay. */
  async moveTo(wanted: Velocity): Promise<void> {
    const { pan, tilt, zoom } = wanted;
    const to = {
      pan: checkShare('pan', pan, -1),
      tilt: checkShare('tilt', tilt, -1),
      zoom: checkShare('zoom', zoom, 0),
    };
    if (pan === undefined && tilt === undefined && zoom === undefined) {
      throw new PerchError('badInput', 'a position without pan, tilt and zoom');
    }
    await this.#go((session, node) =>
      this.#inPlace(session, node, (placed) => moveTo(session, this.#ways, placed, to)),
    );
  }

  /** @param x, y shares of the picture from its top left: this point comes to the centre */
  async center(x: number, y: number): Promise<void> {
    const [right, down] = [checkShare('x', x, 0) ?? 0, checkShare('y', y, 0) ?? 0];
    await this.#go((session, node) =>
      this.#inPlace(session, node, (placed) => center(session, this.#ways, placed, right, down)),
    );
  }

  /** Auxiliary commands of the PTZ service; empty without one. */
  async commands(): Promise<readonly string[]> {
    return (await unlessFault(this.#with(async (_session, { commands }) => commands))) ?? [];
  }

  async sendCommand(command: string): Promise<void> {
    await this.#with((session, { profile }) =>
      session.call(
        'ptz',
        `<tptz:SendAuxiliaryCommand><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>` +
          `<tptz:AuxiliaryData>${escapeXml(command)}</tptz:AuxiliaryData></tptz:SendAuxiliaryCommand>`,
        'SendAuxiliaryCommandResponse',
      ),
    );
  }

  /** Moves for `MOVE_TIMEOUT_MS`, then stops unless called again. All zero is a stop. */
  async move(asked: Velocity): Promise<void> {
    const velocity = checkVelocity(asked);
    if (Object.keys(velocity).length === 0) {
      await this.stop();
      return;
    }
    if (this.#closing.signal.aborted) {
      throw new PerchError('unavailable', 'the control of the camera is closed');
    }
    this.#aliveUntilMs = this.#options.clock.monoMs() + MOVE_TIMEOUT_MS;
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
    // A call on its way does not delay the stop; a move on its way may reach the camera after it, so another stop follows.
    const early = this.#stopping || this.#pending === 0 ? undefined : this.#stop().catch(ignoreExpected);
    this.#stopping ??= this.#inTurn(async () => {
      await early;
      this.#stopping = undefined;
      await this.#stop();
      this.#current = undefined;
      this.#mayMove = false;
    });
    try {
      await this.#stopping;
    } catch (error) {
      // `#watch` retries the stop.
      this.#aliveUntilMs = 0;
      throw error;
    }
  }

  presets(): Promise<Preset[]> {
    return this.#with((session, { profile }) => listPresets(session, profile));
  }

  async goToPreset(token: string): Promise<void> {
    const preset = checkText('preset', token);
    await this.#go((session, { profile }) => goToPreset(session, this.#ways, profile, preset));
  }

  /** Saves the current position. @param token of the preset to replace @returns the token */
  setPreset(name: string, token?: string): Promise<string> {
    return this.#inTurn(() =>
      this.#with((session, node) =>
        setPreset(
          session,
          this.#ways,
          node,
          checkText('name', name),
          token === undefined ? token : checkText('preset', token),
        ),
      ),
    );
  }

  async removePreset(token: string): Promise<void> {
    await this.#with((session, { profile }) => {
      const preset = { ProfileToken: escapeXml(profile), PresetToken: escapeXml(checkText('preset', token)) };
      return sendRequest(session, ({ ptz }) => ptz.removePreset(preset));
    });
  }

  async goHome(): Promise<void> {
    await this.#go((session, { profile }) => goHome(session, this.#ways, profile));
  }

  /** Stops the camera if it may move. */
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
    await this.#with(async (session, node) => {
      const named = nameAxes(velocity, this.#current?.velocity, node);
      // The first calls to a camera may take longer than the move is wanted.
      if (clock.monoMs() >= this.#aliveUntilMs) {
        throw new PerchError('unavailable', 'the camera was not moved: the call took too long');
      }
      this.#mayMove = true;
      // This is set before the reply: a move without a reply may still take effect.
      this.#watching ??= this.#watch();
      await startMoving(session, this.#ways, node.profile, named);
      this.#current = { velocity, sentMs: clock.monoMs() };
    });
  }

  /** Stops a move that is not renewed in time: the client may be gone. */
  async #watch(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    let refusals = 0;
    while (this.#mayMove && failures < 600 && refusals < 10) {
      const leftMs = this.#aliveUntilMs - clock.monoMs();
      if (leftMs > 0) {
        await clock.sleep(leftMs, signal);
        continue;
      }
      try {
        await this.stop();
      } catch (error) {
        failures += 1;
        refusals += isOperationFault(error) ? 1 : 0;
        log[failures === 1 ? 'warn' : 'debug']({ err: error, failures }, 'failed to stop a moving camera');
        if (signal.aborted) {
          break;
        }
        await clock.sleep(STOP_RETRY_MS, signal);
      }
    }
    this.#watching = undefined;
  }

  async #go(go: (session: OnvifSession, node: PtzNode) => Promise<void>): Promise<void> {
    this.#wanted = undefined;
    await this.#inTurn(() =>
      this.#with(async (session, node) => {
        await go(session, node);
        this.#current = undefined;
        this.#mayMove = false;
      }),
    );
  }

  /** With a node that has all spaces of the camera: not every move needs them. */
  #placed<T>(work: (session: OnvifSession, node: PtzNode) => Promise<T>): Promise<T> {
    return this.#with((session, node) => this.#inPlace(session, node, (placed) => work(session, placed)));
  }

  async #inPlace<T>(session: OnvifSession, node: PtzNode, work: (placed: PtzNode) => Promise<T>): Promise<T> {
    if (this.#spaces?.node !== node) {
      this.#spaces = { node, spaces: await readAllSpaces(session, node) };
    }
    return work({ ...node, spaces: this.#spaces.spaces });
  }

  #with<T>(work: (session: OnvifSession, node: PtzNode) => Promise<T>): Promise<T> {
    return this.#options.sessions.use(async (session) => this.#using(work, session, await this.#nodeOf(session)));
  }

  /** Uses the profile known from the move: reading it again takes calls that may be slow. */
  #stop(): Promise<void> {
    return this.#options.sessions.use(async (session) =>
      this.#using(
        (open, node) => stopMoving(open, this.#ways, node),
        session,
        this.#known?.node ?? (await this.#nodeOf(session)),
      ),
    );
  }

  async #nodeOf(session: OnvifSession): Promise<PtzNode> {
    if (this.#known?.session !== session) {
      this.#known = { session, node: await readPtzNode(session, this.#options.profile) };
    }
    return this.#known.node;
  }

  /** A rejected operation may use a profile that no longer exists, so it is read again. */
  async #using<T>(work: (session: OnvifSession, node: PtzNode) => Promise<T>, session: OnvifSession, node: PtzNode) {
    try {
      return await work(session, node);
    } catch (error) {
      if (isOperationFault(error)) {
        this.#known = undefined;
      }
      throw error;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    const result = this.#turn.then(work).finally(() => {
      this.#pending -= 1;
    });
    this.#turn = result.catch(() => {});
    return result;
  }
}

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

/** @returns the value within its limits */
function checkShare(name: string, value: number | undefined, least: -1 | 0): number | undefined {
  if (value !== undefined && !Number.isFinite(value)) {
    throw new PerchError('badInput', `${name}: ${value} is not a number from ${least} to 1`);
  }
  return value === undefined ? undefined : Math.min(1, Math.max(least, value));
}

/** The axes to send: those that move, and those that moved and must stop. @throws PerchError if the camera has none of them */
function nameAxes(velocity: Velocity, before: Velocity | undefined, { hasPanTilt, hasZoom }: PtzNode): Velocity {
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
