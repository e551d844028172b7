import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../api-client/request.ts';
import { isPageVisible } from '../shell/page-state.ts';

interface Seen {
  readonly now: boolean;
  /** Since the machine was started. */
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
  /** Somebody would start the device again. */
  readonly canRestart: boolean;
  /** What is wrong in the configuration file, of which not all is in force then. */
  readonly configFault: { readonly line: number | null } | null;
  readonly temperatureCelsius: number | null;
  /** Of a Raspberry Pi. */
  readonly power: Readonly<Record<'underVoltage' | 'slowed' | 'hot', Seen>> | null;
  readonly network: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    /** Bits per second. */
    readonly inboundBitrate: number | null;
  }[];
  readonly clock: {
    readonly time: string;
    /** Behind the clock of this device when it came; below 0: before it. What is shown of it gets old. */
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

const LOOK_MS = 5_000;

/** Undefined until the device has answered; what was seen last stays. */
export function useSystemFacts(): SystemFacts | undefined {
  const [facts, setFacts] = useState<SystemFacts>();
  useEffect(() => {
    const stop = new AbortController();
    const look = () => {
      if (isPageVisible.peek()) {
        systemFacts(stop.signal).then(setFacts, () => {});
      }
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return facts;
}
