import { Follower, type Get } from './follower.ts';
import { brokenCodecs } from './media-rules.ts';
import type { Multivariant, RenditionReport } from './playlist.ts';
import { brokenReport } from './playlist-rules.ts';
import { readMultivariant } from './read-multivariant.ts';

export interface Verdict {
  readonly violations: readonly string[];
  readonly multivariant: Multivariant;
  /** Followers by address of the media playlist. */
  readonly followers: ReadonlyMap<string, Follower>;
  readonly reports: number;
}

export interface ValidateOptions {
  /** URL of the multivariant playlist. */
  readonly url: string;
  readonly seconds: number;
  readonly isLowLatency: boolean;
  readonly get?: Get;
  readonly nowMs?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Segments with one number begin together: sound at its own border, which is up to a frame later. */
const TOGETHER_S = 0.1;
/** Offset between video and audio that viewers do not notice (ITU-R BT.1359). */
const IN_STEP_MS = 45;

/** Plays from a live server for a while. @returns every broken rule */
export async function validate(options: ValidateOptions): Promise<Verdict> {
  const { url, seconds, isLowLatency, get = httpGet, nowMs = Date.now, sleep = pause } = options;
  const entry = await get(url);
  if (entry.status !== 200) {
    throw new Error(`${url}: ${entry.status} ${Buffer.from(entry.body)}`);
  }
  const multivariant = readMultivariant(Buffer.from(entry.body).toString());
  const uris = [...multivariant.variants, ...multivariant.audio]
    .map(({ uri }) => uri)
    .filter((uri) => uri !== undefined);
  const followers = new Map<string, Follower>();
  const endMs = nowMs() + seconds * 1000;
  for (const uri of new Set(uris)) {
    followers.set(uri, new Follower({ get, url: new URL(uri, url).href, endMs, isLowLatency, nowMs, sleep }));
  }
  await Promise.all([...followers.values()].map((follower) => follower.follow()));
  const reports = brokenReports(url, followers);
  const violations = [
    ...[...followers.values()].flatMap((follower) => follower.violations),
    ...brokenVariants(multivariant, followers),
    ...brokenTogether(followers),
    ...reports.found,
    ...(isLowLatency ? await brokenProbes(url, [...followers.keys()], get) : []),
  ];
  return { violations: [...new Set(violations)], multivariant, followers, reports: reports.count };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Without cookies: sessions go by the addresses. */
export const httpGet: Get = (url) => fetchOnce(url, {});

/** As browsers do it: cookies come back. */
export function getWithCookies(): Get {
  const jar = new Map<string, string>();
  return async (url) => {
    for (let address = url, hops = 0; ; hops += 1) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetchOnce(address, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } });
      for (const set of answer.cookies) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
        jar.set(name, value);
      }
      if (answer.location === undefined || hops > 3) {
        return answer;
      }
      address = new URL(answer.location, address).href;
    }
  };
}

async function fetchOnce(url: string, init: RequestInit) {
  const askedMs = Date.now();
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) });
  const body = new Uint8Array(await response.arrayBuffer());
  const header = (name: string) => response.headers.get(name) ?? undefined;
  return {
    status: response.status,
    contentType: header('content-type'),
    encoding: header('content-encoding'),
    location: header('location'),
    cookies: response.headers.getSetCookie(),
    body,
    askedMs,
    answeredMs: Date.now(),
  };
}

/** RFC 8216bis §4.4.6.2: compares the attributes of the variants with their playlists. */
export function brokenVariants(multivariant: Multivariant, followers: ReadonlyMap<string, Follower>): string[] {
  const found: string[] = [];
  for (const variant of multivariant.variants) {
    const choices = multivariant.audio.filter(({ group }) => group === variant.audioGroup);
    if (variant.audioGroup !== undefined && choices.length === 0) {
      found.push(`audio: group ${variant.audioGroup} is not there`);
    }
    if (choices.length > 0 && choices.filter(({ isDefault }) => isDefault).length !== 1) {
      found.push(`audio: group ${variant.audioGroup} has not one default`);
    }
    const uris = [...new Set([variant.uri, ...choices.flatMap(({ uri }) => uri ?? [])])];
    const parts = uris.map((uri) => followers.get(uri)).filter((follower) => follower !== undefined);
    const tracks = parts.flatMap((follower) => [...follower.inits.values()].slice(0, 1));
    if (tracks.length > 0) {
      found.push(...brokenCodecs(variant, tracks));
    }
    // Bit rates of the first segments: these existed at the time of the multivariant playlist.
    const peaks = parts.map((follower) => [...follower.segments.values()][0]?.bitRate ?? 0);
    const peak = (peaks[0] ?? 0) + Math.max(0, ...peaks.slice(1));
    if (variant.bandwidth < Math.floor(peak)) {
      found.push(`bandwidth: ${variant.bandwidth} bit/s are listed, a segment has ${Math.ceil(peak)}`);
    }
    if ((variant.averageBandwidth ?? 0) > variant.bandwidth) {
      found.push(`bandwidth: on average ${variant.averageBandwidth} bit/s, at most ${variant.bandwidth}`);
    }
  }
  return found;
}

