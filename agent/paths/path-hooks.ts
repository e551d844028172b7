import type { PathSettings } from '../config/schema/path.ts';
import type { Stream } from '../stream/stream.ts';

/** Ends what a hook has begun; resolves when nothing of it runs any more. */
type EndHook = () => Promise<void>;

/** Who sends a stream, as MediaMTX's API names him. */
export interface HookSource {
  readonly type: string;
  readonly id: string;
  /** Of the publisher's address. */
  readonly query: string;
}

/** Told of recording files. */
export interface SegmentHooks {
  segmentCreated(file: string): void;
  segmentCompleted(file: string, durationMs: number): void;
}

/** What somebody has run as a path comes and goes. */
export interface PathHooks extends SegmentHooks {
  /** The path goes on with other settings. @param groups as `PathMakers.hooks` has them */
  follow(settings: PathSettings, groups: readonly string[] | undefined): void;
  created(): EndHook;
  /** @param query of the address of who wants the stream */
  demanded(query: string): EndHook;
  available(source: HookSource): EndHook;
  online(source: HookSource): EndHook;
  read(reader: { readonly type: string; readonly id: string }, query: string): EndHook;
}

/** Which hooks of a path have begun, so that each is ended, and in the right order. */
export class HookCalls {
  readonly #hooks: PathHooks | undefined;
  readonly #onQuiet: () => void;
  readonly #ending = new Set<Promise<void>>();
  #created: EndHook | undefined;
  #demanded: EndHook | undefined;
  #available: EndHook | undefined;
  #online: EndHook | undefined;

  /** @param onQuiet called each time that all which was ending has ended */
  constructor(hooks: PathHooks | undefined, onQuiet: () => void) {
    this.#hooks = hooks;
    this.#onQuiet = onQuiet;
  }

  begin(): void {
    this.#created = this.#hooks?.created();
  }

  /** Everything else has ended. Resolves when nothing runs any more that any hook has begun. */
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

  /** Something that was started for a demand is there, or anything on its way out. */
  get isBusy(): boolean {
    return this.#demanded !== undefined || this.#ending.size > 0;
  }

  opened(stream: Stream, source: HookSource): void {
    const hooks = this.#hooks;
    if (!hooks) {
      return;
    }
    stream.onRecipient = (recipient, query) => {
      const end = hooks.read({ type: recipient.kind.apiType, id: recipient.id }, query);
      return () => void this.#over(end);
    };
    this.#available = hooks.available(source);
    this.#online = hooks.online(source);
  }

  /** Before its readers hear of it. */
  closing(): void {
    this.#online = this.#over(this.#online);
  }

  closed(): void {
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
