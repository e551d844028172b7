import type { Person } from './person.ts';

/** A page tries again after this. */
const RETRY_MS = 250;
const ASK_MS = 500;

/** Who watches, and asks for lists, all the time, as the page does: it begins anew wherever the next request arrives. */
export class Viewers implements Disposable {
  readonly #person: Person;
  readonly #stop = new AbortController();
  /** Longest time in ms without what is wanted, and when that came last, by what it is. */
  readonly #gaps = new Map<string, { longestMs: number; lastMs: number }>();
  /** Longest time in ms for which a list was waited for, also when it failed: what lies on a box that is away holds up no page. */
  #slowestMs = 0;
  /** What somebody got without a right to it. */
  readonly leaks: string[] = [];

  /**
   * @param cameras that are watched without interruption
   * @param opened a camera that somebody begins to watch again and again
   * @param strangers who may see none of them
   */
  constructor(person: Person, cameras: readonly string[], opened: string, strangers: readonly Person[]) {
    this.#person = person;
    for (const camera of cameras) {
      this.#repeat(`live ${camera}`, RETRY_MS, () => this.#watch(camera));
      this.#repeat(`recordings ${camera}`, ASK_MS, () =>
        this.#ask(`/playback/list?path=${encodeURIComponent(camera)}`),
      );
    }
    this.#repeat('events', ASK_MS, () => this.#ask('/v3/events/list?to=2100-01-01T00:00:00Z&limit=20'));
    this.#repeat(`opened ${opened}`, ASK_MS, async () => {
      if (!(await person.sees(opened))) {
        throw new Error('no pictures');
      }
    });
    this.#repeat('news', RETRY_MS, () => this.#follow());
    for (const stranger of strangers) {
      this.#repeat('strangers', ASK_MS, () => this.#try(stranger, cameras[0] ?? ''));
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** Longest times in ms without an answer or a picture since the last call. */
  gaps(): Readonly<Record<string, number>> {
    const nowMs = performance.now();
    const gaps = [...this.#gaps].map(([what, gap]) => {
      const longestMs = Math.max(gap.longestMs, nowMs - gap.lastMs);
      gap.longestMs = 0;
      return [what, Math.round(longestMs)] as const;
    });
    const slowest = Math.round(this.#slowestMs);
    this.#slowestMs = 0;
    return { ...Object.fromEntries(gaps), slowest };
  }

  #repeat(what: string, pauseMs: number, work: () => Promise<void>): void {
    this.#gaps.set(what, { longestMs: 0, lastMs: performance.now() });
    const run = async () => {
      while (!this.#stop.signal.aborted) {
        await work().then(
          () => this.#note(what),
          () => {},
        );
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    void run();
  }

  #note(what: string): void {
    const gap = this.#gaps.get(what);
    if (gap) {
      const nowMs = performance.now();
      gap.longestMs = Math.max(gap.longestMs, nowMs - gap.lastMs);
      gap.lastMs = nowMs;
    }
  }

  /** @throws when the pictures end */
  async #watch(camera: string): Promise<void> {
    const live = await this.#person.open(`/hls/${camera}/live.mp4`, this.#stop.signal);
    if (!live.ok) {
      throw new Error(String(live.status));
    }
    for await (const _ of live.body as ReadableStream<Uint8Array>) {
      this.#note(`live ${camera}`);
    }
    throw new Error('the pictures have ended');
  }

  /** What happens, as the box says it. @throws when the stream ends */
  async #follow(): Promise<void> {
    const { body } = await this.#person.open('/v3/events?types=event', this.#stop.signal);
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      if (new TextDecoder().decode(chunk).includes('event: event')) {
        this.#note('news');
      }
    }
    throw new Error('the stream has ended');
  }

  /** @throws for another answer than one with content */
  async #ask(path: string): Promise<void> {
    const askedMs = performance.now();
    const answer = await this.#person.ask(path).finally(() => {
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - askedMs);
    });
    const text = await answer.text();
    if (!answer.ok || text === '[]') {
      throw new Error(`${answer.status} ${text.slice(0, 100)}`);
    }
  }

  async #try(stranger: Person, camera: string): Promise<void> {
    for (const path of [`/hls/${camera}/live.mp4`, `/playback/list?path=${encodeURIComponent(camera)}`]) {
      const answer = await stranger.ask(path);
      await answer.body?.cancel();
      if (answer.ok) {
        this.leaks.push(path);
      }
    }
    const list = await stranger.ask('/v3/events/list?to=2100-01-01T00:00:00Z&limit=20');
    const { items = [] } = (await list.json()) as { readonly items?: readonly unknown[] };
    if (items.length > 0) {
      this.leaks.push('events');
    }
  }
}
