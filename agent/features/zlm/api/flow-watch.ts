import type { Clock } from '../../../base/clock.ts';
import type { Hooks } from './hooks.ts';
import { streamFields } from './stream-name.ts';
import type { Listed, ZlmSessions } from './viewers.ts';

interface FlowWatchOptions {
  readonly sessions: Pick<ZlmSessions, 'all'>;
  readonly hooks: Hooks;
  readonly clock: Clock;
}

/** Reports the bytes of each ended session to `on_flow_report`, as of the last check, at most a second before its end. */
export class FlowWatch {
  readonly #options: FlowWatchOptions;
  readonly #stop: () => void;
  /** Sessions that read or published at the last check, by id. */
  #known = new Map<string, Listed>();

  constructor(options: FlowWatchOptions) {
    this.#options = options;
    this.#stop = options.clock.eachSecond(() => this.#check());
  }

  close(): void {
    this.#stop();
  }

  #check(): void {
    const { hooks, sessions } = this.#options;
    const now = new Map<string, Listed>();
    if (hooks.isOn('on_flow_report')) {
      for (const session of sessions.all()) {
        const { path, state } = session.facts;
        if (path && state !== 'idle') {
          now.set(session.item.id, session);
        }
      }
    }
    for (const [id, session] of this.#known) {
      if (!now.has(id)) {
        this.#report(session);
      }
    }
    this.#known = now;
  }

  #report({ kind, facts, item }: Listed): void {
    const isPlayer = facts.state !== 'publish';
    const totalBytes = (isPlayer ? facts.outboundBytes : facts.inboundBytes) ?? 0;
    // Sessions with fewer bytes are not reported, as in ZLMediaKit.
    if (totalBytes < 1 << 20) {
      return;
    }
    const beganMs = Date.parse(facts.created ?? '') || this.#options.clock.wallMs();
    this.#options.hooks.tell('on_flow_report', {
      ...streamFields(facts.path ?? '', kind.flowSchema, facts.query),
      ip: item.peer_ip,
      port: item.peer_port,
      id: item.id,
      totalBytes,
      duration: Math.max(0, Math.round((this.#options.clock.wallMs() - beganMs) / 1000)),
      player: isPlayer,
    });
  }
}
