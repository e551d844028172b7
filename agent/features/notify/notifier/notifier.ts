import { randomUUID } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { LabelType } from '../../../base/event-kinds.ts';
import { joinSignals } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import type { EventLabel } from '../../../record/events/event.ts';
import { type Notice, noticeKind } from '../rules/notice.ts';
import { type LocalTime, matches } from '../rules/rules.ts';
import type { Target } from '../rules/target.ts';
import type { EventPictures } from './pictures.ts';

const MAX_SEEN = 2_000;
/** How long a notification for a label waits until the motion is examined. */
const LABEL_WAIT_MS = 10_000;

/** An event of the box or of a camera. Times are Unix microseconds. */
interface Happening {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startUs: number;
  readonly text: string;
  readonly labels?: readonly Pick<EventLabel, 'type' | 'at'>[] | undefined;
}

/** An event that was reported. */
interface Seen {
  /** Ids of the targets that were notified of it, through any stream of the camera. */
  readonly notified: Set<string>;
  /** Types of its labels so far. */
  readonly labels: Set<LabelType>;
  /** Ends the wait for labels. */
  readonly isExamined: AbortController;
}

interface NotifierDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly pictures: EventPictures;
  /** Targets in any order. */
  targets(): readonly Target[];
  /** Name of the camera, or of the box for an empty path. */
  titleOf(path: string): string;
  /** False: the camera sends no notifications in the present mode. */
  isWanted(path: string): boolean;
  /** Labels that are looked for in the pictures of the path's events. */
  examines(path: string): readonly LabelType[];
  /** Path of the other stream of the same camera, main or sub, which may have the same events. */
  otherStreamOf(path: string): string | undefined;
  /** Local time, or undefined if the box does not know it. */
  local(): LocalTime | undefined;
}

/** Turns events into notices, and sends them to the targets whose rules match. */
export class Notifier {
  readonly #deps: NotifierDeps;
  readonly #limits = new NotifyLimits();
  /** Events seen, by id and path: an event is reported again when it ends or gets labels. */
  readonly #seen = new Map<string, Seen>();
  readonly #end = new AbortController();
  /** Messages being sent, with their users. */
  readonly #sending = new Map<Promise<void>, string>();
  /** Last fault by id of the target: each fault is logged once. */
  readonly #faults = new Map<string, string>();
  #isFull = false;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  onEvent(event: Happening): void {
    const { clock, otherStreamOf, titleOf } = this.#deps;
    const { id, path, type, startUs, text, labels } = event;
    const key = `${id} ${path}`;
    const known = this.#seen.get(key);
    const { notified = new Set<string>() } = this.#seen.get(`${id} ${otherStreamOf(path)}`) ?? {};
    const seen = known ?? { notified, labels: new Set(), isExamined: new AbortController() };
    putBounded(this.#seen, key, seen, MAX_SEEN);
    const notice = { id, path, kind: noticeKind(type), startMs: startUs / 1000, title: titleOf(path), text };
    // No notification is sent for what is reported later than this.
    const isNews = (us: number): boolean => clock.wallMs() - us / 1000 <= 60_000;
    if (labels) {
      seen.isExamined.abort();
      // A label says more than motion, so it comes first.
      for (const label of labels.filter(({ type: kind }) => !seen.labels.has(kind))) {
        seen.labels.add(label.type);
        if (isNews(label.at)) {
          this.notify({ ...notice, kind: label.type }, seen);
        }
      }
    }
    if (!known && isNews(startUs)) {
      this.notify(notice, seen);
      const examined = labels ? [] : this.#deps.examines(path);
      if (notice.kind === 'motion' && examined.length > 0) {
        void this.#notifyUnexamined(notice, examined, seen);
      }
    }
  }

