import { isDeepStrictEqual } from 'node:util';
import { endsWithin } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { HOUR_MS } from '../../base/time/units.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { ActedEvents } from '../../recordings/acted-events.ts';
import type { FeatureAction, FeatureProblem, Host, OpenFeature } from '../contract.ts';
import { type ActionsHost, type PresetHolds, RuleActions } from './actions.ts';
import { type Cause, timeText } from './call-out.ts';
import { concerns, momentOf, obstacle } from './conditions.ts';
import { Effects, SETTLE_MS } from './effects.ts';
import { type Action, RULES, type Rule, type When } from './keys.ts';
import type { Asker, RuleControl, RuleItem, RuleResult } from './routes.ts';
import { MAX_RUNS, RuleState, shownRun } from './rule-state.ts';

/** Events that end longer ago than this start nothing: programs may report past ones. */
const PAST_MS = 60_000;
/** A person's press, or a program's request, starts the same rule again only after this time. */
const ASKED_PAUSE_MS = 5_000;
/** A person's press waits so long for what a command or a server makes of it. */
const PATIENCE_MS = 4_000;
/** Cameras are asked for presets and outputs so long after a change of the rules, and then each hour. */
const FIRST_LOOK_MS = 20_000;

interface RulesHost extends ActionsHost, Pick<Host, 'settings' | 'mode' | 'zones' | 'zonesAt'> {
  readonly paths: Pick<Host['paths'], 'open' | 'find'>;
  readonly events: Pick<Host['events'], 'emit'>;
  readonly recordings: Pick<Host['recordings'], 'isClockTrusted'> & {
    readonly events: { readonly acted: Pick<ActedEvents, 'listen'> };
  };
}

/** A run whose actions have begun. */
interface BegunRun {
  /** One for each action; those of commands and servers change. */
  readonly results: readonly RuleResult[];
  /** Resolves when its commands and servers are through. */
  readonly rest: Promise<unknown>;
}

/** Runs the rules of the configuration. */
export class Rules implements RuleControl {
  readonly #host: RulesHost;
  readonly #effects: Effects;
  readonly #actions: RuleActions;
  readonly #states = new Map<string, RuleState>();
  readonly #counts = { runs: 0, failures: 0, skipped: 0 };
  #rules: readonly Rule[] = [];
  /** When cameras are asked for the presets and outputs that rules name. */
  #lookMs = Number.POSITIVE_INFINITY;
  #stops: readonly (() => void)[] = [];

  constructor(host: RulesHost, holds: PresetHolds) {
    this.#host = host;
    this.#effects = new Effects(host.clock, (path) => holds.isTurning(path));
    this.#actions = new RuleActions(host, holds, this.#effects);
  }

  async begin(): Promise<void> {
    await this.#actions.begin();
    const { clock, recordings } = this.#host;
    this.#stops = [
      recordings.events.acted.listen('rules', (event, known) => this.#follow(event, known)),
      clock.eachSecond(() => this.#tick()),
    ];
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) {
      stop();
    }
    await this.#actions.close();
  }

  /** Follows changed rules. */
  configure(): void {
    const { rules } = settingsIn(this.#host.settings(), RULES);
    if (!isDeepStrictEqual(rules, this.#rules)) {
      this.#lookMs = this.#host.clock.monoMs() + FIRST_LOOK_MS;
    }
    this.#rules = rules;
    for (const name of this.#states.keys()) {
      if (!rules.some((rule) => rule.name === name)) {
        this.#states.delete(name);
      }
    }
  }

  /** Switches off what rules have on at a camera that is about to be removed. */
  leaving(path: string): Promise<void> {
    return this.#actions.leaving(path);
  }

  inForce(config: Config): Config {
    return this.#actions.inForce(config);
  }

  list(): readonly RuleItem[] {
    return this.#rules.map((rule) => {
      const { last } = this.#stateOf(rule);
      return {
        name: rule.name,
        hasEvent: rule.when !== undefined,
        last: last ? shownRun(last) : null,
        runningUntil:
          last?.untilMs !== undefined && last.untilMs > this.#host.clock.wallMs() ? timeText(last.untilMs) : null,
        problems: this.#problemsOf(rule).map(({ text }) => text),
      };
    });
  }

