import { expect } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import type { Replicated } from './replicas.ts';

const PASSWORD = 'a heron in the reeds';
/** A request that goes to a replica that is being killed has no answer. */
const PATIENCE_MS = 10_000;
const PLAYED_S = 2;

interface Span {
  readonly start: string;
  readonly duration: number;
}

const isClosed = ({ cause }: Error): boolean => (cause as NodeJS.ErrnoException | undefined)?.code === 'UND_ERR_SOCKET';

/**
 * As browsers and players do, asks again when the connection is closed before or within an answer: HAProxy closes those of a replica that
 * it finds to be gone.
 */
const untilClosedOnce = <T>(ask: () => Promise<T>): Promise<T> =>
  ask().catch((error: Error) => (isClosed(error) ? ask() : Promise.reject(error)));

/** Somebody who may see all cameras, at the load balancer. */
export class Person {
  readonly #url: string;
  /** The balancer, with name and password. */
  readonly url: string = '';
  readonly headers: Readonly<Record<string, string>>;

  /** A new person; one of an earlier try of the test is removed. */
  static async add(
    { owner, balancer }: Pick<Replicated, 'owner' | 'balancer'>,
    name: string,
    cameras: 'all' | readonly string[] = 'all',
  ): Promise<Person> {
    await asOwner(owner, 'DELETE', `/v3/users/${name}`).catch(() => {});
    const rights = { cameras, live: true, recordings: true, talk: true };
    await asOwner(owner, 'POST', '/v3/users', { name, ...rights, password: PASSWORD });
    const answer = await fetch(`${balancer.url}/v3/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ user: name, password: PASSWORD }),
    });
    expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const person = new Person(balancer.url, { cookie, 'sec-fetch-site': 'same-origin' });
    const url = new URL(balancer.url);
    Object.assign(url, { username: name, password: PASSWORD });
    return Object.assign(person, { url: url.href.replace(/\/$/, '') });
  }

  private constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.headers = headers;
  }

  /** Nobody, who has no session. */
  static none({ balancer }: Pick<Replicated, 'balancer'>): Person {
    return new Person(balancer.url, {});
  }

  /** At the balancer. */
  open(path: string, signal: AbortSignal): Promise<Response> {
    return untilClosedOnce(() => fetch(`${this.#url}${path}`, { headers: this.headers, signal }));
  }

  /** As `open`, with an end. */
  ask(path: string): Promise<Response> {
    return this.open(path, AbortSignal.timeout(PATIENCE_MS));
  }

  /** Whether pictures come; undefined: not now. */
  async sees(path: string): Promise<true | undefined> {
    try {
      const live = await this.ask(`/hls/${path}/live.mp4`);
      const first = live.ok ? await live.body?.getReader().read() : undefined;
      await live.body?.cancel().catch(() => {});
      return first?.value ? true : undefined;
    } catch {
      return undefined;
    }
  }

  /** Watches at one replica. @returns what resolves when the pictures end */
  async watch(url: string, path: string): Promise<{ readonly ended: Promise<void> }> {
    const live = await fetch(`${url}/hls/${path}/live.mp4`, { headers: this.headers });
    expect(live.status).toBe(200);
    const reader = (live.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const readOn = async () => {
      for (;;) {
        const { done } = await reader.read();
        if (done) {
          return;
        }
      }
    };
    return { ended: readOn().catch(() => {}) };
  }

  /** Finds the camera's recording, downloads two seconds of it, and plays them by HLS: playlists and segments. */
  async playsBack(path: string): Promise<void> {
    const span = await until(async () => {
      const answer = await this.ask(`/playback/list?path=${encodeURIComponent(path)}`);
      const spans = answer.ok ? ((await answer.json()) as readonly Span[]) : [];
      return spans.find(({ duration }) => duration > PLAYED_S);
    });
    const query = new URLSearchParams({ start: span.start, duration: String(PLAYED_S) });
    await this.#bytesOf(`/playback/get?path=${encodeURIComponent(path)}&${query}`);
    // A playlist has what a box lists, which the other replica asks a moment later.
    const master = await until(async () => {
      const answer = await this.ask(`/playback/${path}/index.m3u8?${query}`);
      return answer.ok ? answer.text() : undefined;
    });
    const media = master.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '';
    const list = await this.#textOf(`/playback/${path}/${media}`);
    const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(list)?.[1];
    const segments = list.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(segments.length).toBeGreaterThan(0);
    for (const one of init === undefined ? segments : [init, ...segments]) {
      await this.#bytesOf(`/playback/${path}/${one}`);
    }
  }

  async #bytesOf(path: string): Promise<void> {
    const { status, byteLength } = await untilClosedOnce(async () => {
      const answer = await this.ask(path);
      return { status: answer.status, byteLength: (await answer.arrayBuffer()).byteLength };
    });
    expect([path, status]).toEqual([path, 200]);
    expect(byteLength).toBeGreaterThan(200);
  }

  async #textOf(path: string): Promise<string> {
    const answer = await this.ask(path);
    const text = await answer.text();
    expect([path, answer.status, text]).toEqual([path, 200, expect.any(String)]);
    return text;
  }
}
