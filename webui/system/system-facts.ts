import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../api-client/request.ts';
import { isPageVisible } from '../shell/page-state.ts';

interface PowerFault {
  readonly now: boolean;
  /** Since the machine started. */
  readonly sinceStart: boolean;
}

export interface SystemFacts {
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  /** 0 to 100, all processors together. */
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly host: string;
  /** In the local network: `perch.local`. */
  readonly name: string | null;
  readonly model: string | null;
  /** Something restarts Perch after its end. */
  readonly canRestart: boolean;
  /** The first error of the configuration file, which is then not fully in effect. */
  readonly configFault: { readonly line: number | null } | null;
  readonly temperatureCelsius: number | null;
  /** Null: the box has no such sensor. */
  readonly power: Readonly<Record<'underVoltage' | 'slowed' | 'hot', PowerFault>> | null;
  readonly hardwareFaults: readonly { readonly why: string; readonly since: string }[];
  readonly network: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    /** Bits per second. */
    readonly inboundBitrate: number | null;
  }[];
  readonly clock: {
    readonly time: string;
    /** Offset to the box's clock at the response; negative: the browser is ahead. */
    readonly behindMs: number;
    readonly timeZone: string;
    readonly set: boolean;
    readonly source: 'network' | 'battery' | 'none';
    readonly canBeSet: boolean;
  };
}

export async function systemFacts(signal: AbortSignal): Promise<SystemFacts> {
  const { clock, ...facts } = await fetchJson<SystemFacts>('v3/system', { signal });
  return { ...facts, clock: { ...clock, behindMs: Date.now() - Date.parse(clock.time) } };
}

const POLL_MS = 5_000;

/** Undefined until the first response; the last values stay. */
export function useSystemFacts(): SystemFacts | undefined {
  const [facts, setFacts] = useState<SystemFacts>();
  useEffect(() => {
    const stop = new AbortController();
    const load = () => {
      if (isPageVisible.peek()) {
        systemFacts(stop.signal).then(setFacts, () => {});
      }
    };
    load();
    const timer = setInterval(load, POLL_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return facts;
}