  /** Notifies those who want these labels of motion that gets none in time: whether it is examined depends on the box's load. */
  async #notifyUnexamined(notice: Notice, examined: readonly LabelType[], seen: Seen): Promise<void> {
    const joined = joinSignals([seen.isExamined.signal, this.#end.signal]);
    await this.#deps.clock.sleep(LABEL_WAIT_MS, joined.signal);
    joined.release();
    if (!seen.isExamined.signal.aborted && !this.#end.signal.aborted) {
      this.notify({ ...notice, isUnexamined: true }, seen, examined);
    }
  }

  /** Called for a camera that has been disconnected for a while. */
  onOffline(path: string): void {
    const { clock, titleOf } = this.#deps;
    const notice = { id: randomUUID(), path, kind: 'offline', startMs: clock.wallMs(), title: titleOf(path), text: '' };
    this.notify(notice);
  }

  /**
   * @param seen the event of the notice, of which each target is notified once
   * @param kinds one of which the rules have to name; default: that of the notice
   */
  notify(notice: Notice, seen?: Seen, kinds: readonly string[] = [notice.kind]): void {
    const { clock, isWanted, local, targets } = this.#deps;
    if (notice.path !== '' && !isWanted(notice.path)) {
      return;
    }
    const [nowMs, now] = [clock.wallMs(), local()];
    for (const target of targets()) {
      const isMeant =
        target.snoozedUntil <= nowMs &&
        target.isQuiet?.(notice.path) !== true &&
        target.mayKnow(notice.path) &&
        kinds.some((kind) => matches(target.rules, { ...notice, kind }, now));
      const isFirst = seen?.notified.has(target.id) !== true;
      if (isMeant && isFirst && this.#limits.take(target.id, notice, clock.monoMs())) {
        seen?.notified.add(target.id);
        this.#send(target, notice);
      }
    }
  }

  /** Waits for no more labels. */
  close(): Promise<void> {
    this.#end.abort();
    return this.idle();
  }

  /** Resolves when no message is being sent. */
  async idle(): Promise<void> {
    await Promise.all(this.#sending.keys());
  }

  #send(target: Target, notice: Notice): void {
    const { log, pictures } = this.#deps;
    if (!this.#hasRoom(target)) {
      if (!this.#isFull) {
        log.warn({ user: target.user }, 'notifications are dropped: too many are being sent');
      }
      this.#isFull = true;
      return;
    }
    const sent = target
      .send(notice, pictures.of(notice))
      .then(
        () => this.#faults.delete(target.id),
        (error: unknown) => this.#failed(target, error),
      )
      .then(() => {
        this.#sending.delete(sent);
        this.#isFull &&= this.#sending.size > 0;
      });
    this.#sending.set(sent, target.user);
  }

  #hasRoom({ user, isOwner }: Target): boolean {
    if (isOwner) {
      return this.#sending.size < 64;
    }
    const own = [...this.#sending.values()].filter((other) => other === user);
    // The rest is kept for the owner. Each other user has at most eight.
    return this.#sending.size < 48 && own.length < 8;
  }

  #failed({ id }: Target, error: unknown): void {
    const fault = explain(error);
    if (this.#faults.get(id) !== fault) {
      putBounded(this.#faults, id, fault, MAX_SEEN);
      this.#deps.log.warn({ target: id, cause: fault }, 'notification not sent');
    }
  }
}

/** An event of the same kind and camera is not notified again within this time. */
const PAUSE_MS = 60_000;
/** The same for the doorbell: people ring twice. */
const BELL_PAUSE_MS = 5_000;
/** After a burst, one further notification is permitted in each such time. */
const REFILL_MS = 60_000;
/** Maximum number of known combinations of target, camera and kind. */
const MAX_KNOWN = 5_000;

/** Limits how often one target is notified. Times are monotonic milliseconds. */
export class NotifyLimits {
  readonly #lastMs = new Map<string, number>();
  readonly #spent = new Map<string, { readonly count: number; readonly sinceMs: number }>();

  /** Whether the notification is permitted; if so, it is counted. */
  take(target: string, { path, kind }: { readonly path: string; readonly kind: string }, nowMs: number): boolean {
    const key = JSON.stringify([target, path, kind]);
    const pauseMs = kind === 'doorbell' ? BELL_PAUSE_MS : PAUSE_MS;
    if (nowMs - (this.#lastMs.get(key) ?? -Infinity) < pauseMs || !this.#hasRoom(target, nowMs)) {
      return false;
    }
    putBounded(this.#lastMs, key, nowMs, MAX_KNOWN);
    return true;
  }

  #hasRoom(target: string, nowMs: number): boolean {
    const spent = this.#spent.get(target) ?? { count: 0, sinceMs: nowMs };
    const refilled = Math.floor((nowMs - spent.sinceMs) / REFILL_MS);
    const count = Math.max(0, spent.count - refilled);
    if (count >= 30) {
      return false;
    }
    const sinceMs = count === 0 ? nowMs : spent.sinceMs + refilled * REFILL_MS;
    putBounded(this.#spent, target, { count: count + 1, sinceMs }, MAX_KNOWN);
    return true;
  }
}
