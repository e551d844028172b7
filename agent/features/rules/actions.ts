import { explain, PerchError } from '../../base/errors.ts';
import { MINUTE_MS } from '../../base/time/units.ts';
import { isReady } from '../../cameras/path-entries.ts';
import { type Config, patternsOf, resolvePath } from '../../config/load/load.ts';
import { isOff } from '../../config/schema/path.ts';
import { isOnDemand } from '../../paths/path-settings.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { type Cause, messageOf, post, variablesOf } from './call-out.ts';
import { DemandReader } from './demand-reader.ts';
import { type Effects, SETTLE_MS } from './effects.ts';
import { type Action, secondsOf } from './keys.ts';
import { checkOutput, HeldOutputs } from './outputs.ts';

/** The programs that a rule starts may act through the API for this long. */
const PROGRAM_MS = 10 * MINUTE_MS;

/** What turns cameras and back. */
export interface PresetHolds {
  /** Never rejects. @param owner has one hold of a camera @param untilMs Unix milliseconds @returns why the camera does not turn now, or undefined */
  hold(path: string, preset: string, owner: string, untilMs: number): Promise<string | undefined>;
  release(path: string, owner: string): void;
  /** Whether Perch turns the camera, or has turned it a moment ago. */
  isTurning(path: string): boolean;
}

export interface ActionsHost
  extends Pick<Host, 'dataDir' | 'clock' | 'log' | 'signal' | 'config' | 'runOnce' | 'applyPaths'> {
  readonly paths: Pick<Host['paths'], 'open'>;
  readonly steering: Pick<Host['steering'], 'presets' | 'outputs' | 'setOutput' | 'switched'>;
}

/** An action that has begun. */
interface Started {
  /** What went wrong so far. */
  readonly problem?: string;
  /** Of a command, server or camera on demand that is at work: resolves with what went wrong. */
  readonly rest?: Promise<string | undefined>;
}

/** A path that rules record. */
interface Recorded {
  /** Monotonic times until which the rules of these names do. */
  readonly rules: Map<string, number>;
  /** Of a path on demand. */
  readonly reader: DemandReader | undefined;
}

/** Does what rules say, and ends it. */
export class RuleActions {
  readonly #host: ActionsHost;
  readonly #holds: PresetHolds;
  readonly #effects: Effects;
  readonly #outputs: HeldOutputs;
  readonly #recorded = new Map<string, Recorded>();
  /** Actions whose command or server is at work. */
  readonly #working = new Set<string>();

  constructor(host: ActionsHost, holds: PresetHolds, effects: Effects) {
    this.#host = host;
    this.#holds = holds;
    this.#effects = effects;
    this.#outputs = new HeldOutputs({ ...host, pathState: (path) => pathStateOf(host.config(), path) }, effects);
  }

  begin(): Promise<void> {
    return this.#outputs.begin();
  }

  close(): Promise<void> {
    for (const { reader } of this.#recorded.values()) {
      reader?.close();
    }
    return this.#outputs.close();
  }

  leaving(path: string): Promise<void> {
    return this.#outputs.leaving(path);
  }

  problems(): readonly FeatureProblem[] {
    return this.#outputs.problems();
  }

  /** The configuration with the paths that rules record now. A private camera is not recorded. */
  inForce(config: Config): Config {
    if (this.#recorded.size === 0) {
      return config;
    }
    const paths = new Map(config.paths);
    for (const path of this.#recorded.keys()) {
      const entry = paths.get(path);
      if (entry && isReady(entry) && !entry.settings.isPrivate) {
        paths.set(path, { ...entry, settings: { ...entry.settings, record: 'always' } });
      }
    }
    return { ...config, paths, patterns: patternsOf(paths) };
  }

  /** Ends what is over. Call it once a second. */
  tick(): void {
    this.#outputs.tick();
    const nowMs = this.#host.clock.monoMs();
    this.#endRecording((untilMs) => untilMs <= nowMs);
  }

  /** Ends what an action of a rule does now. A command or a request goes on. */
  stop(rule: string, { preset, output, record, path = '' }: Action): void {
    if (preset !== undefined) {
      this.#holds.release(path, rule);
    } else if (output !== undefined) {
      this.#outputs.release(rule, path, output);
    } else if (record) {
      this.#endRecording((_, of, recorded) => of === rule && recorded === path);
    }
  }