/** Renditions of one stream: equal numbers mean equal times, by the media and by the wall clock. */
export function brokenTogether(followers: ReadonlyMap<string, Follower>): string[] {
  const found: string[] = [];
  const [first, ...others] = [...followers];
  for (const [uri, follower] of others) {
    for (const [number, segment] of follower.segments) {
      const leading = first?.[1].segments.get(number);
      if (!leading) {
        continue;
      }
      const apartS = segment.shownS - leading.shownS;
      if (Math.abs(apartS) > TOGETHER_S) {
        found.push(`together: segment ${number} of ${uri} begins ${apartS.toFixed(3)} s off`);
      }
      const stepMs = segment.wallMs - leading.wallMs - apartS * 1000;
      if (Math.abs(stepMs) > IN_STEP_MS) {
        found.push(`wall clock: segment ${number} of ${uri} is ${stepMs.toFixed(1)} ms out of step`);
      }
    }
  }
  return found;
}

/** Every other rendition is reported in each playlist with parts, and truly (RFC 8216bis §4.4.5.4). */
function brokenReports(url: string, followers: ReadonlyMap<string, Follower>): { found: string[]; count: number } {
  const found: string[] = [];
  let count = 0;
  const byName = new Map([...followers].map(([uri, follower]) => [new URL(uri, url).pathname, follower]));
  for (const [uri, follower] of followers) {
    for (const { media, askedMs, answeredMs } of follower.history.filter(
      (seen) => seen.media.partTargetS !== undefined,
    )) {
      const reported = new Map<string, RenditionReport>();
      for (const report of media.reports) {
        reported.set(new URL(report.uri, new URL(uri, url)).pathname, report);
      }
      for (const [name, other] of byName) {
        const report = reported.get(name);
        if (other === follower) {
          continue;
        }
        if (!report) {
          found.push(`rendition report: ${uri} has none of ${name}`);
          continue;
        }
        const before = other.history.findLast((seen) => seen.answeredMs <= askedMs);
        const after = other.history.find((seen) => seen.askedMs >= answeredMs);
        if (before && after) {
          count += 1;
          found.push(...brokenReport(report, before.media, after.media));
        }
      }
    }
  }
  return { found, count };
}

/** Requests that have one right answer (RFC 8216bis §6.2.5.2). */
async function brokenProbes(url: string, uris: readonly string[], get: Get): Promise<string[]> {
  const found: string[] = [];
  for (const uri of uris) {
    const ask = (directives: Readonly<Record<string, string>>) => {
      const address = new URL(uri, url);
      for (const [name, value] of Object.entries(directives)) {
        address.searchParams.set(name, value);
      }
      return get(address.href);
    };
    const wrong = [
      { _HLS_part: '0' },
      { _HLS_msn: 'x' },
      { _HLS_msn: '-1' },
      { _HLS_msn: '999999999' },
      { _HLS_msn: '0', _HLS_part: 'x' },
    ];
    for (const directives of wrong) {
      const { status } = await ask(directives);
      if (status !== 400) {
        found.push(`blocking: ${JSON.stringify(directives)} answered with ${status}, not 400`);
      }
    }
    const { body } = await ask({});
    const [, first] = /^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(Buffer.from(body).toString()) ?? [];
    const { status } = await ask(first === undefined ? {} : { _HLS_msn: String(Number(first) + 1) });
    if (status !== 200) {
      found.push(`blocking: a segment that is there answered with ${status}`);
    }
  }
  return found;
}
