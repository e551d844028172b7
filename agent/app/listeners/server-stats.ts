import type { EventLoopWatch } from '../../../system/event-loop.ts';
import { hostFacts } from '../../../system/host.ts';
import type { ProcessLoad } from '../../../system/process-load.ts';
import type { Host } from '../../features/contract.ts';
import type { Stats } from '../../http/api/device/stats.ts';
import type { PathTable } from '../../paths/path-table.ts';

export interface ServerStatsDeps extends Pick<Host, 'version' | 'clock'> {
  readonly paths: PathTable;
  readonly load: ProcessLoad;
  readonly loop: EventLoopWatch;
}

/** Figures of this run of Perch. */
export class ServerStats {
  readonly #deps: ServerStatsDeps;
  /** RFC 3339. */
  readonly started: string;
  readonly #startedMs: number;

  constructor(deps: ServerStatsDeps) {
    this.#deps = deps;
    this.started = new Date(deps.clock.wallMs()).toISOString();
    this.#startedMs = deps.clock.monoMs();
  }

  async stats(): Promise<Stats> {
    const { version, paths, load, loop, clock } = this.#deps;
    const { meanMs, p99Ms, maxMs } = loop.delay;
    const [host, own, all] = [await hostFacts([]), load.read(), paths.list()];
    return {
      version,
      started: this.started,
      uptimeSeconds: Math.round((clock.monoMs() - this.#startedMs) / 1000),
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
}
