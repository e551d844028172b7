import { gunzipSync } from 'node:zlib';
import { type Answer, HttpConnection } from './http-connection.ts';

/**
 * The requests of hls.js, one player for each path: `node hls-players.ts PORT PATH…`. Each reloads the playlist a target duration
 * after the last time, or with parts as soon as the next one exists, and loads everything new in it. Prints `playing` when all have
 * received media, then once a second the number of files and bytes. Ends with its standard input.
 */
const [port = '', ...paths] = process.argv.slice(2);

const counts = { files: 0, bytes: 0 };
let playing = 0;

class Player {
  readonly #path: string;
  readonly #playlists = new HttpConnection(Number(port));
  readonly #media = new HttpConnection(Number(port));
  readonly #fetched = new Set<string>();
  #cookie = 'cookieCheck=1';

  constructor(path: string) {
    this.#path = path;
  }

  async play(): Promise<never> {
    const index = await this.#get(this.#playlists, 'index.m3u8?cookieCheck=1');
    this.#cookie = `cookieCheck=1; ${/hlsSession=[^;]+/.exec(index.head)?.[0]}`;
    const media = /^video1\S+/m.exec(textOf(index))?.[0] ?? '';
    for (let query = ''; ; ) {
      const startedMs = performance.now();
      const text = textOf(await this.#get(this.#playlists, media + query));
      const fetched = this.#fetchNew(text);
      if (text.includes('#EXT-X-PART-INF')) {
        query = nextQuery(text);
        continue;
      }
      await fetched;
      const targetMs = 1000 * Number(/TARGETDURATION:(\d+)/.exec(text)?.[1]);
      await new Promise((resolve) => setTimeout(resolve, targetMs - (performance.now() - startedMs)));
    }
  }

  /** The first time only the newest, as a player that begins at the live edge. */
  async #fetchNew(text: string): Promise<void> {
    const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
    const hasParts = text.includes('#EXT-X-PART:');
    const pattern = hasParts ? /#EXT-X-PART:[^\n]*URI="([^"]+)"/g : /^([^#\n]\S*)$/gm;
    const names = [...text.matchAll(pattern)].map((match) => match[1] ?? '').filter((name) => !this.#fetched.has(name));
    const isFirst = this.#fetched.size === 0;
    const wanted = isFirst ? [init ?? '', ...names.slice(-1)] : names;
    for (const name of isFirst ? [init ?? '', ...names] : names) {
      this.#fetched.add(name);
    }
    for (const name of wanted) {
      const { body } = await this.#get(this.#media, name);
      counts.files += 1;
      counts.bytes += body.length;
    }
    if (isFirst) {
      playing += 1;
    }
  }

  async #get(connection: HttpConnection, name: string): Promise<Answer> {
    const headers = `Host: 127.0.0.1:${port}\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\nSec-Fetch-Mode: cors\r\nConnection: keep-alive\r\nCookie: ${this.#cookie}`;
    const request = `GET /${this.#path}/${name} HTTP/1.1\r\n${headers}\r\n\r\n`;
    const answer = await connection.next(request);
    if (answer.status !== 200) {
      console.error(`${this.#path}/${name}: ${answer.status} ${answer.head} ${answer.body.toString().slice(0, 200)}`);
      process.exit(1);
    }
    return answer;
  }
}

const textOf = ({ body, head }: Answer): string =>
  (/content-encoding: gzip/i.test(head) ? gunzipSync(body) : body).toString('latin1');

function nextQuery(text: string): string {
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(text)?.[1] ?? 0);
  const number = first + skipped + (text.match(/^#EXTINF/gm)?.length ?? 0);
  const count = text.slice(text.lastIndexOf('#EXTINF')).match(/#EXT-X-PART:/g)?.length ?? 0;
  return `?_HLS_msn=${number}&_HLS_part=${count}&_HLS_skip=YES`;
}

for (const path of paths) {
  void new Player(path).play();
}
let isAnnounced = false;
setInterval(() => {
  if (!isAnnounced && playing === paths.length) {
    isAnnounced = true;
    console.log('playing');
  }
  console.log(`${counts.files} files ${counts.bytes} bytes`);
}, 1000);
process.stdin.resume().on('end', () => process.exit(0));
