import type { PathSettings } from '../config/schema/path.ts';
import type { Stream } from '../stream/stream.ts';

/** Ends a hook; resolves when its commands have exited. */
type EndHook = () => Promise<void>;

/** The sender of a stream, as in MediaMTX's API. */
export interface HookSource {
  readonly type: string;
  readonly id: string;
  /** Query of the publisher's URL. */
  readonly query: string;
}

export interface SegmentHooks {
  segmentCreated(file: string): void;
  segmentCompleted(file: string, durationMs: number): void;
}

/** Hooks of a path's life cycle. */
export interface PathHooks extends SegmentHooks {
  /** The settings have changed. @param groups as in `PathMakers.hooks` */
  follow(settings: PathSettings, groups: readonly string[] | undefined): void;
  created(): EndHook;
  /** @param query of the reader's address */
  demanded(query: string): EndHook;
  available(source: HookSource): EndHook;
  online(source: HookSource): EndHook;
  read(reader: { readonly type: string; readonly id: string }, query: string): EndHook;
}

/** Keeps track of the started hooks of a path, so that each is ended, in the right order. */
export class HookCalls {
  readonly #hooks: PathHooks | undefined;
  readonly #onQuiet: () => void;
  readonly #ending = new Set<Promise<void>>();
  #created: EndHook | undefined;
  #demanded: EndHook | undefined;
  #available: EndHook | undefined;
  #online: EndHook | undefined;

  /** @param onQuiet called whenever no hook is ending any more */
  constructor(hooks: PathHooks | undefined, onQuiet: () => void) {
    this.#hooks = hooks;
    this.#onQuiet = onQuiet;
  }

  begin(): void {
    this.#created = this.#hooks?.created();
  }

  /** Called last. Resolves when all commands of hooks have exited. */
  async end(): Promise<void> {
    this.#created = this.#over(this.#created);
    while (this.#ending.size > 0) {
      await Promise.all(this.#ending);
    }
  }

  demand(query: string): void {
    this.#demanded ??= this.#hooks?.demanded(query);
  }

  endDemand(): void {
    this.#demanded = this.#over(this.#demanded);
  }

  /** Whether a demand hook runs, or any hook is ending. */
  get isBusy(): boolean {
    return this.#demanded !== undefined || this.#ending.size > 0;
  }

  available(stream: Stream, source: HookSource): void {
    const hooks = this.#hooks;
    if (!hooks) {
      return;
    }
    stream.recipients.onBegin = (recipient, query) => {
      const end = hooks.read({ type: recipient.kind.apiType, id: recipient.id }, query);
      return () => void this.#over(end);
    };
    this.#available = hooks.available(source);
  }

  online(source: HookSource): void {
    this.#online = this.#hooks?.online(source);
  }

  /** Called before the stream's readers are notified. */
  offline(): void {
    this.#online = this.#over(this.#online);
  }

  unavailable(): void {
    this.#available = this.#over(this.#available);
  }

  #over(end: EndHook | undefined): undefined {
    if (end) {
      const ended = end().finally(() => {
        this.#ending.delete(ended);
        if (this.#ending.size === 0) {
          this.#onQuiet();
        }
      });
      this.#ending.add(ended);
    }
  }
}