  /** Never rejects. */
  async start(rule: string, action: Action, cause: Cause): Promise<Started> {
    const { preset, output, record, path = '' } = action;
    try {
      if (preset !== undefined) {
        await this.#turn(rule, path, preset, secondsOf(action));
      } else if (output !== undefined) {
        this.#checkCamera(path);
        await this.#outputs.switchOn(rule, path, output, secondsOf(action));
      } else if (record) {
        const reader = this.#record(rule, path, secondsOf(action));
        return reader ? { rest: reader.outcome() } : {};
      } else {
        return { rest: this.#callOut(rule, action, cause) };
      }
      return {};
    } catch (error) {
      if (!(error instanceof PerchError)) {
        this.#host.log.error({ rule, err: error }, 'an action of a rule broke');
      }
      return { problem: explain(error) };
    }
  }

  /** Whether the camera has the preset or output of an action; undefined: it has no such thing, or the camera does not answer. */
  async isThere({ preset, output, path = '' }: Action): Promise<'yes' | { readonly missing: string } | undefined> {
    const { steering } = this.#host;
    const settings = this.#settings(path);
    if ((preset === undefined && output === undefined) || !settings || isOff(settings)) {
      return undefined;
    }
    try {
      await (preset === undefined ? checkOutput(steering, path, output ?? '') : checkPreset(steering, path, preset));
      return 'yes';
    } catch (error) {
      return error instanceof PerchError && error.code === 'notFound' ? { missing: explain(error) } : undefined;
    }
  }

  async #turn(rule: string, path: string, preset: string, seconds: number): Promise<void> {
    const { clock, steering } = this.#host;
    this.#checkCamera(path);
    this.#effects.begin('turn', path, seconds * 1_000 + SETTLE_MS);
    const turning = this.#holds.hold(path, preset, rule, clock.wallMs() + seconds * 1_000);
    await checkPreset(steering, path, preset);
    const obstacle = await turning;
    if (obstacle !== undefined) {
      throw new PerchError('unavailable', `camera '${path}' does not turn: ${obstacle}`, { path });
    }
  }

  /** @returns what starts its source */
  #record(rule: string, path: string, seconds: number): DemandReader | undefined {
    const { clock, config, paths, applyPaths } = this.#host;
    this.#checkCamera(path);
    if (!config().paths.has(path)) {
      throw new PerchError(
        'unsupported',
        `path '${path}' has no entry of its own in paths: it cannot be recorded alone`,
      );
    }
    const untilMs = clock.monoMs() + seconds * 1_000;
    const known = this.#recorded.get(path);
    if (known) {
      known.rules.set(rule, Math.max(untilMs, known.rules.get(rule) ?? 0));
      return known.reader;
    }
    const settings = this.#settings(path);
    const reader = settings && isOnDemand(settings) ? new DemandReader({ path, paths, clock }) : undefined;
    this.#recorded.set(path, { rules: new Map([[rule, untilMs]]), reader });
    void applyPaths();
    return reader;
  }

  #endRecording(isOver: (untilMs: number, rule: string, path: string) => boolean): void {
    let hasEnded = false;
    for (const [path, { rules, reader }] of this.#recorded) {
      for (const [rule, untilMs] of rules) {
        if (isOver(untilMs, rule, path)) {
          rules.delete(rule);
        }
      }
      if (rules.size === 0) {
        reader?.close();
        this.#recorded.delete(path);
        hasEnded = true;
      }
    }
    if (hasEnded) {
      void this.#host.applyPaths();
    }
  }

  /** Starts a command, or sends the event, unless the last one of this action is still at work. Never rejects later. */
  #callOut(rule: string, { run, url }: Action, cause: Cause): Promise<string | undefined> {
    const { clock, runOnce, signal } = this.#host;
    const key = `${rule} ${run ?? url}`;
    if (this.#working.has(key)) {
      throw new PerchError('exhausted', `its last ${run === undefined ? 'request' : 'command'} is still at work`);
    }
    this.#working.add(key);
    const effect = this.#effects.begin('program', '', PROGRAM_MS);
    const path = cause.by === 'event' ? { path: cause.event.path } : {};
    const work =
      run === undefined
        ? post(url ?? '', messageOf(rule, cause, clock.wallMs()), signal).then(() => undefined, explain)
        : runOnce({ hook: 'rules', text: run, ...path, variables: variablesOf(rule, cause) });
    return work.finally(() => {
      this.#working.delete(key);
      this.#effects.end(effect);
    });
  }

  /** @throws PerchError notFound, unavailable */
  #checkCamera(path: string): void {
    const settings = this.#settings(path);
    if (!settings) {
      throw new PerchError('notFound', `there is no camera '${path}'`, { path });
    }
    if (isOff(settings)) {
      throw new PerchError('unavailable', `camera '${path}' is ${settings.isPrivate ? 'private' : 'paused'} now`);
    }
  }

  #settings(path: string) {
    return resolvePath(this.#host.config(), path)?.settings;
  }
}

function pathStateOf(config: Config, path: string) {
  const entry = resolvePath(config, path);
  if (!entry?.settings) {
    return entry ? 'faulty' : 'gone';
  }
  return isOff(entry.settings) ? 'off' : 'ready';
}

/** @throws PerchError notFound, and with the reason why the camera does not answer */
async function checkPreset(steering: Pick<Host['steering'], 'presets'>, path: string, preset: string): Promise<void> {
  const presets = await steering.presets(path);
  if (!presets.some(({ token, name }) => token === preset || name === preset)) {
    throw new PerchError('notFound', `camera '${path}' has no preset '${preset.slice(0, 64)}'`, { path });
  }
}
