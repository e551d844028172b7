import { randomUUID } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { NotifyLimits } from '../rules/limits.ts';
import { type Notice, noticeKind } from '../rules/notice.ts';
import { type LocalTime, matches } from '../rules/rules.ts';
import type { Target } from '../rules/target.ts';
import type { EventPictures } from './pictures.ts';

const MAX_SEEN = 2_000;
/** Maximum number of messages being sent; further ones are dropped. A slow endpoint takes up to ten seconds. */
const MAX_SENDING = 64;
/** Users other than the owner send only while fewer messages than this are being sent: the rest is kept for the owner. */
const MAX_SENDING_OF_OTHERS = 48;

/** An event of the box or of a camera. Times are Unix microseconds. */
interface Happening {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startUs: number;
  readonly text: string;
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
  /** Local time, or undefined if the box does not know it. */
  local(): LocalTime | undefined;
}

/** Turns events into notices, and sends them to the targets whose rules match. */
export class Notifier {
  readonly #deps: NotifierDeps;
  readonly #limits = new NotifyLimits();
  /** Events seen, by id and path: an event is reported again when it ends. */
  readonly #seen = new Map<string, true>();
  /** Messages being sent, with their users. */
  readonly #sending = new Map<Promise<void>, string>();
  /** Last fault by id of the target: each fault is logged once. */
  readonly #faults = new Map<string, string>();
  #isFull = false;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  onEvent(event: Happening): void {
    const { clock, titleOf } = this.#deps;
    const { id, path, type, startUs, text } = event;
    const key = `${id} ${path}`;
    const isKnown = this.#seen.has(key);
    putBounded(this.#seen, key, true, MAX_SEEN);
    const startMs = startUs / 1000;
    // No notification is sent for events that are reported later than this.
    if (!isKnown && clock.wallMs() - startMs <= 60_000) {
      this.notify({ id, path, kind: noticeKind(type), startMs, title: titleOf(path), text });
    }
  }

  /** Called for a camera that has been disconnected for a while. */
  onOffline(path: string): void {
    const { clock, titleOf } = this.#deps;
    const notice = { id: randomUUID(), path, kind: 'offline', startMs: clock.wallMs(), title: titleOf(path), text: '' };
    this.notify(notice);
  }

  notify(notice: Notice): void {
    const { clock, isWanted, local, targets } = this.#deps;
    if (notice.path !== '' && !isWanted(notice.path)) {
      return;
    }
    const [nowMs, now] = [clock.wallMs(), local()];
    for (const target of targets()) {
      const isMeant = target.snoozedUntil <= nowMs && target.mayKnow(notice.path) && matches(target.rules, notice, now);
      if (isMeant && this.#limits.take(target.id, notice, clock.monoMs())) {
        this.#send(target, notice);
      }
    }
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
      return this.#sending.size < MAX_SENDING;
    }
    const own = [...this.#sending.values()].filter((other) => other === user);
    // Maximum number of messages being sent to each user except the owner.
    return this.#sending.size < MAX_SENDING_OF_OTHERS && own.length < 8;
  }

  #failed({ id }: Target, error: unknown): void {
    const fault = explain(error);
    if (this.#faults.get(id) !== fault) {
      putBounded(this.#faults, id, fault, MAX_SEEN);
      this.#deps.log.warn({ target: id, cause: fault }, 'notification not sent');
    }
  }
}
