import type { EventLoopWatch } from '../../../system/event-loop.ts';
import { hostFacts } from '../../../system/host.ts';
import type { ProcessLoad } from '../../../system/process-load.ts';
import type { Host } from '../../features/contract.ts';
import type { Stats } from '../../http/api/device/stats.ts';
import type { PathTable } from '../../paths/path-table.ts';

interface ServerStatsDeps extends Pick<Host, 'version' | 'clock'> {
  readonly paths: PathTable;
  readonly load: ProcessLoad;
  readonly loop: EventLoopWatch;
}

/** @param started RFC 3339; `startedMs`: the same, monotonic */
export async function serverStats(deps: ServerStatsDeps, started: string, startedMs: number): Promise<Stats> {
  const { version, paths, load, loop, clock } = deps;
  const { meanMs, p99Ms, maxMs } = loop.delay;
  const [host, own, all] = [await hostFacts([]), load.read(), paths.list()];
  return {
    version,
    started,
    uptimeSeconds: Math.round((clock.monoMs() - startedMs) / 1000),
    cpuPercent: host.cpuPercent,
    processCpuPercent: own.cpuPercent,
    memoryUsedBytes: host.memoryUsedBytes,
    memoryTotalBytes: host.memoryTotalBytes,
    processMemoryBytes: own.memoryBytes,
    heapUsedBytes: own.heapUsedBytes,
    eventLoopDelayMs: { mean: meanMs, p99: p99Ms, max: maxMs },
    paths: all.length,
    activeStreams: all.filter(({ ready }) => ready).length,
    publishers: all.filter(({ source }) => source && source.id !== '').length,
    readers: all.reduce((sum, { readers }) => sum + readers.length, 0),
    recordings: all.filter(({ recording }) => recording?.active).length,
    inboundBitrate: all.reduce((sum, { bitrate }) => sum + bitrate, 0),
  };
}
