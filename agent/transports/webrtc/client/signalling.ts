import { PerchError } from '../../../base/errors.ts';
import { webUrl } from '../../../base/network/url-parts.ts';
import { fieldOf } from '../../../http-client/reply-reader.ts';
import { HttpClient, type HttpReply } from '../../http/http-client.ts';
import type { Peer } from '../../tls/peer.ts';

const MAX_REPLY_BYTES = 256 << 10;
/** Time limit of DELETE: the session times out if the server does not receive it. */
const DELETE_MS = 2_000;

export interface IceServer {
  /** `stun:host:port`, `turn:host:port?transport=tcp` */
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

export interface SignallingOptions {
  /** `whep(s)://`, `whip(s)://` or `http(s)://` */
  readonly url: string;
  /** Bearer token; empty: none. */
  readonly bearerToken: string;
  readonly server: Peer;
  /** SHA-256 in hex of the server's certificate; empty: it needs a trusted issuer. */
  readonly fingerprint: string;
  /** Time limit for each reply. */
  readonly timeoutMs: number;
}

/** The HTTP side of WHIP (RFC 9725) and WHEP: an offer by POST, the session's end by DELETE. */
export class Signalling {
  readonly #client: HttpClient;
  readonly #url: string;
  #session: string | undefined;

  constructor({ url, bearerToken, server: peer, fingerprint, timeoutMs }: SignallingOptions) {
    this.#url = webUrl(url).replace(/^(?:whep|whip)/i, 'http');
    const authorization = bearerToken === '' ? undefined : `Bearer ${bearerToken}`;
    this.#client = new HttpClient({ url: this.#url, peer, fingerprint, timeoutMs, authorization });
  }

  get host(): string {
    return new URL(this.#url).hostname.replace(/^\[|\]$/g, '');
  }

  /** The STUN and TURN servers that the server names; none if it does not answer OPTIONS. */
  async iceServers(signal: AbortSignal): Promise<readonly IceServer[]> {
    const reply = await this.#client.request(this.#url, { method: 'OPTIONS', maxBytes: MAX_REPLY_BYTES }, signal);
    return reply.status < 300 ? iceServersOf(fieldOf(reply.headers, 'link')) : [];
  }

  /** @returns the SDP of the answer @throws PerchError with the server's reason */
  async offer(sdp: string, signal: AbortSignal): Promise<string> {
    const headers = { 'Content-Type': 'application/sdp', Accept: 'application/sdp' };
    const asked = { method: 'POST', headers, body: sdp, maxBytes: MAX_REPLY_BYTES };
    const reply = await this.#client.request(this.#url, asked, signal);
    const location = reply.headers['location']?.[0];
    if (reply.status !== 201 && reply.status !== 200) {
      throw refusalOf(reply);
    }
    this.#session =
      location !== undefined && URL.canParse(location, reply.url) ? new URL(location, reply.url).href : undefined;
    return reply.body.toString('utf8');
  }

  /** Never rejects. */
  async end(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) {
      const asked = { method: 'DELETE', maxBytes: MAX_REPLY_BYTES, timeoutMs: DELETE_MS };
      await this.#client.request(session, asked, new AbortController().signal).catch(() => {});
    }
    this.#client.close();
  }
}

/** The reason in a reply: of `{"error":"reason"}` (Perch and MediaMTX), else the text. */
function refusalOf({ status, body }: HttpReply): PerchError {
  const text = body.toString('utf8').slice(0, 2_000);
  const reason =
    /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  const shown = reason.trim().slice(0, 200);
  const message = `the server answers ${status}${shown === '' ? '' : `: ${shown}`}`;
  const code = status === 401 || status === 403 ? 'unauthorized' : 'unavailable';
  return new PerchError(code, message, { status });
}

/** RFC 9725 §4.6: `<turn:host>; rel="ice-server"; username="u"; credential="p"`. */
export function iceServersOf(link: string | readonly string[] | undefined): IceServer[] {
  const text = typeof link === 'string' ? link : (link ?? []).join(', ');
  const servers: IceServer[] = [];
  for (const [, url = '', parameters = ''] of text
    .slice(0, 8_000)
    .matchAll(/<([^<>]{1,300})>((?:"(?:[^"\\]|\\.)*"|[^<>"])*)/g)) {
    const parameterOf = (name: string): string => {
      const quoted = new RegExp(`;\\s*${name}\\s*=\\s*"((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(parameters)?.[1];
      return (quoted ?? '').replace(/\\(.)/g, '$1');
    };
    if (/;\s*rel\s*=\s*"?ice-server/i.test(parameters) && servers.length < 8) {
      servers.push({ url, username: parameterOf('username'), password: parameterOf('credential') });
    }
  }
  return servers;
}