  problems(): readonly FeatureProblem[] {
    return [...this.#rules.flatMap((rule) => this.#problemsOf(rule)), ...this.#actions.problems()];
  }

  metrics(): ReturnType<NonNullable<OpenFeature['metrics']>> {
    const { runs, failures, skipped } = this.#counts;
    return [
      ['rules_runs_total', 'counter', 'Runs of rules between cameras.', runs],
      ['rules_failures_total', 'counter', 'Actions of rules that failed.', failures],
      [
        'rules_skipped_total',
        'counter',
        'Events of rules that came within their pause, too often, or after an action of a rule.',
        skipped,
      ],
    ];
  }

  /** Rules for people's buttons. */
  actions(): readonly FeatureAction[] {
    return this.#rules.map((rule) => ({
      id: `rule:${rule.name}`,
      title: rule.name,
      isFor: (person) =>
        person.role === 'owner' ||
        rule.then.every(
          ({ preset, output, path = '' }) =>
            (preset !== undefined && person.may('turn', path)) || (output !== undefined && person.may('switch', path)),
        ),
      run: async (user) => {
        const { results, rest } = await this.#ask(rule, { by: 'button', user }, true);
        const isThrough = await endsWithin(this.#host.clock, PATIENCE_MS, rest);
        return { problem: results.find(({ problem }) => problem !== null)?.problem, isAtWork: !isThrough };
      },
    }));
  }

  /** @throws PerchError notFound, exhausted */
  async run(name: string, { user, isPerson }: Asker): Promise<readonly RuleResult[]> {
    const rule = this.#find(name);
    if (this.#effects.isAtWork && !isPerson) {
      throw new PerchError('exhausted', 'a command or server of a rule is at work, and no rule starts others', {
        retryAfterS: SETTLE_MS / 1_000,
      });
    }
    return (await this.#ask(rule, { by: 'request', user }, isPerson)).results;
  }

  /** @throws PerchError notFound */
  stop(name: string): void {
    const rule = this.#find(name);
    for (const action of rule.then) {
      this.#actions.stop(name, action);
    }
    this.#stateOf(rule).stopped();
  }

  /** @throws PerchError notFound */
  #find(name: string): Rule {
    const rule = this.#rules.find((one) => one.name === name);
    if (!rule) {
      throw new PerchError('notFound', `there is no rule '${name.slice(0, 64)}'`);
    }
    return rule;
  }

  /** @throws PerchError exhausted */
  async #ask(rule: Rule, cause: Cause, isPerson: boolean): Promise<BegunRun> {
    const limitMs = isPerson ? 0 : this.#limitMs(rule);
    const pauseMs = this.#stateOf(rule).pauseMs(this.#host.clock, ASKED_PAUSE_MS);
    if (Math.max(limitMs, pauseMs) > 0) {
      this.#counts.skipped += 1;
      const seconds = Math.ceil(Math.max(limitMs, pauseMs) / 1_000);
      const why = limitMs > 0 ? `ran ${MAX_RUNS} times in an hour` : 'has just run';
      throw new PerchError('exhausted', `rule '${rule.name}' ${why}: try again in ${seconds} s`, {
        retryAfterS: seconds,
      });
    }
    return this.#run(rule, cause, isPerson);
  }

  #follow(event: CameraEvent, known: CameraEvent | undefined): void {
    const { clock } = this.#host;
    this.#effects.saw(event);
    const isPast = event.endUs !== undefined && event.endUs / 1_000 < clock.wallMs() - PAST_MS;
    const isOf = (when: When, one: CameraEvent) => concerns(when, one, this.#host);
    // Once for each event: when it is first one of the rule.
    const due = this.#rules.filter(({ when }) => when && isOf(when, event) && !(known && isOf(when, known)));
    for (const rule of due) {
      const mayRun = !isPast && rule.when && obstacle(rule.when, momentOf(this.#host)) === undefined;
      const isCaused = rule.when && this.#effects.isCaused(event, rule.when.event);
      if (mayRun && (isCaused || this.#limitMs(rule) > 0 || this.#stateOf(rule).pauseMs(clock, rule.pauseMs) > 0)) {
        this.#counts.skipped += 1;
      } else if (mayRun) {
        void this.#run(rule, { by: 'event', event });
      }
    }
  }

  /** Time until the rule may run again, if it has run too often; 0: it has not. */
  #limitMs(rule: Rule): number {
    const { clock, log } = this.#host;
    const state = this.#stateOf(rule);
    const wasStopped = state.stoppedSince !== undefined;
    const waitMs = state.limitMs(clock);
    if (!wasStopped && waitMs > 0) {
      log.warn({ rule: rule.name, runs: MAX_RUNS }, 'a rule runs too often, it waits');
    }
    return waitMs;
  }

  /** Resolves when all its actions have begun. Never rejects. */
  async #run(rule: Rule, cause: Cause, isPersons = false): Promise<BegunRun> {
    const { clock, log, events } = this.#host;
    const state = this.#stateOf(rule);
    const run = state.begun(rule, cause, clock, isPersons);
    this.#counts.runs += 1;
    const note = (at: number, action: Action, problem: string | undefined): void => {
      state.note(run, at, action, problem);
      this.#counts.failures += problem === undefined ? 0 : 1;
    };
    const rests: Promise<void>[] = [];
    await Promise.all(
      rule.then.map(async (action, at) => {
        const { problem: begun, rest } = await this.#actions.start(rule.name, action, cause);
        note(at, action, begun);
        const noted = rest?.then((problem) => {
          note(at, action, problem);
          if (problem !== undefined) {
            log.warn({ rule: rule.name, problem }, 'an action of a rule failed');
          }
        });
        rests.push(...(noted ? [noted] : []));
      }),
    );
    const { results } = run;
    const problems = results.flatMap(({ problem }) => problem ?? []);
    const { path, id } = cause.by === 'event' ? cause.event : {};
    const facts = { rule: rule.name, by: cause.by, ...(path !== undefined && { path, event: id }) };
    log[problems.length === 0 ? 'info' : 'warn']({ ...facts, ...(problems.length > 0 && { problems }) }, 'rule ran');
    events.emit('box', { state: 'rule', rule: rule.name, by: cause.by, path, event: id, problems });
    return { results, rest: Promise.all(rests) };
  }

  #tick(): void {
    const { clock } = this.#host;
    this.#actions.tick();
    for (const state of this.#states.values()) {
      state.tick(clock);
    }
    const nowMs = clock.monoMs();
    if (nowMs >= this.#lookMs) {
      this.#lookMs = nowMs + HOUR_MS;
      void this.#look();
    }
  }

  /** Notes presets and outputs that cameras do not have. */
  async #look(): Promise<void> {
    for (const rule of this.#rules) {
      for (const action of rule.then) {
        const found = await this.#actions.isThere(action);
        if (found !== undefined) {
          this.#stateOf(rule).setFault(action, found === 'yes' ? undefined : found.missing);
        }
      }
    }
  }

  #problemsOf(rule: Rule): readonly FeatureProblem[] {
    const { name, when } = rule;
    const state = this.#stateOf(rule);
    const { stoppedSince, last } = state;
    const of = (why: string, text: string, since: string | null = null) => ({
      name,
      why,
      text: `rule '${name}': ${text}`,
      since,
    });
    const missing = [...new Set([when?.path, ...rule.then.map(({ path }) => path)])].filter(
      (path) => path !== undefined && !resolvePath(this.#host.config(), path)?.settings,
    );
    const failed = rule.then.flatMap((action) => state.faultOf(action) ?? []);
    return [
      ...missing.map((path = '') =>
        resolvePath(this.#host.config(), path)
          ? of('camera', `the settings of camera '${path}' have a fault`)
          : of('camera', `there is no camera '${path}': it was removed or renamed`),
      ),
      ...(when?.zone !== undefined && missing.length === 0 && this.#isZoneGone(when.path, when.zone)
        ? [of('zone', `camera '${when.path}' has no zone '${when.zone}', so it never runs`)]
        : []),
      ...(when?.modes && this.#host.mode() === undefined
        ? [of('noModes', 'it never runs, because this Perch has no modes')]
        : []),
      ...(when && obstacle(when, momentOf(this.#host)) === 'noTime'
        ? [of('noTime', 'it waits until the box knows the time')]
        : []),
      ...(stoppedSince === undefined
        ? []
        : [of('tooOften', `it ran ${MAX_RUNS} times in an hour, and waits`, stoppedSince)]),
      ...(missing.length > 0 ? [] : failed.map((text) => of('action', text, last ? timeText(last.atMs) : null))),
    ];
  }

  /** The zones of a camera of another box are known there. */
  #isZoneGone(path: string, zone: string): boolean {
    const { zones, paths } = this.#host;
    return !zones(path).includes(zone) && !paths.find(path)?.box;
  }

  #stateOf({ name }: Rule): RuleState {
    const state = this.#states.get(name) ?? new RuleState();
    this.#states.set(name, state);
    return state;
  }
}
