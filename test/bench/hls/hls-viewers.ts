import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import { type Answer, HttpConnection } from './http-connection.ts';

/**
 * Many players of low latency that decode nothing: `node hls-viewers.ts PORT PATH`. Each keeps cookies and has two connections, one
 * for its playlist, which it requests again at once (blocking until the next part exists), and one for the parts.
 * On standard input `open N` opens or closes some until there are N and answers `opened N`; `begin` resets the counts; `tell` answers with one
 * line of JSON, a `ViewerReport`. Ends with its standard input.
 */
const [port = '', path = ''] = process.argv.slice(2);

export interface ViewerReport {
  readonly viewers: number;
  /** Answers with a new part, of all viewers together. */
  readonly playlists: number;
  readonly parts: number;
  readonly partBytes: number;
  /** Parts left out because the previous one had not arrived. */
  readonly overtaken: number;
  /** Answers other than 200. */
  readonly failures: readonly string[];
  /** How long after the first viewer the last one had the playlist with a part, in ms, of each part; the greatest last. */
  readonly spreadMs: readonly number[];
  /** Times from a complete part to its playlist, by the date of the next segment: of the last part of each segment. */
  readonly lateMs: readonly number[];
}

interface Parsed {
  readonly body: Buffer;
  /** The next request. */
  readonly query: string;
  /** The newest part. */
  readonly part: string;
  /** The segment being made, before its first part: the previous one has just been completed. */
  readonly next: number | undefined;
}

interface Arrival {
  readonly firstMs: number;
  lastMs: number;
  count: number;
  readonly next: number | undefined;
}

let last: Parsed | undefined;
/** Beginning of each segment, in Unix ms. */
const begins = new Map<number, number>();

/** All get the same: it is looked at once. */
function parse({ body, head }: Answer): Parsed {
  if (last?.body.equals(body)) {
    return last;
  }
  const text = (/content-encoding: gzip/i.test(head) ? gunzipSync(body) : body).toString('latin1');
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(text)?.[1] ?? 0);
  const number = first + skipped + (text.match(/^#EXTINF/gm)?.length ?? 0);
  const running = text.slice(text.lastIndexOf('#EXTINF'));
  const count = running.match(/#EXT-X-PART:/g)?.length ?? 0;
  const [, date] = /#EXT-X-PROGRAM-DATE-TIME:(\S+)/.exec(running) ?? [];
  if (count > 0 && date !== undefined) {
    begins.set(number, Date.parse(date));
  }
  const parts = [...text.matchAll(/#EXT-X-PART:[^\n]*URI="([^"]+)"/g)];
  const query = `?_HLS_msn=${number}&_HLS_part=${count}&_HLS_skip=YES`;
  last = { body, query, part: parts.at(-1)?.[1] ?? '', next: count === 0 ? number : undefined };
  return last;
}

/** Times at which the first and the last viewer had a playlist, by requested playlist. */
let arrivals = new Map<string, Arrival>();
const NOTHING = { playlists: 0, parts: 0, partBytes: 0, overtaken: 0 };
let counts = { ...NOTHING };
let failures: string[] = [];

class HlsViewer {
  readonly #playlists = new HttpConnection(Number(port));
  readonly #parts = new HttpConnection(Number(port));
  readonly opened: Promise<void>;
  readonly #settle: () => void;
  #cookie = 'cookieCheck=1';
  #media = '';
  #query = '';
  #isFetching = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.opened = promise;
    this.#settle = resolve;
    this.#playlists.ask(this.#request('index.m3u8'), (answer) => this.#onIndex(answer));
  }

  close(): void {
    this.#playlists.close();
    this.#parts.close();
  }

  #request(name: string): string {
    // Like a browser's, which are long.
    return `GET /${path}/${name} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\nReferer: http://127.0.0.1:${port}/${path}/\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nConnection: keep-alive\r\nCookie: ${this.#cookie}\r\n\r\n`;
  }

  #onIndex(answer: Answer): void {
    const secret = /hlsSession=[^;]+/.exec(answer.head)?.[0];
    if (answer.status !== 200 || secret === undefined) {
      failures.push(`index: ${answer.status} ${answer.body.toString()}`);
      return;
    }
    this.#cookie = `cookieCheck=1; ${secret}`;
    this.#media = /^video1\S+/m.exec(answer.body.toString())?.[0] ?? '';
    this.#reload();
  }

  #reload(): void {
    const asked = this.#query;
    this.#playlists.ask(this.#request(this.#media + asked), (answer) => {
      const nowMs = performance.now();
      if (answer.status !== 200) {
        failures.push(`playlist${asked}: ${answer.status} ${answer.body.toString().slice(0, 200)}`);
        return;
      }
      const { query, part, next } = parse(answer);
      const arrival = arrivals.get(asked) ?? { firstMs: nowMs, lastMs: nowMs, count: 0, next };
      arrival.lastMs = nowMs;
      arrival.count += 1;
      arrivals.set(asked, arrival);
      counts.playlists += 1;
      this.#query = query;
      this.#settle();
      this.#reload();
      this.#fetch(part);
    });
  }

  #fetch(part: string): void {
    if (this.#isFetching || part === '') {
      counts.overtaken += part === '' ? 0 : 1;
      return;
    }
    this.#isFetching = true;
    this.#parts.ask(this.#request(part), (answer) => {
      this.#isFetching = false;
      if (answer.status !== 200) {
        failures.push(`${part}: ${answer.status} ${answer.head}`);
        return;
      }
      counts.parts += 1;
      counts.partBytes += answer.body.length;
    });
  }
}

const SIDE_BY_SIDE = 25;
const viewers: HlsViewer[] = [];

async function open(count: number): Promise<void> {
  for (const viewer of viewers.splice(count)) {
    viewer.close();
  }
  while (viewers.length < count) {
    const more = Array.from({ length: Math.min(SIDE_BY_SIDE, count - viewers.length) }, () => new HlsViewer());
    viewers.push(...more);
    await Promise.all(more.map(({ opened }) => opened));
  }
}

function tell(): ViewerReport {
  const all = [...arrivals].filter(([asked, { count }]) => asked !== '' && count === viewers.length);
  const ascending = (a: number, b: number) => a - b;
  const spreadMs = all.map(([, { firstMs, lastMs }]) => lastMs - firstMs).sort(ascending);
  const lateMs = all.flatMap(([, { lastMs, next }]) => {
    const beginMs = next === undefined ? undefined : begins.get(next);
    return beginMs === undefined ? [] : [performance.timeOrigin + lastMs - beginMs];
  });
  return {
    viewers: viewers.length,
    ...counts,
    failures: failures.slice(0, 20),
    spreadMs,
    lateMs: lateMs.sort(ascending),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  if (command === 'open') {
    await open(Number(count));
    console.log(`opened ${viewers.length}`);
  } else if (command === 'begin') {
    arrivals = new Map();
    counts = { ...NOTHING };
    failures = [];
    console.log('begun');
  } else {
    console.log(JSON.stringify(tell()));
  }
}
process.exit(0);
