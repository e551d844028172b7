import type { FastifyInstance } from 'fastify';
import type { LoopDelay } from '../../../system/event-loop.ts';
import type { Host } from '../../features/contract.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { cors } from '../../http/listener/cors.ts';
import type { DeviceFacts } from '../../http/metrics/device-metrics.ts';
import { METRICS_HEADERS, METRICS_METHODS, mountMetrics } from '../../http/metrics/metrics-routes.ts';
import { mountPprof, PPROF_HEADERS, PPROF_METHODS } from '../../http/pprof/pprof-routes.ts';
import { Profiler } from '../../http/pprof/profiler.ts';
import type { PathTable } from '../../paths/path-table.ts';
import type { SessionTables } from '../../protocols/contract.ts';
import { DISK_STATES } from '../../record/space/disk-state.ts';
import type { Recordings } from '../../recordings/recordings.ts';

export interface MetricsAndProfilesDeps extends Pick<Host, 'version' | 'clock' | 'config'> {
  readonly paths: PathTable;
  readonly recordings: Recordings;
  readonly loop: { readonly delay: LoopDelay };
  readonly features: { metrics(): ReturnType<DeviceFacts['features']> };
  readonly commands: { tallies(): ReturnType<DeviceFacts['hooks']> };
}

export class MetricsAndProfiles {
  readonly #deps: MetricsAndProfilesDeps;
  readonly #profiler: Profiler;
  readonly #box: DeviceFacts;

  constructor(deps: MetricsAndProfilesDeps) {
    const { version, clock, recordings, loop, commands, features } = deps;
    this.#deps = deps;
    this.#profiler = new Profiler({ clock });
    const startedMs = clock.monoMs();
    this.#box = {
      version,
      wallMs: () => clock.wallMs(),
      uptimeMs: () => clock.monoMs() - startedMs,
      loopDelay: () => loop.delay,
      diskStates: DISK_STATES,
      disks: () => recordings.disks(),
      losses: () => recordings.recorders.losses(),
      hooks: () => commands.tallies(),
      features: () => features.metrics(),
    };
  }

  /** @param isAlone no other routes on the listener */
  mountMetrics(app: FastifyInstance, access: HttpAccess, sessions: SessionTables, isAlone: boolean): Promise<void> {
    const { paths, config } = this.#deps;
    const hook = cors(() => config().metricsAllowOrigins, METRICS_METHODS, METRICS_HEADERS);
    return mountMetrics(app, { access, cors: hook, paths, sessions, box: this.#box }, isAlone);
  }

  /** @param isAlone no other routes on the listener */
  mountPprof(app: FastifyInstance, access: HttpAccess, isAlone: boolean): Promise<void> {
    const { clock, config } = this.#deps;
    const hook = cors(() => config().pprofAllowOrigins, PPROF_METHODS, PPROF_HEADERS);
    return mountPprof(app, { access, cors: hook, profiler: this.#profiler, wallMs: () => clock.wallMs() }, isAlone);
  }
}
